"""`StableDiffusionProcessingTxt2Img`: from noise, with the two passes of hires fix if wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from modules import devices, processing, sd_models, sd_samplers, shared
from modules.processing.base import StableDiffusionProcessing
from modules.processing.conditioning import encode_method
from modules.processing.hires import HiresMethods


@dataclass(repr=False)
class StableDiffusionProcessingTxt2Img(HiresMethods, StableDiffusionProcessing):
    """Fields and their defaults are A1111 1.10.1's; `cached_hr_c` and `cached_hr_uc` belong to the class."""

    enable_hr: bool = False
    denoising_strength: float = 0.75
    firstphase_width: int = 0
    firstphase_height: int = 0
    hr_scale: float = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: int = 0
    hr_resize_x: int = 0
    hr_resize_y: int = 0
    hr_checkpoint_name: str | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: str = ""
    hr_negative_prompt: str = ""
    force_task_id: str | None = None

    cached_hr_uc = [None, None]
    cached_hr_c = [None, None]

    hr_checkpoint_info: Any = field(default=None, init=False)
    hr_upscale_to_x: int = field(default=0, init=False)
    hr_upscale_to_y: int = field(default=0, init=False)
    truncate_x: int = field(default=0, init=False)
    truncate_y: int = field(default=0, init=False)
    applied_old_hires_behavior_to: Any = field(default=None, init=False)
    latent_scale_mode: Any = field(default=None, init=False)
    hr_c: Any = field(default=None, init=False)
    hr_uc: Any = field(default=None, init=False)
    all_hr_prompts: Any = field(default=None, init=False)
    all_hr_negative_prompts: Any = field(default=None, init=False)
    hr_prompts: Any = field(default=None, init=False)
    hr_negative_prompts: Any = field(default=None, init=False)
    hr_extra_network_data: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.firstphase_width != 0 or self.firstphase_height != 0:
            self.hr_upscale_to_x, self.hr_upscale_to_y = self.width, self.height
            self.width, self.height = self.firstphase_width, self.firstphase_height
        self.cached_hr_uc = StableDiffusionProcessingTxt2Img.cached_hr_uc
        self.cached_hr_c = StableDiffusionProcessingTxt2Img.cached_hr_c

    def init(self, all_prompts: list[str], all_seeds: list[int], all_subseeds: list[int]) -> None:
        """With hires fix: find its checkpoint, upscaler and size. Raises ValueError for names that do not exist."""
        if self.enable_hr:
            self.init_hires()

    def sample(self, conditioning: Any, unconditional_conditioning: Any, seeds: list[int], subseeds: list[int],
               subseed_strength: float, prompts: list[str]) -> Any:
        """Latents [n, 4, h, w]; with hires fix pictures [3, H, W], as DecodedSamples."""
        self.sampler = sd_samplers.create_sampler(self.sampler_name, self.sd_model)
        if self.firstpass_image is not None and self.enable_hr:
            samples, decoded = self._given_first_pass()
        else:
            samples = self._first_pass(conditioning, unconditional_conditioning)
            if not self.enable_hr:
                return samples
            devices.torch_gc()
            decoded = None
            if self.latent_scale_mode is None:
                pictures = processing.decode_latent_batch(self.sd_model, samples, target_device=devices.cpu,
                                                          check_for_nans=True)
                decoded = torch.stack(list(pictures)).to(dtype=torch.float32)
        with sd_models.SkipWritingToConfig():
            self.load_hr_checkpoint()
        return self.sample_hr_pass(samples, decoded, seeds, subseeds, subseed_strength, prompts)

    def load_hr_checkpoint(self) -> None:
        sd_models.use_checkpoint(self.hr_checkpoint_info)

    def _first_pass(self, conditioning: Any, unconditional_conditioning: Any) -> torch.Tensor:
        x = self.rng.next()
        if self.scripts is not None:
            self.scripts.process_before_every_sampling(p=self, x=x, noise=x, c=conditioning,
                                                       uc=unconditional_conditioning)
        return self.sampler.sample(self, x, conditioning, unconditional_conditioning,
                                   image_conditioning=self.txt2img_image_conditioning(x))

    def _given_first_pass(self) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """(latent, None) or (None, picture [1, 3, H, W] in -1..1) of `firstpass_image`, as the upscaler needs it."""
        pixels = np.moveaxis(np.array(self.firstpass_image).astype(np.float32) / 255.0, 2, 0)
        picture = torch.from_numpy(np.ascontiguousarray(pixels))[None]
        if self.latent_scale_mode is None:
            return None, picture * 2.0 - 1.0
        self.note_encoder()
        picture = picture.to(shared.device, dtype=devices.dtype_vae)
        samples = processing.images_tensor_to_samples(picture, encode_method(), self.sd_model)
        devices.torch_gc()
        return samples, None

    def close(self) -> None:
        super().close()
        self.hr_c = self.hr_uc = None
        if not shared.opts.persistent_cond_cache:
            StableDiffusionProcessingTxt2Img.cached_hr_uc = [None, None]
            StableDiffusionProcessingTxt2Img.cached_hr_c = [None, None]

    def setup_conds(self) -> None:
        # During the second pass only the refiner comes here: its checkpoint needs that pass's prompts encoded anew.
        if self.is_hr_pass:
            self.hr_c = None
            self.calculate_hr_conds()
            return
        super().setup_conds()
        self.hr_uc = self.hr_c = None
        if self.enable_hr and self.hr_checkpoint_info is None and shared.opts.hires_fix_use_firstpass_conds:
            self.calculate_hr_conds()

    def get_conds(self) -> tuple[Any, Any]:
        return (self.hr_c, self.hr_uc) if self.is_hr_pass else super().get_conds()
