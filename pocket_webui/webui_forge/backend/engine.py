"""A loaded checkpoint: its parts in `forge_objects`, and none of the names under which A1111 keeps them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from backend.nn.vae import IntegratedAutoencoderKL
from backend.patcher.vae import VAE, ModelPatcher
from backend.text_processing import classic_engine
from modules import sd_hijack, shared

FLAGS = ("is_sd1", "is_sd2", "is_sdxl", "is_sd3")


class SD15:
    """Latents of SD1."""


class SDXL:
    """Latents of SDXL."""


class ForgeObjects:
    def __init__(self, unet: Any, clip: Any, vae: VAE) -> None:
        self.unet, self.clip, self.vae, self.clipvision = unet, clip, vae, None

    def shallow_copy(self) -> ForgeObjects:
        return ForgeObjects(self.unet, self.clip, self.vae)


class Engine:
    """`network` is the pocket WebUI's model and for its pipeline alone."""

    def __init__(self, network: Any, info: Any) -> None:
        self.network = network
        self.sd_checkpoint_info, self.filename = info, info.filename
        self.sd_model_hash = info.calculate_shorthash()
        for name in FLAGS:
            setattr(self, name, getattr(network, name))
        self.first_stage_model = self.cond_stage_model = None
        self.model_config = SimpleNamespace(latent_format=SDXL() if network.is_sdxl else SD15())
        self.use_distilled_cfg_scale = self.tiling_enabled = False
        self.current_lora_hash = "[]"
        self.comments: list[str] = []
        self.extra_generation_params: dict[str, str] = {}
        self._clip_skip = 1
        vae = VAE(IntegratedAutoencoderKL(network.first_stage_model, network.scale_factor), network.latent_channels)
        self.forge_objects = ForgeObjects(ModelPatcher(network.model), ModelPatcher(network.cond_stage_model), vae)
        self.forge_objects_original = self.forge_objects.shallow_copy()
        self.forge_objects_after_applying_lora = self.forge_objects.shallow_copy()

    def set_clip_skip(self, clip_skip: int) -> None:
        self._clip_skip = clip_skip

    @torch.inference_mode()
    def get_learned_conditioning(self, prompt: Any) -> Any:
        """Texts with what `set_clip_skip` said last; remarks go to `classic_engine`."""
        known = sd_hijack.model_hijack.extra_generation_params
        wanted = shared.opts.data.get("CLIP_stop_at_last_layers", 1)
        shared.opts.data["CLIP_stop_at_last_layers"] = self._clip_skip
        try:
            found = self.network.get_learned_conditioning(prompt)
        finally:
            shared.opts.data["CLIP_stop_at_last_layers"] = wanted
        classic_engine.last_extra_generation_params.update(known)
        known.clear()
        return found

    def get_prompt_lengths_on_ui(self, prompt: str) -> tuple[Any, Any]:
        return sd_hijack.model_hijack.get_prompt_lengths(prompt)

    def get_first_stage_encoding(self, x: Tensor) -> Tensor:
        return x

    @torch.inference_mode()
    def encode_first_stage(self, x: Tensor) -> Tensor:
        """Pictures [B,3,H,W] in -1..1 to scaled latents."""
        vae = self.forge_objects.vae
        return vae.first_stage_model.process_in(vae.encode(x.movedim(1, -1) * 0.5 + 0.5)).to(x)

    @torch.inference_mode()
    def decode_first_stage(self, x: Tensor) -> Tensor:
        """Scaled latents to pictures [B,3,H,W], cut to -1..1."""
        vae = self.forge_objects.vae
        return (vae.decode(vae.first_stage_model.process_out(x)).movedim(-1, 1) * 2.0 - 1.0).to(x)
