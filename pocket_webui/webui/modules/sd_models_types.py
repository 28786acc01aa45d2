"""What `shared.sd_model` is, for type hints of extensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pocket_webui.nets.diffusion import LatentDiffusion

if TYPE_CHECKING:
    from modules.sd_models import CheckpointInfo


class WebuiSdModel(LatentDiffusion):
    """A loaded model with the WebUI's own attributes."""

    lowvram: bool
    """always False here"""
    sd_model_hash: str
    """first ten characters of the file's sha256"""
    sd_model_checkpoint: str
    """path of the file"""
    sd_checkpoint_info: CheckpointInfo
    is_sdxl: bool
    is_ssd: bool
    is_sd1: bool
    is_sd2: bool
    is_sd3: bool


def network_of(model: Any) -> Any:
    """What computes in a loaded model: the model itself, unless it is an engine that only holds it."""
    return getattr(model, "network", model)
