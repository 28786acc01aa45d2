"""Restart sampling (Xu et al., "Restart Sampling for Improving Generative Processes", 2023)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
import tqdm

from modules.k_diffusion_parts import sampling

Step = tuple[torch.Tensor, torch.Tensor]


def _default_plan(sigmas: torch.Tensor) -> tuple[torch.Tensor, dict[float, tuple[int, int, float]]]:
    """(sigmas of the way down, {sigma to restart at: (points, times, sigma to restart from)}) in budget."""
    steps = len(sigmas) - 1
    if steps < 20:
        return sigmas, {}
    points, times = (9, 1) if steps < 36 else (steps // 4, 2)
    down = sampling.get_sigmas_karras(
        steps - points * times, sigmas[-2].item(), sigmas[0].item(), device=sigmas.device
    )
    return down, {0.1: (points + 1, times, 2.0)}


def _nearest(sigmas: torch.Tensor, value: float) -> int:
    return int((sigmas - value).abs().argmin())


def _steps(sigmas: torch.Tensor, plan: dict[float, tuple[int, int, float]]) -> list[Step]:
    """Every (from, to) pair in order; where `from` is above the `to` before it, noise is added first."""
    restarts = {_nearest(sigmas, low): rest for low, rest in plan.items()}
    steps: list[Step] = []
    for i, pair in enumerate(pairwise(sigmas), start=1):
        steps.append(pair)
        if i not in restarts:
            continue
        points, times, high = restarts[i]
        top = _nearest(sigmas, high)
        if top < i:
            again = sampling.get_sigmas_karras(points, sigmas[i].item(), sigmas[top].item(), device=sigmas.device)[:-1]
            steps += list(pairwise(again)) * times
    return steps


@torch.no_grad()
def restart_sampler(
    model: Callable[..., torch.Tensor],
    x: torch.Tensor,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callable[[dict], None] | None = None,
    disable: bool | None = None,
    s_noise: float = 1.0,
    restart_list: dict[float, tuple[int, int, float]] | None = None,
) -> torch.Tensor:
    """Heun's method down the sigmas; from 20 steps on, part of the way is noised again and repeated."""
    plan = restart_list
    if plan is None:
        sigmas, plan = _default_plan(sigmas)
    extra_args, rows = extra_args or {}, x.new_ones([x.shape[0]])
    reached: torch.Tensor | None = None
    for i, (high, low) in enumerate(tqdm.tqdm(_steps(sigmas, plan), disable=disable)):
        if reached is not None and reached < high:
            x = x + sampling.torch.randn_like(x) * s_noise * (high**2 - reached**2) ** 0.5
        denoised = model(x, high * rows, **extra_args)
        slope = (x - denoised) / high
        if callback is not None:
            callback({"x": x, "i": i, "sigma": low, "sigma_hat": high, "denoised": denoised})
        ahead = x + slope * (low - high)
        if low > 0:
            slope_ahead = (ahead - model(ahead, low * rows, **extra_args)) / low
            ahead = x + (slope + slope_ahead) / 2 * (low - high)
        x, reached = ahead, low
    return x
