"""Adapter for Forge: what differs from A1111 is here, see docs/hosts.md.

Its sampler asks with the batch's rows only, its jobs run in inference_mode, its checkpoints are engines, its VAE takes
and gives pictures [B,H,W,3] in 0..1, and its own memory manager decides what lies on the device.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from backend import memory_management
from backend.nn.vae import DiagonalGaussianDistribution
from backend.text_processing import classic_engine
from lib_vaeface.face.protocol import LatentCoder, Resampler
from lib_vaeface.host import parts
from lib_vaeface.host.a1111 import A1111
from lib_vaeface.host.conditioning import Redirect, Texts
from lib_vaeface.host.first_stage import FirstStage, Pointed
from lib_vaeface.vae.protocol import Coder, HostVae
from modules import devices, sd_models, shared

forge_models: Any = sd_models  # with what A1111's module of that name does not have
ENGINES = ("text_processing_engine", "text_processing_engine_l", "text_processing_engine_g")
SAME_MODULES = "Use same choices"


class EngineTexts(Texts):
    """The engine's own text encoders. Their tensors are made in inference_mode; ours are kept beyond it."""

    def encode(self, model: Any, asked: Any) -> tuple[Any, dict[str, str]]:
        before = classic_engine.last_extra_generation_params
        classic_engine.last_extra_generation_params = {}
        try:
            model.set_clip_skip(int(shared.opts.CLIP_stop_at_last_layers))
            with devices.autocast():
                conds = model.get_learned_conditioning(asked)
            found = classic_engine.last_extra_generation_params
            return _kept(conds), {str(key): str(value) for key, value in found.items()}
        finally:
            classic_engine.last_extra_generation_params = before

    def remarks(self) -> Any:
        return getattr(shared.sd_model, "extra_generation_params", None)

    def embeddings(self, model: Any) -> Iterable[tuple[str, Any]]:
        for name in ENGINES:
            known = getattr(getattr(model, name, None), "embeddings", None)
            yield from (getattr(known, "word_embeddings", None) or {}).items()

    def about(self, prompts: Any) -> dict[str, Any]:
        return {**super().about(prompts), "distilled_cfg_scale": getattr(prompts, "distilled_cfg_scale", None)}

    def state(self, prompts: Any, plain: bool) -> Hashable:
        return forge_models.model_data.forge_hash, () if plain else tuple(self.about(prompts).values())


class PointedEngine(parts.PointedModel):
    manager = memory_management

    def raw(self, scaled: Tensor) -> Tensor:
        raw: Tensor = self.module.forge_objects.vae.first_stage_model.process_out(scaled)
        return raw

    def scaled(self, moments: Tensor) -> Tensor:
        return _latents(self.module.forge_objects.vae, moments)


class ForgeStage(FirstStage):
    def pointers(self, coder: Coder, job: weakref.ref[Any], thread: int) -> Sequence[Pointed]:
        return [PointedEngine(shared.sd_model, coder, job, thread)]


class ForgeResampler(parts.PartsResampler):
    """Its models do not tell the size that they were trained at."""

    def __init__(self, job: Any, coder: LatentCoder, open_session: Callable[[Any], None]) -> None:
        super().__init__(job, coder, open_session)
        model = shared.sd_model
        if not (getattr(model, "is_sd1", False) or getattr(model, "is_sd2", False)):
            self.native = 1024


class Forge(parts.PartsLending, A1111):
    """See `Host`."""

    def __init__(self) -> None:
        super().__init__("Forge")
        self._redirect = Redirect(self._conditioning, self._conditioning_failed, EngineTexts())
        self._first_stage = ForgeStage()

    def has_model(self) -> bool:
        return getattr(sd_models.model_data.sd_model, "forge_objects", None) is not None

    def vae(self, job: Any) -> HostVae:
        return host_vae(job)

    def second_models(self, job: Any) -> Collection[str]:
        modules = getattr(job, "hr_additional_modules", None) or [SAME_MODULES]
        latent = getattr(job, "enable_hr", False) and getattr(job, "latent_scale_mode", None) is not None
        other = {"hires"} if latent and SAME_MODULES not in modules else set()
        return {*super().second_models(job), *other}

    def resampler(self, job: Any, coder: LatentCoder, open_session: Callable[[Any], None]) -> Resampler:
        return ForgeResampler(job, parts.with_room(memory_management, coder), open_session)

    def settle_model(self) -> None:
        forge_models.forge_model_reload()

    def compute_device(self) -> torch.device:
        return torch.device(memory_management.get_torch_device())

    def count_tokens(self, text: str) -> int:
        return int(shared.sd_model.get_prompt_lengths_on_ui(text)[0])


def host_vae(job: Any) -> HostVae:
    """The loaded model's own VAE, or the one that the person put in its place. ValueError: no model is loaded yet."""
    model = shared.sd_model
    objects = getattr(model, "forge_objects", None)
    if objects is None:
        raise ValueError("No model is loaded. Forge loads the checkpoint with the first picture.")
    vae, info = objects.vae, model.sd_checkpoint_info
    module = vae.first_stage_model
    return HostVae(
        checkpoint=str(getattr(info, "name_for_extra", "") or getattr(info, "name", "")),
        file=str(getattr(info, "filename", "")),
        identity=f"{forge_models.model_data.forge_hash}|{getattr(info, 'shorthash', '')}|{id(module)}",
        formats=parts.formats(getattr(getattr(model, "model_config", None), "latent_format", None)),
        channels=int(vae.latent_channels),
        scale=float(module.scaling_factor),
        shift=float(module.shift_factor),
        tensors=module.state_dict(),
        encode=lambda images: _encode(vae, images),
        decode=lambda raw: parts.decode(memory_management, vae, raw),
        device=torch.device(vae.device),
        circular=bool(getattr(job, "tiling", False)),
    )


@torch.no_grad()
def _encode(vae: Any, images: Tensor) -> Tensor:
    pixels = parts.pixels(memory_management, vae, images)
    mean: Tensor = vae.first_stage_model.encode(pixels, lambda posterior: posterior.mode())
    return mean.float()


def _latents(vae: Any, moments: Tensor) -> Tensor:
    """Scaled latents of a picture's moments, drawn as Forge draws them."""
    posterior = DiagonalGaussianDistribution(moments)
    regulation = vae.patcher.model_options.get("model_vae_regulation")
    raw = posterior.sample() if regulation is None else regulation(posterior)
    scaled: Tensor = vae.first_stage_model.process_in(raw)
    return scaled


def _kept(conds: Any) -> Any:
    """The same values as ordinary tensors, that both grad modes take."""
    if isinstance(conds, dict):
        return {key: _kept(value) for key, value in conds.items()}
    with torch.inference_mode(False), torch.no_grad():
        return conds.clone()
