"""Low-memory modes do not exist here: the whole model stays on one device. The names are kept for callers."""

from __future__ import annotations

from typing import Any

from modules import devices, shared


def is_needed(sd_model: Any) -> bool:
    return False


def is_enabled(sd_model: Any) -> bool:
    return bool(sd_model.lowvram)


def apply(sd_model: Any) -> None:
    """Marks the model as one that is moved as a whole."""
    sd_model.lowvram = is_needed(sd_model)


def send_everything_to_cpu() -> None:
    """Moves the whole current model to the CPU."""
    shared.sd_model.to(devices.cpu)
