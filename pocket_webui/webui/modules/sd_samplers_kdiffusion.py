"""Samplers by sigmas: k-diffusion's own functions, called with the WebUI's denoiser."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from modules import (
    devices,
    sd_samplers_cfg_denoiser,
    sd_samplers_common,
    sd_samplers_extra,
    sd_schedulers,
    shared,
)
from modules.k_diffusion_parts import external, sampling
from modules.sd_models_types import network_of
from modules.sd_samplers_cfg_denoiser import CFGDenoiser  # noqa: F401
from modules.shared import opts

_BROWNIAN = {"brownian_noise": True}

samplers_k_diffusion: list[tuple[str, Any, list[str], dict[str, Any]]] = [
    ("DPM++ 2M", "sample_dpmpp_2m", ["k_dpmpp_2m"], {"scheduler": "karras"}),
    ("DPM++ SDE", "sample_dpmpp_sde", ["k_dpmpp_sde"], {"scheduler": "karras", "second_order": True, **_BROWNIAN}),
    ("DPM++ 2M SDE", "sample_dpmpp_2m_sde", ["k_dpmpp_2m_sde"], {"scheduler": "exponential", **_BROWNIAN}),
    (
        "DPM++ 2M SDE Heun",
        "sample_dpmpp_2m_sde",
        ["k_dpmpp_2m_sde_heun"],
        {"scheduler": "exponential", "solver_type": "heun", **_BROWNIAN},
    ),
    (
        "DPM++ 2S a",
        "sample_dpmpp_2s_ancestral",
        ["k_dpmpp_2s_a"],
        {"scheduler": "karras", "uses_ensd": True, "second_order": True},
    ),
    (
        "DPM++ 3M SDE",
        "sample_dpmpp_3m_sde",
        ["k_dpmpp_3m_sde"],
        {"scheduler": "exponential", "discard_next_to_last_sigma": True, **_BROWNIAN},
    ),
    ("Euler a", "sample_euler_ancestral", ["k_euler_a", "k_euler_ancestral"], {"uses_ensd": True}),
    ("Euler", "sample_euler", ["k_euler"], {}),
    ("LMS", "sample_lms", ["k_lms"], {}),
    ("Heun", "sample_heun", ["k_heun"], {"second_order": True}),
    (
        "DPM2",
        "sample_dpm_2",
        ["k_dpm_2"],
        {"scheduler": "karras", "discard_next_to_last_sigma": True, "second_order": True},
    ),
    (
        "DPM2 a",
        "sample_dpm_2_ancestral",
        ["k_dpm_2_a"],
        {"scheduler": "karras", "discard_next_to_last_sigma": True, "uses_ensd": True, "second_order": True},
    ),
    ("DPM fast", "sample_dpm_fast", ["k_dpm_fast"], {"uses_ensd": True}),
    ("DPM adaptive", "sample_dpm_adaptive", ["k_dpm_ad"], {"uses_ensd": True}),
    ("Restart", sd_samplers_extra.restart_sampler, ["restart"], {"scheduler": "karras", "second_order": True}),
]

samplers_data_k_diffusion = [
    sd_samplers_common.SamplerData(label, lambda model, func=func: KDiffusionSampler(func, model), aliases, options)
    for label, func, aliases, options in samplers_k_diffusion
]

_CHURN = ["s_churn", "s_tmin", "s_tmax", "s_noise"]
sampler_extra_params = {
    **dict.fromkeys(["sample_euler", "sample_heun", "sample_dpm_2"], _CHURN),
    "sample_dpm_fast": ["s_noise"],
    "sample_dpm_2_ancestral": ["s_noise"],
    "sample_dpmpp_2s_ancestral": ["s_noise"],
    "sample_dpmpp_sde": ["s_noise"],
    "sample_dpmpp_2m_sde": ["s_noise"],
    "sample_dpmpp_3m_sde": ["s_noise"],
}

k_diffusion_samplers_map = {x.name: x for x in samplers_data_k_diffusion}
k_diffusion_scheduler = {x.name: x.function for x in sd_schedulers.schedulers}


class CFGDenoiserKDiffusion(sd_samplers_cfg_denoiser.CFGDenoiser):
    """Its inner model takes sigmas and gives denoised latents."""

    @property
    def inner_model(self) -> Any:
        if self.model_wrap is None:
            network = network_of(shared.sd_model)
            make = external.CompVisVDenoiser if network.parameterization == "v" else external.CompVisDenoiser
            self.model_wrap = make(network, quantize=opts.enable_quantization)
        return self.model_wrap


class KDiffusionSampler(sd_samplers_common.Sampler):
    """funcname: a function of k_diffusion.sampling, or a function with the same arguments."""

    denoiser_class: type[sd_samplers_cfg_denoiser.CFGDenoiser] = CFGDenoiserKDiffusion

    def __init__(self, funcname: Any, sd_model: Any, options: dict[str, Any] | None = None) -> None:
        super().__init__(funcname)
        self.extra_params = [] if callable(funcname) else sampler_extra_params.get(funcname, [])
        self.options = options or {}
        self.func = funcname if callable(funcname) else getattr(sampling, funcname)
        self.model_wrap_cfg = self.denoiser_class(self)
        self.model_wrap = self.model_wrap_cfg.inner_model

    def get_sigmas(self, p: Any, steps: int) -> torch.Tensor:
        """The falling sigmas of `steps` steps, [steps + 1], by p's schedule and the settings."""
        discard = self.config is not None and self.config.options.get("discard_next_to_last_sigma", False)
        if opts.always_discard_next_to_last_sigma and not discard:
            discard = True
            p.extra_generation_params["Discard penultimate sigma"] = True
        steps += int(discard)
        scheduler = self._scheduler(p)
        if p.sampler_noise_scheduler_override:
            sigmas = p.sampler_noise_scheduler_override(steps)
        elif scheduler is None or scheduler.function is None:
            sigmas = self.model_wrap.get_sigmas(steps)
        else:
            sigmas = scheduler.function(n=steps, **self._schedule_arguments(p, scheduler), device=devices.cpu)
        if discard:
            sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
        return sigmas.cpu()

    def _scheduler(self, p: Any) -> sd_schedulers.Scheduler | None:
        name = (p.hr_scheduler if p.is_hr_pass else p.scheduler) or "Automatic"
        if name == "Automatic":
            name = self.config.options.get("scheduler")
        return sd_schedulers.schedulers_map.get(name)

    def _schedule_arguments(self, p: Any, scheduler: sd_schedulers.Scheduler) -> dict[str, Any]:
        """Range and shape of the schedule; what is not the default is noted in the infotext."""
        noted = p.extra_generation_params
        if not p.is_hr_pass and scheduler.label != "Automatic":
            noted["Schedule type"] = scheduler.label
        elif scheduler.label != noted.get("Schedule type"):
            noted["Hires schedule type"] = scheduler.label
        low, high = self.model_wrap.sigmas[0].item(), self.model_wrap.sigmas[-1].item()
        arguments: dict[str, Any] = {"sigma_min": low, "sigma_max": high}
        if opts.use_old_karras_scheduler_sigmas:
            arguments.update(sigma_min=0.1, sigma_max=10)
        if opts.sigma_min not in (0, low):
            arguments["sigma_min"] = noted["Schedule min sigma"] = opts.sigma_min
        if opts.sigma_max not in (0, high):
            arguments["sigma_max"] = noted["Schedule max sigma"] = opts.sigma_max
        if scheduler.default_rho != -1 and opts.rho not in (0, scheduler.default_rho):
            arguments["rho"] = noted["Schedule rho"] = opts.rho
        if scheduler.need_inner_model:
            arguments["inner_model"] = self.model_wrap
        if scheduler.label == "Beta":
            noted["Beta schedule alpha"] = opts.beta_dist_alpha
            noted["Beta schedule beta"] = opts.beta_dist_beta
        return arguments

    def _function_arguments(self, p: Any, x: torch.Tensor, sigmas: torch.Tensor, used: torch.Tensor) -> dict[str, Any]:
        """Keyword arguments of the sampling function: what p says, the sigmas it uses, and its kind of noise."""
        arguments = self.initialize(p)
        # DPM fast and adaptive take the two ends of the schedule; the zero at its end has no logarithm
        offered = {
            "sigma_min": used[-2],
            "sigma_max": used[0],
            "n": len(used) - 1,
            "sigma_sched": used,
            "sigmas": used,
        }
        accepted = inspect.signature(self.func).parameters
        arguments.update({name: value for name, value in offered.items() if name in accepted})
        if self.config.options.get("brownian_noise", False):
            arguments["noise_sampler"] = self.create_noise_sampler(x, sigmas, p)
        if self.config.options.get("solver_type") == "heun":
            arguments["solver_type"] = "heun"
        return arguments

    def sample(
        self,
        p: Any,
        x: torch.Tensor,
        conditioning: Any,
        unconditional_conditioning: Any,
        steps: int | None = None,
        image_conditioning: Any = None,
    ) -> torch.Tensor:
        """Latents [B, 4, h, w] from the noise x of the same shape."""
        steps = steps or p.steps
        sigmas = self.get_sigmas(p, steps)
        if opts.sgm_noise_multiplier:
            p.extra_generation_params["SGM noise multiplier"] = True
            x = x * torch.sqrt(1.0 + sigmas[0] ** 2.0)
        else:
            x = x * sigmas[0]
        arguments = self._function_arguments(p, x, sigmas, sigmas)
        model_range = {"sigma_min": self.model_wrap.sigmas[0].item(), "sigma_max": self.model_wrap.sigmas[-1].item()}
        if "sigma_min" in arguments:
            arguments.update(model_range)
        if "n" in arguments:
            arguments["n"] = steps
        self.last_latent = x
        return self.run(p, x, steps, (conditioning, unconditional_conditioning, image_conditioning), arguments)

    def sample_img2img(
        self,
        p: Any,
        x: torch.Tensor,
        noise: torch.Tensor,
        conditioning: Any,
        unconditional_conditioning: Any,
        steps: int | None = None,
        image_conditioning: Any = None,
    ) -> torch.Tensor:
        """Latents [B, 4, h, w] from a picture's latents x, by as much as p.denoising_strength allows."""
        steps, t_enc = sd_samplers_common.setup_img2img_steps(p, steps)
        sigmas = self.get_sigmas(p, steps)
        used = sigmas[steps - t_enc - 1 :]
        xi = x + noise * used[0]
        xi += self.extra_noise(p, noise, x, xi)
        arguments = self._function_arguments(p, x, sigmas, used)
        self.model_wrap_cfg.init_latent = self.last_latent = x
        return self.run(p, xi, t_enc + 1, (conditioning, unconditional_conditioning, image_conditioning), arguments)
