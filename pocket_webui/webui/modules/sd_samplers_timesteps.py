"""Samplers by timesteps: the denoiser gets timestep numbers instead of sigmas, and predicts noise."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import torch

from modules import devices, sd_samplers_common, sd_samplers_timesteps_impl, shared
from modules.sd_models_types import network_of
from modules.sd_samplers_cfg_denoiser import CFGDenoiser
from modules.shared import opts

samplers_timesteps: list[tuple[str, Any, list[str], dict[str, Any]]] = [
    ("DDIM", sd_samplers_timesteps_impl.ddim, ["ddim"], {}),
    ("DDIM CFG++", sd_samplers_timesteps_impl.ddim_cfgpp, ["ddim_cfgpp"], {}),
    ("PLMS", sd_samplers_timesteps_impl.plms, ["plms"], {}),
    ("UniPC", sd_samplers_timesteps_impl.unipc, ["unipc"], {}),
]

samplers_data_timesteps = [
    sd_samplers_common.SamplerData(label, lambda model, func=func: CompVisSampler(func, model), aliases, options)
    for label, func, aliases, options in samplers_timesteps
]


class CompVisTimestepsDenoiser(torch.nn.Module):
    """(latents, timesteps) -> predicted noise."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.inner_model = model

    def forward(self, input: torch.Tensor, timesteps: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return self.inner_model.apply_model(input, timesteps, **kwargs)


class CompVisTimestepsVDenoiser(CompVisTimestepsDenoiser):
    """The same for a model that predicts velocity."""

    def forward(self, input: torch.Tensor, timesteps: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        velocity = super().forward(input, timesteps, **kwargs)
        alpha = self.inner_model.alphas_cumprod[timesteps.to(torch.int)][:, None, None, None]
        return alpha.sqrt() * velocity + (1 - alpha).sqrt() * input


class CFGDenoiserTimesteps(CFGDenoiser):
    """Masks are applied before the model: after it there is noise, not a picture, to blend with."""

    def __init__(self, sampler: Any) -> None:
        super().__init__(sampler)
        self.alphas = network_of(shared.sd_model).alphas_cumprod
        self.mask_before_denoising = True

    def get_pred_x0(self, x_in: torch.Tensor, x_out: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        alpha = self.alphas[sigma.to(dtype=int)][:, None, None, None]
        return (x_in - (1 - alpha).sqrt() * x_out) / alpha.sqrt()

    @property
    def inner_model(self) -> Any:
        if self.model_wrap is None:
            network = network_of(shared.sd_model)
            predicts_v = network.parameterization == "v"
            make = CompVisTimestepsVDenoiser if predicts_v else CompVisTimestepsDenoiser
            self.model_wrap = make(network)
        return self.model_wrap


class CompVisSampler(sd_samplers_common.Sampler):
    def __init__(self, funcname: Any, sd_model: Any) -> None:
        super().__init__(funcname)
        self.eta_option_field = "eta_ddim"
        self.eta_infotext_field = "Eta DDIM"
        self.eta_default = 0.0
        self.model_wrap_cfg = CFGDenoiserTimesteps(self)
        self.model_wrap = self.model_wrap_cfg.inner_model

    def get_timesteps(self, p: Any, steps: int) -> torch.Tensor:
        """Rising timesteps 1 .. 999, evenly spaced; their number differs from `steps` where it does not divide 1000."""
        if opts.always_discard_next_to_last_sigma:
            steps += 1
            p.extra_generation_params["Discard penultimate sigma"] = True
        numbers = torch.arange(0, 1000, 1000 // steps, device=devices.device) + 1
        return numbers.clip(0, 999)

    def _arguments(self, p: Any, timesteps: torch.Tensor, is_img2img: bool) -> dict[str, Any]:
        offered = {"timesteps": timesteps, "is_img2img": is_img2img}
        accepted = inspect.signature(self.func).parameters
        return {**self.initialize(p), **{name: value for name, value in offered.items() if name in accepted}}

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
        arguments = self._arguments(p, self.get_timesteps(p, steps), is_img2img=False)
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
        timesteps = self.get_timesteps(p, steps)
        alpha = network_of(shared.sd_model).alphas_cumprod[timesteps[t_enc]]
        xi = x * alpha.sqrt() + noise * (1 - alpha).sqrt()
        xi += self.extra_noise(p, noise, x, xi) * alpha.sqrt()
        arguments = self._arguments(p, timesteps[:t_enc], is_img2img=True)
        self.model_wrap_cfg.init_latent = self.last_latent = x
        return self.run(p, xi, t_enc + 1, (conditioning, unconditional_conditioning, image_conditioning), arguments)


# older extensions look for these names
sys.modules["modules.sd_samplers_compvis"] = sys.modules[__name__]
VanillaStableDiffusionSampler = CompVisSampler
