"""DDIM, DDIM with CFG++, PLMS and UniPC.

timesteps: rising whole numbers [n] of the model's 1000; the model is called with timestep numbers and gives noise.
DDIM and PLMS stop at the lowest timestep, so that n timesteps make n - 1 steps: as on the hosts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import tqdm

from modules import shared
from modules.k_diffusion_parts import sampling

Callback = Callable[[dict], None]


class _Schedule:
    """For step i (from 0): the timestep it is at, and how to get from x and predicted noise to the next x."""

    def __init__(self, model: Any, x: torch.Tensor, timesteps: torch.Tensor, eta: float = 0.0) -> None:
        alphas = model.inner_model.inner_model.alphas_cumprod.double().cpu()
        indexes = timesteps.cpu()
        now, before = alphas[indexes], alphas[torch.cat([indexes.new_zeros(1), indexes[:-1]])]
        spread = eta * ((1 - before) / (1 - now) * (1 - now / before)).sqrt()
        self.rows = x.new_ones([x.shape[0]])
        self.steps = [
            (float(t), float(a), float(b), float(s))
            for t, a, b, s in zip(indexes, now, before, spread, strict=True)
        ][:0:-1]

    def __len__(self) -> int:
        return len(self.steps)

    def timestep(self, i: int) -> torch.Tensor:
        return self.steps[min(i, len(self.steps) - 1)][0] * self.rows

    def timestep_after(self, i: int, timesteps: torch.Tensor) -> torch.Tensor:
        return float(timesteps[max(len(timesteps) - 2 - i, 0)]) * self.rows

    def next(
        self, i: int, x: torch.Tensor, noise: torch.Tensor, direction: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(x one step on, the picture predicted); direction: the noise to go along, if not the one predicted."""
        _, now, before, spread = self.steps[i]
        picture = (x - (1 - now) ** 0.5 * noise) / now**0.5
        along = (1 - before - spread**2) ** 0.5 * (noise if direction is None else direction)
        fresh = spread * sampling.torch.randn_like(x) if spread else 0.0
        return before**0.5 * picture + along + fresh, picture


def _report(callback: Callback | None, x: torch.Tensor, i: int, denoised: torch.Tensor) -> None:
    if callback is not None:
        callback({"x": x, "i": i, "sigma": 0, "sigma_hat": 0, "denoised": denoised})


@torch.no_grad()
def ddim(
    model: Any,
    x: torch.Tensor,
    timesteps: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    eta: float = 0.0,
) -> torch.Tensor:
    """Denoising diffusion implicit models (Song et al., 2020)."""
    schedule = _Schedule(model, x, timesteps, eta)
    for i in tqdm.trange(len(schedule), disable=disable):
        noise = model(x, schedule.timestep(i), **(extra_args or {}))
        x, picture = schedule.next(i, x, noise)
        _report(callback, x, i, picture)
    return x


@torch.no_grad()
def ddim_cfgpp(
    model: Any,
    x: torch.Tensor,
    timesteps: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    eta: float = 0.0,
) -> torch.Tensor:
    """CFG++ (Chung et al., 2024): goes along the negative prompt's noise; a scale of 12.5 here is 1.0 there."""
    model.cond_scale_miltiplier = 1 / 12.5
    model.need_last_noise_uncond = True
    schedule = _Schedule(model, x, timesteps, eta)
    for i in tqdm.trange(len(schedule), disable=disable):
        noise = model(x, schedule.timestep(i), **(extra_args or {}))
        x, picture = schedule.next(i, x, noise, direction=model.last_noise_uncond)
        _report(callback, x, i, picture)
    return x


# Adams-Bashforth: weights of the newest noise prediction first, by how many there are
_MULTISTEP = {
    2: (3 / 2, -1 / 2),
    3: (23 / 12, -16 / 12, 5 / 12),
    4: (55 / 24, -59 / 24, 37 / 24, -9 / 24),
}


@torch.no_grad()
def plms(
    model: Any,
    x: torch.Tensor,
    timesteps: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
) -> torch.Tensor:
    """Pseudo linear multistep (Liu et al., 2022); the first step calls the model twice."""
    schedule = _Schedule(model, x, timesteps)
    extra_args, newest = extra_args or {}, []
    for i in tqdm.trange(len(schedule), disable=disable):
        noise = model(x, schedule.timestep(i), **extra_args)
        newest = [noise, *newest][:4]
        if len(newest) == 1:
            ahead, _ = schedule.next(i, x, noise)
            mixed = (noise + model(ahead, schedule.timestep_after(i, timesteps), **extra_args)) / 2
        else:
            mixed = sum(w * old for w, old in zip(_MULTISTEP[len(newest)], newest, strict=True))
        x, picture = schedule.next(i, x, mixed)
        _report(callback, x, i, picture)
    return x


def _unipc_times(alphas: torch.Tensor, steps: int, start: float) -> torch.Tensor:
    """steps + 1 falling times in 0.001 .. start, spaced as the settings say. 1.0 is the model's last timestep."""
    end, kind = 1 / len(alphas), shared.opts.uni_pc_skip_type
    if kind == "time_quadratic":
        return torch.linspace(start**0.5, end**0.5, steps + 1).double() ** 2
    if kind == "time_uniform":
        return torch.linspace(start, end, steps + 1).double()
    times = torch.arange(1, len(alphas) + 1).double() / len(alphas)
    snr = 0.5 * (alphas / (1 - alphas)).log()
    first, last = (_interpolated(torch.tensor([t], dtype=torch.float64), times, snr) for t in (start, end))
    wanted = torch.linspace(float(first), float(last), steps + 1).double()
    return _interpolated(wanted, snr.flip(0), times.flip(0))


def _interpolated(at: torch.Tensor, known: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Piecewise linear; `known` rises; beyond its ends the last piece goes on."""
    right = torch.searchsorted(known, at).clamp(1, len(known) - 1)
    left = right - 1
    share = (at - known[left]) / (known[right] - known[left])
    return values[left] + share * (values[right] - values[left])


def _unipc_scheduler(alphas: torch.Tensor, times: torch.Tensor) -> Any:
    """diffusers' UniPC, put on these times."""
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

    if shared.opts.uni_pc_variant not in ("bh1", "bh2"):
        raise ValueError(f"UniPC variant {shared.opts.uni_pc_variant} is not supported here: choose bh1 or bh2.")
    steps = len(times) - 1
    if not 1 <= shared.opts.uni_pc_order <= steps:
        raise ValueError(f"UniPC order {shared.opts.uni_pc_order} must be at most the number of steps, {steps}.")
    scheduler = UniPCMultistepScheduler(
        solver_order=shared.opts.uni_pc_order,
        solver_type=shared.opts.uni_pc_variant,
        lower_order_final=shared.opts.uni_pc_lower_order_final,
        trained_betas=(1 - alphas / torch.cat([alphas.new_ones(1), alphas[:-1]])).tolist(),
    )
    scheduler.set_timesteps(steps)
    known = torch.arange(1, len(alphas) + 1).double() / len(alphas)
    log_alpha = _interpolated(times, known, 0.5 * alphas.log())
    scheduler.sigmas = ((1 - (2 * log_alpha).exp()).sqrt() / log_alpha.exp()).float()
    scheduler.timesteps = ((times[:-1] - 1 / len(alphas)) * 1000.0).float()
    scheduler.set_begin_index(0)
    return scheduler


@torch.no_grad()
def unipc(
    model: Any,
    x: torch.Tensor,
    timesteps: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    is_img2img: bool = False,
) -> torch.Tensor:
    """UniPC (Zhao et al., 2023): one call a step, whose result first corrects the step before."""
    alphas = model.inner_model.inner_model.alphas_cumprod.double().cpu()
    start = float(timesteps[-1]) / 1000 + 1 / 1000 if is_img2img else 1.0
    scheduler = _unipc_scheduler(alphas, _unipc_times(alphas, len(timesteps), start))
    rows = x.new_ones([x.shape[0]])
    denoised = x
    for i, t in enumerate(tqdm.tqdm(scheduler.timesteps, disable=disable)):
        noise = model(x, float(t) * rows, **(extra_args or {}))
        x = scheduler.step(noise, t, x).prev_sample
        denoised = scheduler.model_outputs[-1]
        if i > 0:
            # only now is step i - 1 corrected, and with it complete
            _report(callback, x, i - 1, denoised)
    _report(callback, x, len(scheduler.timesteps) - 1, denoised)
    return x
