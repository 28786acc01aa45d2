"""The memory manager. There is one device here, so nothing is moved; what asks for memory while the sampler runs, when
Forge could put the U-Net off the device, fails."""

from __future__ import annotations

from typing import Any

import torch

from modules import devices

sampling = False
"""Whether a sampler holds the device."""
current_loaded_models: list[Any] = []


def get_torch_device() -> torch.device:
    return devices.device


def vae_device() -> torch.device:
    return devices.device


def vae_dtype() -> torch.dtype:
    return devices.dtype_vae


def _refuse() -> None:
    if sampling:
        raise RuntimeError("a model was moved while the sampler runs: on Forge this may put the U-Net off the device")


def free_memory(memory_required: float, device: Any, keep_loaded: Any = (), free_all: bool = False) -> None:
    """Make room on the device, in bytes."""
    _refuse()


def load_models_gpu(models: list[Any], memory_required: float = 0, hard_memory_preservation: float = 0) -> None:
    """Put models (ModelPatcher) on the device."""
    _refuse()
    current_loaded_models[:] = [*models, *(model for model in current_loaded_models if model not in models)]


def load_model_gpu(model: Any) -> None:
    load_models_gpu([model])
