"""The sampler of latent consistency models (Luo et al., 2023); other checkpoints run with it, but paint badly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from tqdm.auto import trange

from modules import sd_samplers_cfg_denoiser, sd_samplers_common, sd_samplers_kdiffusion, shared
from modules.k_diffusion_parts import append_dims, external, sampling
from modules.sd_models_types import network_of

_TRAINED_STEPS = 50


class LCMCompVisDenoiser(external.DiscreteEpsDDPMDenoiser):
    """Knows only the 50 noise levels that such a model was distilled at."""

    def __init__(self, model: Any) -> None:
        self.skip_steps = len(model.alphas_cumprod) // _TRAINED_STEPS
        super().__init__(model, model.alphas_cumprod[self.skip_steps - 1 :: self.skip_steps], quantize=None)

    def get_sigmas(self, n: int | None = None) -> torch.Tensor:
        if n is None:
            return sampling.append_zero(self.sigmas.flip(0))
        times = torch.linspace(float(self.sigma_to_t(self.sigma_max)), float(self.sigma_to_t(self.sigma_min)), n)
        return sampling.append_zero(self.t_to_sigma(times.to(self.sigmas.device)))

    def sigma_to_t(self, sigma: torch.Tensor, quantize: bool | None = None) -> torch.Tensor:
        distances = (sigma.log() - self.log_sigmas[:, None]).abs()
        return distances.argmin(dim=0).view(sigma.shape) * self.skip_steps + (self.skip_steps - 1)

    def t_to_sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        level = (timestep - (self.skip_steps - 1)) / self.skip_steps
        return super().t_to_sigma(level.float().clamp(0, len(self.sigmas) - 1))

    def get_eps(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        return self.inner_model.apply_model(*args, **kwargs)

    def forward(self, input: torch.Tensor, sigma: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        denoised, data_sigma = super().forward(input, sigma, **kwargs), 0.5
        time = append_dims(self.sigma_to_t(sigma), input.ndim) * 10.0
        keep = data_sigma**2 / (time**2 + data_sigma**2)
        take = time / (time**2 + data_sigma**2) ** 0.5
        return take * denoised + keep * input


@torch.no_grad()
def sample_lcm(
    model: Callable[..., torch.Tensor],
    x: torch.Tensor,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callable[[dict], None] | None = None,
    disable: bool | None = None,
    noise_sampler: Callable[..., torch.Tensor] | None = None,
) -> torch.Tensor:
    """Denoises at once at each level, then adds the next level's noise."""
    noise_sampler = noise_sampler or sampling.default_noise_sampler(x)
    rows = x.new_ones([x.shape[0]])
    for i in trange(len(sigmas) - 1, disable=disable):
        denoised = model(x, sigmas[i] * rows, **(extra_args or {}))
        if callback is not None:
            callback({"x": x, "i": i, "sigma": sigmas[i], "sigma_hat": sigmas[i], "denoised": denoised})
        x = denoised
        if sigmas[i + 1] > 0:
            x = x + sigmas[i + 1] * noise_sampler(sigmas[i], sigmas[i + 1])
    return x


class CFGDenoiserLCM(sd_samplers_cfg_denoiser.CFGDenoiser):
    @property
    def inner_model(self) -> Any:
        if self.model_wrap is None:
            self.model_wrap = LCMCompVisDenoiser(network_of(shared.sd_model))
        return self.model_wrap


class LCMSampler(sd_samplers_kdiffusion.KDiffusionSampler):
    denoiser_class = CFGDenoiserLCM


samplers_lcm = [("LCM", sample_lcm, ["k_lcm"], {})]
samplers_data_lcm = [
    sd_samplers_common.SamplerData(label, lambda model, func=func: LCMSampler(func, model), aliases, options)
    for label, func, aliases, options in samplers_lcm
]
