"""`StableDiffusionProcessingImg2Img`: from pictures, whole or masked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image

from modules import devices, images, masking, processing, scripts, sd_samplers, shared
from modules.processing import inpaint
from modules.processing.base import StableDiffusionProcessing
from modules.processing.conditioning import encode_method

FILL, ORIGINAL = 0, 1
"""Values of `inpainting_fill`: 2 is latent noise, 3 latent nothing."""

JUST_RESIZE_LATENT = 3
"""`resize_mode` that resizes the latent instead of the picture."""


@dataclass(repr=False)
class StableDiffusionProcessingImg2Img(StableDiffusionProcessing):
    """Fields and their defaults are A1111 1.10.1's. `mask` is given as a picture, which moves to `image_mask`; while
    the job runs `mask` and `nmask` are the latent masks [4, h, w]."""

    init_images: list | None = None
    resize_mode: int = 0
    denoising_strength: float = 0.75
    image_cfg_scale: float | None = None
    mask: Any = None
    mask_blur_x: int = 4
    mask_blur_y: int = 4
    mask_blur: int | None = None
    mask_round: bool = True
    inpainting_fill: int = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: int = 0
    inpainting_mask_invert: int = 0
    initial_noise_multiplier: float | None = None
    latent_mask: Any = None
    force_task_id: str | None = None

    image_mask: Any = field(default=None, init=False)

    nmask: Any = field(default=None, init=False)
    image_conditioning: Any = field(default=None, init=False)
    init_img_hash: Any = field(default=None, init=False)
    mask_for_overlay: Any = field(default=None, init=False)
    init_latent: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.image_mask, self.mask = self.mask, None
        if self.initial_noise_multiplier is None:
            self.initial_noise_multiplier = shared.opts.initial_noise_multiplier

    @property
    def mask_blur(self) -> int | None:  # type: ignore[no-redef]  # noqa: F811
        """Blur in both directions, None where they differ."""
        return self.mask_blur_x if self.mask_blur_x == self.mask_blur_y else None

    @mask_blur.setter
    def mask_blur(self, value: Any) -> None:
        # A dataclass that was given no value assigns the property object itself.
        if isinstance(value, int):
            self.mask_blur_x = self.mask_blur_y = value

    def init(self, all_prompts: list[str], all_seeds: list[int], all_subseeds: list[int]) -> None:
        """Masks, pictures at the size that is painted, and their latents. Raises RuntimeError for more pictures than
        the batch has."""
        self.extra_generation_params["Denoising strength"] = self.denoising_strength
        if getattr(shared.sd_model, "cond_stage_key", None) != "edit":
            self.image_cfg_scale = None
        self.sampler = sd_samplers.create_sampler(self.sampler_name, self.sd_model)
        mask, region = inpaint.drawn_mask(self), None
        if mask is not None:
            mask, region = inpaint.place_mask(self, mask)
        latent_mask = mask if self.latent_mask is None else self.latent_mask
        image = self._to_batch(self._prepared_images(mask, region, latent_mask))
        self._encode(image)
        if mask is not None:
            inpaint.set_latent_masks(self, latent_mask, all_seeds)
        self.image_conditioning = self.img2img_image_conditioning(image * 2 - 1, self.init_latent, mask,
                                                                  self.mask_round)

    def _prepared_images(self, mask: Image.Image | None, region: masking.Box | None,
                         latent_mask: Image.Image | None) -> list[np.ndarray]:
        """Each init image as [3, H, W] in 0..1."""
        corrections = [] if shared.opts.img2img_color_correction and self.color_corrections is None else None
        prepared = []
        for original in self.init_images:
            image = self._prepared_image(original, mask, region, latent_mask)
            if corrections is not None:
                corrections.append(processing.setup_color_correction(image))
            prepared.append(np.moveaxis(np.array(image).astype(np.float32) / 255.0, 2, 0))
        if corrections is not None:
            self.color_corrections = corrections
        return prepared

    def _prepared_image(self, original: Image.Image, mask: Image.Image | None, region: masking.Box | None,
                        latent_mask: Image.Image | None) -> Image.Image:
        self._save_original(original)
        image = images.flatten(original, shared.opts.img2img_background_color)
        if region is None and self.resize_mode != JUST_RESIZE_LATENT:
            image = images.resize_image(self.resize_mode, image, self.width, self.height)
        if mask is not None:
            inpaint.keep_overlay(self, image)
        if region is not None:
            image = images.resize_image(2, image.crop(region), self.width, self.height)
        if mask is not None and self.inpainting_fill != ORIGINAL:
            image = masking.fill(image, latent_mask)
            if self.inpainting_fill == FILL:
                self.extra_generation_params["Masked content"] = "fill"
        return image

    def _save_original(self, image: Image.Image) -> None:
        if not shared.opts.save_init_img:
            return
        self.init_img_hash = hashlib.md5(image.tobytes()).hexdigest()
        images.save_image(image, path=shared.opts.outdir_init_images, basename=None, forced_filename=self.init_img_hash,
                          save_to_dirs=False, existing_info=image.info)

    def _to_batch(self, prepared: list[np.ndarray]) -> torch.Tensor:
        """[batch, 3, H, W]: one picture is repeated, several set the batch size."""
        if len(prepared) > 1:
            if len(prepared) > self.batch_size:
                raise RuntimeError(f"{len(prepared)} pictures for a batch of {self.batch_size}: give as many or fewer")
            self.batch_size = len(prepared)
            return self._on_device(np.array(prepared))
        if self.overlay_images is not None:
            self.overlay_images = self.overlay_images * self.batch_size
        if self.color_corrections is not None and len(self.color_corrections) == 1:
            self.color_corrections = self.color_corrections * self.batch_size
        return self._on_device(prepared[0][None].repeat(self.batch_size, axis=0))

    @staticmethod
    def _on_device(pixels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(pixels).to(shared.device, dtype=devices.dtype_vae)

    def _encode(self, image: torch.Tensor) -> None:
        if shared.opts.sd_vae_encode_method != "Full":
            self.extra_generation_params["VAE Encoder"] = shared.opts.sd_vae_encode_method
        self.init_latent = processing.images_tensor_to_samples(image, encode_method(), self.sd_model)
        devices.torch_gc()
        if self.resize_mode == JUST_RESIZE_LATENT:
            size = (self.height // 8, self.width // 8)
            self.init_latent = torch.nn.functional.interpolate(self.init_latent, size=size, mode="bilinear")

    def sample(self, conditioning: Any, unconditional_conditioning: Any, seeds: list[int], subseeds: list[int],
               subseed_strength: float, prompts: list[str]) -> torch.Tensor:
        """Latents [n, 4, h, w]; outside the mask exactly those of the original."""
        x = self.rng.next()
        if self.initial_noise_multiplier != 1.0:
            self.extra_generation_params["Noise multiplier"] = self.initial_noise_multiplier
            x *= self.initial_noise_multiplier
        if self.scripts is not None:
            self.scripts.process_before_every_sampling(p=self, x=self.init_latent, noise=x, c=conditioning,
                                                       uc=unconditional_conditioning)
        samples = self.sampler.sample_img2img(self, self.init_latent, x, conditioning, unconditional_conditioning,
                                              image_conditioning=self.image_conditioning)
        if self.mask is not None:
            samples = self._blended(samples)
        devices.torch_gc()
        return samples

    def _blended(self, samples: torch.Tensor) -> torch.Tensor:
        blended = samples * self.nmask + self.init_latent * self.mask
        if self.scripts is None:
            return blended
        arguments = scripts.MaskBlendArgs(samples, self.nmask, self.init_latent, self.mask, blended)
        self.scripts.on_mask_blend(self, arguments)
        return arguments.blended_latent

    def get_token_merging_ratio(self, for_hr: bool = False) -> float:
        opts = shared.opts
        overridden = "token_merging_ratio" in self.override_settings and opts.token_merging_ratio
        return self.token_merging_ratio or overridden or opts.token_merging_ratio_img2img or opts.token_merging_ratio
