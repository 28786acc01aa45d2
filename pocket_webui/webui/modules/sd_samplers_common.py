"""What all samplers share: table entries, the launch with its step counters, noise, the switch to a refiner."""

from __future__ import annotations

import inspect
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import torch
import torchsde._brownian.brownian_interval as torchsde_brownian

from modules import devices, sd_models, shared
from modules.k_diffusion_parts import sampling
from modules.script_callbacks import ExtraNoiseParams, extra_noise_callback
from modules.sd_models_types import network_of
from modules.sd_samplers_decode import (  # noqa: F401
    approximation_indexes,
    decode_first_stage,
    images_tensor_to_samples,
    sample_to_image,
    samples_to_image_grid,
    samples_to_images_tensor,
    single_sample_to_image,
    store_latent,
)
from modules.shared import opts, state

_SamplerFields = namedtuple("SamplerData", ["name", "constructor", "aliases", "options"])


class SamplerData(_SamplerFields):
    """A sampler's table entry: constructor(model) -> Sampler; options are what the code asks about it."""

    def total_steps(self, steps: int) -> int:
        """Model calls expected for that many steps (twice as many for second-order samplers)."""
        return steps * 2 if self.options.get("second_order", False) else steps


class InterruptedException(BaseException):
    """Ends sampling at once; not an Exception, so that callbacks' error handling lets it pass."""


def setup_img2img_steps(p: Any, steps: int | None = None) -> tuple[int, int]:
    """(steps of the whole schedule, how many of them are made, less one) for p.denoising_strength."""
    strength = min(p.denoising_strength, 0.999)
    if opts.img2img_fix_steps or steps is not None:
        requested = steps or p.steps
        return (int(requested / strength) if strength > 0 else 0), requested - 1
    return p.steps, int(strength * p.steps)


def is_sampler_using_eta_noise_seed_delta(p: Any) -> bool:
    """Whether p's pictures depend on the eta noise seed delta: only ancestral samplers' with a nonzero eta."""
    from modules import sd_samplers

    config = sd_samplers.find_sampler_config(p.sampler_name)
    eta = p.eta
    if eta is None and p.sampler is not None:
        eta = p.sampler.eta
    if eta is None:
        eta = 0 if config.options.get("default_eta_is_0", False) else 1.0
    return eta != 0 and config.options.get("uses_ensd", False)


def _torchsde_randn(size: Any, dtype: torch.dtype, device: Any, seed: int) -> torch.Tensor:
    return devices.randn_local(seed, size).to(device=device, dtype=dtype)


# Brownian noise then comes from where the settings say, like all other noise
torchsde_brownian._randn = _torchsde_randn


class TorchHijack:
    """Stands for `torch` inside k-diffusion, where each image of a batch must draw from its own generator."""

    def __init__(self, p: Any) -> None:
        self.rng = p.rng

    def __getattr__(self, item: str) -> Any:
        return getattr(torch, item)

    def randn_like(self, x: torch.Tensor) -> torch.Tensor:
        return self.rng.next()


def _completed(denoiser: Any, sigma: torch.Tensor | None) -> float:
    """How much of the way from noise to picture is done, 0..1: by steps, or by the model's timestep for this sigma."""
    if opts.refiner_switch_by_sample_steps or sigma is None:
        denoiser.p.extra_generation_params["Refiner switch by sampling steps"] = True
        return denoiser.step / denoiser.total_steps
    sigmas = getattr(denoiser.inner_model, "sigmas", None)
    highest = torch.max(sigma)
    # samplers without sigmas (DDIM) pass the timestep itself
    timestep = highest.to(dtype=int) if sigmas is None else (sigmas.to(sigma.device) - highest).abs().argmin()
    return float((999 - timestep) / 1000)


def _refiner_is_for_this_pass(p: Any) -> bool:
    if not getattr(p, "enable_hr", False):
        return True
    wanted = opts.hires_fix_refiner_pass
    if wanted == ("first pass" if p.is_hr_pass else "second pass"):
        return False
    if wanted != "second pass":
        p.extra_generation_params["Hires refiner"] = wanted
    return True


def apply_refiner(cfg_denoiser: Any, sigma: torch.Tensor | None = None) -> bool:
    """Switches to the refiner's checkpoint when it is due, and encodes the prompts again; True if it did."""
    p = cfg_denoiser.p
    done = _completed(cfg_denoiser, sigma)
    info, switch_at = p.refiner_checkpoint_info, p.refiner_switch_at
    if switch_at is not None and done < switch_at:
        return False
    if info is None or shared.sd_model.sd_checkpoint_info == info or not _refiner_is_for_this_pass(p):
        return False
    p.extra_generation_params["Refiner"] = info.short_title
    p.extra_generation_params["Refiner switch at"] = switch_at
    with sd_models.SkipWritingToConfig():
        sd_models.use_checkpoint(info)
    devices.torch_gc()
    p.setup_conds()
    cfg_denoiser.update_inner_model()
    return True


class Sampler:
    """A sampler for one pass. A subclass sets model_wrap_cfg (the CFGDenoiser) and defines sample and sample_img2img.

    x and noise are latents [B, 4, h, w]; conditioning is a MulticondLearnedConditioning, unconditional_conditioning a
    schedule per image, image_conditioning [B, 5, 1, 1] or what an inpainting model takes.
    """

    model_wrap_cfg: Any
    model_wrap: Any
    sample: Callable[..., torch.Tensor]
    sample_img2img: Callable[..., torch.Tensor]

    def __init__(self, funcname: Any) -> None:
        self.funcname = funcname
        self.func: Callable[..., torch.Tensor] = funcname
        self.extra_params: list[str] = []
        self.sampler_noises = None
        self.stop_at: int | None = None
        self.eta: float | None = None
        self.config: SamplerData | None = None
        self.last_latent: torch.Tensor | None = None
        self.s_min_uncond: float | None = None
        self.s_churn = 0.0
        self.s_tmin = 0.0
        self.s_tmax = float("inf")
        self.s_noise = 1.0
        self.eta_option_field = "eta_ancestral"
        self.eta_infotext_field = "Eta"
        self.eta_default = 1.0
        self.conditioning_key = network_of(shared.sd_model).model.conditioning_key
        self.p: Any = None
        self.sampler_extra_args: dict[str, Any] = {}
        self.options: dict[str, Any] = {}

    def callback_state(self, d: dict[str, Any]) -> None:
        """The sampling function's callback: d["i"] is the step it is in, or has made, from 0."""
        step = d["i"]
        if self.stop_at is not None and step > self.stop_at:
            raise InterruptedException
        state.sampling_step = step
        shared.total_tqdm.update()

    def launch_sampling(self, steps: int, func: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Resets the step counters and runs func; after an interrupt or a skip, the last latent is the result."""
        self.model_wrap_cfg.steps = steps
        self.model_wrap_cfg.total_steps = self.config.total_steps(steps)
        state.sampling_steps = steps
        state.sampling_step = 0
        try:
            return func()
        except RecursionError:
            print("Sampling recursed too deeply and stopped; a smaller rho for the polyexponential schedule may help.")
            return self.last_latent
        except InterruptedException:
            return self.last_latent

    def number_of_needed_noises(self, p: Any) -> int:
        return p.steps

    def initialize(self, p: Any) -> dict[str, Any]:
        """Ties sampler, denoiser and p together; returns the keyword arguments of the function that p and the settings
        decide, and notes those that are not the default in p's infotext."""
        self.p = p
        denoiser = self.model_wrap_cfg
        denoiser.p = p
        denoiser.mask = getattr(p, "mask", None)
        denoiser.nmask = getattr(p, "nmask", None)
        denoiser.step = 0
        denoiser.image_cfg_scale = getattr(p, "image_cfg_scale", None)
        self.eta = p.eta if p.eta is not None else getattr(opts, self.eta_option_field, 0.0)
        self.s_min_uncond = getattr(p, "s_min_uncond", 0.0)
        sampling.torch = TorchHijack(p)
        accepted = inspect.signature(self.func).parameters
        kwargs = {name: getattr(p, name) for name in self.extra_params if hasattr(p, name) and name in accepted}
        if "eta" in accepted:
            kwargs["eta"] = self.eta
            if self.eta != self.eta_default:
                p.extra_generation_params[self.eta_infotext_field] = self.eta
        self._take_churn_settings(p, kwargs)
        return kwargs

    def _take_churn_settings(self, p: Any, kwargs: dict[str, Any]) -> None:
        labels = {"s_churn": "Sigma churn", "s_tmin": "Sigma tmin", "s_tmax": "Sigma tmax", "s_noise": "Sigma noise"}
        for name in [name for name in labels if name in kwargs]:
            value = getattr(opts, name, getattr(p, name))
            if name == "s_tmax":
                value = value or self.s_tmax  # 0 means no limit
            if value != getattr(self, name):
                kwargs[name] = value
                setattr(p, name, value)
                p.extra_generation_params[labels[name]] = value

    def create_noise_sampler(self, x: torch.Tensor, sigmas: torch.Tensor, p: Any) -> Any:
        """Brownian noise with one seed per image of the batch; None where the setting wants it per batch."""
        if opts.no_dpmpp_sde_batch_determinism:
            return None
        seeds = p.all_seeds[p.iteration * p.batch_size : (p.iteration + 1) * p.batch_size]
        return sampling.BrownianTreeNoiseSampler(x, sigmas[sigmas > 0].min(), sigmas.max(), seed=seeds)

    def run(
        self, p: Any, x: torch.Tensor, steps: int, conds: tuple[Any, Any, Any], kwargs: dict[str, Any]
    ) -> torch.Tensor:
        """Calls the sampling function on x for `steps` steps; conds = (positive, negative, image conditioning)."""
        cond, uncond, image_cond = conds
        self.sampler_extra_args = {
            "cond": cond,
            "image_cond": image_cond,
            "uncond": uncond,
            "cond_scale": p.cfg_scale,
            "s_min_uncond": self.s_min_uncond,
        }
        quiet = shared.cmd_opts.disable_console_progressbars
        samples = self.launch_sampling(
            steps,
            lambda: self.func(
                self.model_wrap_cfg,
                x,
                extra_args=self.sampler_extra_args,
                disable=quiet,
                callback=self.callback_state,
                **kwargs,
            ),
        )
        self.add_infotext(p)
        return samples

    def extra_noise(self, p: Any, noise: torch.Tensor, x: torch.Tensor, noised: torch.Tensor) -> torch.Tensor | float:
        """What img2img's "extra noise" option adds to the noised latents; 0 when off. Callbacks may change it."""
        if opts.img2img_extra_noise <= 0:
            return 0.0
        p.extra_generation_params["Extra noise"] = opts.img2img_extra_noise
        extra = ExtraNoiseParams(noise, x, noised)
        extra_noise_callback(extra)
        return extra.noise * opts.img2img_extra_noise

    def add_infotext(self, p: Any) -> None:
        if self.model_wrap_cfg.padded_cond_uncond:
            p.extra_generation_params["Pad conds"] = True
        if self.model_wrap_cfg.padded_cond_uncond_v0:
            p.extra_generation_params["Pad conds v0"] = True
