"""Settings that change a model's noise schedule. Read through modules.sd_models."""

from __future__ import annotations

from typing import Any

import torch

from modules import shared
from modules.sd_models_types import network_of


def rescale_zero_terminal_snr_abar(alphas_cumprod: torch.Tensor) -> torch.Tensor:
    """The schedule shifted and scaled so that the last step is pure noise (Lin et al., 2023, algorithm 1)."""
    roots = alphas_cumprod.sqrt()
    first, last = roots[0].clone(), roots[-1].clone()
    rescaled = ((roots - last) * first / (first - last)) ** 2
    rescaled[-1] = 4.8973451890853435e-08  # not zero: sigma must stay finite
    return rescaled


def apply_alpha_schedule_override(sd_model: Any, p: Any = None) -> None:
    """Applies the settings that change the noise schedule, and names them in p's infotext."""
    sd_model = network_of(sd_model)
    params = {} if p is None else p.extra_generation_params
    alphas = sd_model.alphas_cumprod_original.to(shared.device)
    if shared.opts.use_downcasted_alpha_bar:
        params["Downcast alphas_cumprod"] = True
        alphas = alphas.half()
    if shared.opts.sd_noise_schedule == "Zero Terminal SNR":
        params["Noise Schedule"] = shared.opts.sd_noise_schedule
        alphas = rescale_zero_terminal_snr_abar(alphas)
    sd_model.alphas_cumprod = alphas.to(shared.device)
