"""Adapter for reForge: A1111's models and options on Forge's model parts and memory manager."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from ldm_patched.modules import model_management
from torch import Tensor

from lib_vaeface.face.protocol import LatentCoder, Resampler
from lib_vaeface.host import first_stage, parts
from lib_vaeface.host.a1111 import A1111
from lib_vaeface.host.conditioning import Redirect, Texts
from lib_vaeface.vae.protocol import Coder, HostVae
from modules import sd_hijack, sd_models, sd_vae, shared

REFLECTS = 'reForge\'s option "reflective vae padding" is on, which only its own VAE setting follows.'


RAMP = "dynamic_clip_skip_enabled"
"""reForge's option for a clip skip that changes over the first pass; the conditioning of each is asked for ahead."""


class RampedTexts(Texts):
    def variant(self, hires: bool) -> tuple[int, ...]:
        ramped = not hires and getattr(shared.opts, RAMP, False)
        return (int(shared.opts.CLIP_stop_at_last_layers),) if ramped else ()


class PointedReForge(parts.PointedModel):
    manager = model_management

    def raw(self, scaled: Tensor) -> Tensor:
        raw: Tensor = _latent_format(self.module).process_out(scaled)
        return raw

    def scaled(self, moments: Tensor) -> Tensor:
        vae = self.module.forge_objects.vae
        scaled: Tensor = _latent_format(self.module).process_in(vae.first_stage_model.regularization(moments)[0])
        return scaled


class ReForgeStage(first_stage.FirstStage):
    def pointers(self, coder: Coder, job: weakref.ref[Any], thread: int) -> Sequence[first_stage.Pointed]:
        return [PointedReForge(shared.sd_model, coder, job, thread)]


class ReForge(parts.PartsLending, A1111):
    """See `Host`."""

    def __init__(self) -> None:
        super().__init__("reForge")
        self._redirect = Redirect(self._conditioning, self._conditioning_failed, RampedTexts())
        self._first_stage = ReForgeStage()

    def vae(self, job: Any) -> HostVae:
        return host_vae(job)

    def resampler(self, job: Any, coder: LatentCoder, open_session: Callable[[Any], None]) -> Resampler:
        return parts.PartsResampler(job, parts.with_room(model_management, coder), open_session)

    def count_tokens(self, text: str) -> int:
        model = sd_models.model_data.sd_model  # never loads one
        hijack: Any = sd_hijack.model_hijack
        return int(hijack.get_prompt_lengths(text, model.cond_stage_model)[0]) if model else 0

    def _variant(self, denoiser: Any) -> tuple[int, ...]:
        """The clip skip of this call."""
        ramp = getattr(denoiser.p, "dynamic_clip_skip_schedule", None)
        if not ramp or getattr(denoiser.p, "is_hr_pass", False) or not getattr(shared.opts, RAMP, False):
            return ()
        return (int(ramp[min(denoiser.step, len(ramp) - 1)]),)


def host_vae(job: Any) -> HostVae:
    """The loaded model's own VAE; reForge loads the one that the person chooses into the same tensors. ValueError: no
    model is loaded."""
    model = shared.sd_model
    objects = getattr(model, "forge_objects", None)
    if objects is None:
        raise ValueError("No model is loaded. Choose a checkpoint first.")
    vae, info = objects.vae, model.sd_checkpoint_info
    module, latent_format = vae.first_stage_model, _latent_format(model)
    loaded = getattr(sd_vae, "loaded_vae_file", None) or ""
    return HostVae(
        checkpoint=str(getattr(info, "name_for_extra", "") or getattr(info, "name", "")),
        file=str(loaded or getattr(info, "filename", "")),
        identity=f"{getattr(info, 'filename', '')}|{getattr(info, 'shorthash', '')}|{loaded}|{id(module)}",
        formats=parts.formats(latent_format),
        channels=int(vae.latent_channels),
        scale=float(getattr(latent_format, "scale_factor", 1.0)),
        shift=float(getattr(latent_format, "shift_factor", 0.0)),
        tensors=module.state_dict(),
        encode=lambda images: _encode(vae, images),
        decode=lambda raw: parts.decode(model_management, vae, raw),
        device=torch.device(vae.device),
        circular=bool(getattr(job, "tiling", False)),
        odd=REFLECTS if any(getattr(one, "padding_mode", "") == "reflect" for one in module.modules()) else "",
    )


def _latent_format(model: Any) -> Any:
    return model.forge_objects.unet.model.model_config.latent_format


@torch.no_grad()
def _encode(vae: Any, images: Tensor) -> Tensor:
    found: Tensor = vae.first_stage_model.encode(parts.pixels(model_management, vae, images))
    return found.float()
