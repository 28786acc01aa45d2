"""Noise schedules: functions giving n + 1 falling sigmas, the last one zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from modules import shared
from modules.k_diffusion_parts import sampling


@dataclass
class Scheduler:
    """function(n, sigma_min, sigma_max, device[, inner_model][, rho]) -> sigmas [n + 1]; None: the sampler's own."""

    name: str
    label: str
    function: Callable[..., torch.Tensor] | None
    default_rho: float = -1
    need_inner_model: bool = False
    aliases: list[str] = field(default_factory=list)


def _sigmas(values: Any, device: Any) -> torch.Tensor:
    return torch.tensor([*map(float, values), 0.0], dtype=torch.float32, device=device)


def _times(sigma_min: float, sigma_max: float, inner_model: Any) -> tuple[float, float]:
    """Model times of the two sigmas, the noisy one first."""
    return tuple(float(inner_model.sigma_to_t(torch.tensor(sigma))) for sigma in (sigma_max, sigma_min))


def uniform(n: int, sigma_min: float, sigma_max: float, inner_model: Any, device: Any) -> torch.Tensor:
    return inner_model.get_sigmas(n).to(device)


def sgm_uniform(n: int, sigma_min: float, sigma_max: float, inner_model: Any, device: Any) -> torch.Tensor:
    times = torch.linspace(*_times(sigma_min, sigma_max, inner_model), n + 1)[:-1]
    return _sigmas(inner_model.t_to_sigma(times), device)


def normal_scheduler(n: int, sigma_min: float, sigma_max: float, inner_model: Any, device: Any) -> torch.Tensor:
    times = torch.linspace(*_times(sigma_min, sigma_max, inner_model), n)
    return _sigmas(inner_model.t_to_sigma(times), device)


def simple_scheduler(n: int, sigma_min: float, sigma_max: float, inner_model: Any, device: Any) -> torch.Tensor:
    stride = len(inner_model.sigmas) / n
    return _sigmas([inner_model.sigmas[-(1 + int(i * stride))] for i in range(n)], device)


def ddim_scheduler(n: int, sigma_min: float, sigma_max: float, inner_model: Any, device: Any) -> torch.Tensor:
    stride = max(len(inner_model.sigmas) // n, 1)
    return _sigmas(inner_model.sigmas[1::stride].flip(0), device)


def kl_optimal(n: int, sigma_min: float, sigma_max: float, device: Any) -> torch.Tensor:
    low, high = (torch.tensor(sigma, device=device).atan() for sigma in (sigma_min, sigma_max))
    share = torch.arange(n + 1, device=device) / n
    return torch.tan(share * low + (1.0 - share) * high)


# sigmas of "Align Your Steps" for ten steps (Sabour et al., 2024)
_ALIGNED = {
    "sd1": [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029],
    "sdxl": [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029],
}


def get_align_your_steps_sigmas(n: int, sigma_min: float, sigma_max: float, device: Any) -> torch.Tensor:
    known = _ALIGNED["sdxl" if shared.sd_model.is_sdxl else "sd1"]
    if n == len(known):
        return _sigmas(known, device)
    places = np.linspace(0, 1, n)
    return _sigmas(np.exp(np.interp(places, np.linspace(0, 1, len(known)), np.log(known))), device)


def beta_scheduler(n: int, sigma_min: float, sigma_max: float, device: Any) -> torch.Tensor:
    """Quantiles of a Beta distribution ("Beta Sampling is All You Need", Lee et al., 2024)."""
    from scipy import stats  # slow to import, and rarely needed

    levels = stats.beta.ppf(1 - np.linspace(0, 1, n), shared.opts.beta_dist_alpha, shared.opts.beta_dist_beta)
    return _sigmas(sigma_min + levels * (sigma_max - sigma_min), device)


schedulers = [
    Scheduler("automatic", "Automatic", None),
    Scheduler("uniform", "Uniform", uniform, need_inner_model=True),
    Scheduler("karras", "Karras", sampling.get_sigmas_karras, default_rho=7.0),
    Scheduler("exponential", "Exponential", sampling.get_sigmas_exponential),
    Scheduler("polyexponential", "Polyexponential", sampling.get_sigmas_polyexponential, default_rho=1.0),
    Scheduler("sgm_uniform", "SGM Uniform", sgm_uniform, need_inner_model=True, aliases=["SGMUniform"]),
    Scheduler("kl_optimal", "KL Optimal", kl_optimal),
    Scheduler("align_your_steps", "Align Your Steps", get_align_your_steps_sigmas),
    Scheduler("simple", "Simple", simple_scheduler, need_inner_model=True),
    Scheduler("normal", "Normal", normal_scheduler, need_inner_model=True),
    Scheduler("ddim", "DDIM", ddim_scheduler, need_inner_model=True),
    Scheduler("beta", "Beta", beta_scheduler),
]

schedulers_map = {name: scheduler for scheduler in schedulers for name in (scheduler.name, scheduler.label)}
