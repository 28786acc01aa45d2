"""Image conditioning: what inpainting checkpoints see beside the text; a small zero tensor for all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

from modules import devices, processing, shared
from modules.sd_models_types import network_of
from modules.sd_samplers_common import approximation_indexes

CONCATENATING = ("hybrid", "concat")


def encode_method() -> int | None:
    return approximation_indexes.get(shared.opts.sd_vae_encode_method)


def _takes_mask(sd_model: Any) -> bool:
    return network_of(sd_model).model.conditioning_key in CONCATENATING or getattr(sd_model, "is_sdxl_inpaint", False)


def txt2img_image_conditioning(sd_model: Any, x: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """For latents x [n, 4, h, w]: zeros [n, 5, 1, 1], or for an inpainting checkpoint [n, 5, h, w]: a mask of ones
    and the latent of a grey picture."""
    if not _takes_mask(sd_model):
        return x.new_zeros(x.shape[0], 5, 1, 1)
    grey = torch.full((x.shape[0], 3, height, width), 0.5, device=x.device)
    latent = processing.images_tensor_to_samples(grey, encode_method())
    return torch.nn.functional.pad(latent, (0, 0, 0, 0, 1, 0), value=1.0).to(x.dtype)


def mask_tensor(image_mask: Any, source: torch.Tensor, round_image_mask: bool) -> torch.Tensor:
    """The mask [1, 1, H, W] in 0..1 as `source` [n, 3, H, W] is stored; ones if there is none."""
    if image_mask is None:
        return source.new_ones(1, 1, *source.shape[-2:])
    if not torch.is_tensor(image_mask):
        pixels = np.array(image_mask.convert("L"), dtype=np.float32) / 255.0
        image_mask = torch.from_numpy(pixels[None, None])
        image_mask = torch.round(image_mask) if round_image_mask else image_mask
    return image_mask.to(device=source.device, dtype=source.dtype)


class ImageConditioning:
    """The methods of a job that make its image conditioning."""

    width: int
    height: int
    sampler: Any
    sd_model: Any
    is_using_inpainting_conditioning: bool

    def txt2img_image_conditioning(self, x: torch.Tensor, width: int | None = None,
                                   height: int | None = None) -> torch.Tensor:
        self.is_using_inpainting_conditioning = network_of(self.sd_model).model.conditioning_key in CONCATENATING
        return processing.txt2img_image_conditioning(self.sd_model, x, width or self.width, height or self.height)

    def inpainting_image_conditioning(self, source_image: torch.Tensor, latent_image: torch.Tensor,
                                      image_mask: Image.Image | torch.Tensor | None = None,
                                      round_image_mask: bool = True) -> torch.Tensor:
        """source_image [n, 3, H, W] in -1..1 -> [n, 5, h, w]: the mask, and the latent of the picture without its
        masked part (blended by the inpainting mask weight)."""
        self.is_using_inpainting_conditioning = True
        weight = getattr(self, "inpainting_mask_weight", shared.opts.inpainting_mask_weight)
        mask = mask_tensor(image_mask, source_image, round_image_mask)
        visible = torch.lerp(source_image, source_image * (1.0 - mask), weight)
        latent = self.sd_model.get_first_stage_encoding(self.sd_model.encode_first_stage(visible))
        mask = torch.nn.functional.interpolate(mask, size=latent_image.shape[-2:]).expand(latent.shape[0], -1, -1, -1)
        return torch.cat([mask, latent], dim=1).to(shared.device).type(network_of(self.sd_model).dtype)

    def img2img_image_conditioning(self, source_image: torch.Tensor, latent_image: torch.Tensor,
                                   image_mask: Image.Image | None = None,
                                   round_image_mask: bool = True) -> torch.Tensor:
        """source_image [n, 3, H, W] in -1..1, its latent [n, 4, h, w] -> [n, 5, 1, 1] or [n, 5, h, w]."""
        key = getattr(self.sampler, "conditioning_key", "crossattn")
        if key in CONCATENATING or getattr(self.sd_model, "is_sdxl_inpaint", False):
            source_image = devices.cond_cast_float(source_image)
            return self.inpainting_image_conditioning(source_image, latent_image, image_mask, round_image_mask)
        return latent_image.new_zeros(latent_image.shape[0], 5, 1, 1)
