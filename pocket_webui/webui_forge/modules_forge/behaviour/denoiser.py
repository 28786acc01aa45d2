"""Guidance: callbacks see the batch's rows alone, the negative may be missing, noise levels are real ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from backend import memory_management
from modules import devices, prompt_parser, sd_samplers_cfg_denoiser, sd_samplers_common, sd_samplers_timesteps, shared
from modules.script_callbacks import (
    AfterCFGCallbackParams,
    CFGDenoiserParams,
    cfg_after_cfg_callback,
    cfg_denoiser_callback,
)
from modules.shared import opts, state

Rows = list[list[tuple[int, float]]]


def forward(
    self: Any, x: Tensor, sigma: Tensor, uncond: Any, cond: Any, cond_scale: float, s_min_uncond: float, image_cond: Any
) -> Tensor:
    """x [B,z,h,w] -> the denoised, or the noise in it for samplers by timesteps."""
    if state.interrupted or state.skipped:
        raise sd_samplers_common.InterruptedException
    given = sigma
    classic = getattr(self, "classic_ddim_eps_estimation", False)
    if classic:
        alpha = self.timestep_alphas[sigma.long()]
        sigma = ((1 - alpha) / alpha).sqrt()
        x = x * (sigma**2 + 1.0).sqrt()[:, None, None, None]
    if _refined(self):
        cond, uncond = (self.sampler.sampler_extra_args[key] for key in ("cond", "uncond"))
    rows, text = prompt_parser.reconstruct_multicond_batch(cond, self.step)
    uncond = None if uncond is None else prompt_parser.reconstruct_cond_batch(uncond, self.step)
    if self.mask is not None:
        noised = self.init_latent + torch.randn_like(self.init_latent) * sigma[:, None, None, None]
        x = x * self.nmask + noised * self.mask
    params = CFGDenoiserParams(x, image_cond, sigma, state.sampling_step, state.sampling_steps, text, uncond, self)
    memory_management.sampling = True
    try:
        cfg_denoiser_callback(params)
    finally:
        memory_management.sampling = False
    scale = _scale(self, cond_scale, s_min_uncond, params.sigma)
    denoised = _guided(self, params, rows, scale, given if classic else params.sigma)
    if self.mask is not None:
        denoised = self._blend(denoised, sigma)
    self.sampler.last_latent = denoised
    sd_samplers_common.store_latent(denoised)
    after = AfterCFGCallbackParams(denoised, state.sampling_step, state.sampling_steps)
    cfg_after_cfg_callback(after)
    self.step += 1
    return (params.x - after.x) / sigma[:, None, None, None] if classic else after.x


def _refined(denoiser: Any) -> bool:
    """The refiner takes over by steps, never by noise levels."""
    if denoiser.p.refiner_checkpoint_info is None:
        return False
    before = opts.refiner_switch_by_sample_steps
    opts.data["refiner_switch_by_sample_steps"] = True
    try:
        return sd_samplers_common.apply_refiner(denoiser)
    finally:
        opts.data["refiner_switch_by_sample_steps"] = before
        denoiser.p.extra_generation_params.pop("Refiner switch by sampling steps", None)


def _scale(denoiser: Any, cond_scale: float, s_min_uncond: float, sigma: Tensor) -> float:
    job = denoiser.p
    scale = job.hr_cfg if job.is_hr_pass else cond_scale
    return 1.0 if denoiser._skips_uncond(s_min_uncond, sigma) else scale


def _guided(denoiser: Any, params: CFGDenoiserParams, rows: Rows, scale: float, level: Tensor) -> Tensor:
    """Part by part over the whole batch; where images have different numbers of parts, what is over is dropped, and a
    part's weight is the last image's."""
    parts = list(zip(*rows, strict=False))
    texts = [_taken(params.text_cond, [row for row, _ in part]) for part in parts]
    predicted = [_predict(denoiser, params, text, level) for text in texts]
    weights = [part[-1][1] for part in parts]
    total = sum(weights)
    positive = sum(weight * one for weight, one in zip(weights, predicted, strict=True)) / total
    if scale == 1.0 or params.text_uncond is None:
        return positive if total == 1.0 else positive * scale * total
    negative = _predict(denoiser, params, params.text_uncond, level)
    return negative + (positive - negative) * scale * total


def _taken(cond: Any, rows: list[int]) -> Any:
    if not isinstance(cond, dict):
        return cond[rows]
    return prompt_parser.DictWithShape({key: value[rows] for key, value in cond.items()})


def _predict(denoiser: Any, params: CFGDenoiserParams, cond: Any, level: Tensor) -> Tensor:
    """The picture [B,z,h,w] that the model sees in params.x. level: sigmas, or the sampler's timesteps."""
    x, sigma = params.x, params.sigma[:, None, None, None]
    if isinstance(cond, dict):
        given = {key: value.to(devices.dtype_unet) for key, value in cond.items()}
    else:
        given = {"c_crossattn": [cond.to(devices.dtype_unet)]}
    given["c_concat"] = [params.image_cond]
    if not getattr(denoiser, "classic_ddim_eps_estimation", False):
        return denoiser.inner_model(x, params.sigma, cond=given)
    return x - sigma * denoiser.inner_model(x / (sigma**2 + 1.0).sqrt(), level, cond=given)


def install() -> None:
    base: Any = sd_samplers_cfg_denoiser.CFGDenoiser
    base.forward = forward
    base.combine_denoised = lambda self, *_: None
    by_steps: Any = sd_samplers_timesteps.CFGDenoiserTimesteps
    made = by_steps.__init__

    def init(self: Any, sampler: Any) -> None:
        made(self, sampler)
        self.timestep_alphas = shared.sd_model.network.alphas_cumprod
        del self.alphas
        self.mask_before_denoising, self.classic_ddim_eps_estimation = False, True

    by_steps.__init__ = init
