"""The mask of img2img: from what was drawn to the picture mask, the overlay and the latent mask."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from modules import devices, images, masking, processing, sd_hijack, shared

log = logging.getLogger(__name__)

BLANK_MASK = 'The mask is blank, so "Inpaint only masked" is not possible: the whole picture is painted (img2img).'


def blur_weights(sigma: float) -> np.ndarray:
    """Gaussian weights [2 * radius + 1] in 256ths, radius about 2.5 sigma. What rounding takes from one goes to the
    next one, and the middle one gets the rest, as OpenCV does for 8-bit pictures."""
    radius = int(2.5 * sigma + 0.5)
    exact = np.exp(-np.square(np.arange(-radius, radius + 1)) / (2.0 * sigma * sigma))
    exact *= 256.0 / exact.sum()
    weights = np.zeros(2 * radius + 1, dtype=np.int64)
    carried = 0.0
    for i in range(radius):
        wanted = exact[i] + carried
        weights[i] = weights[-1 - i] = round(wanted)
        carried = wanted - weights[i]
    weights[radius] = 256 - weights.sum()
    return weights


def blur(image: Image.Image, sigma: float, axis: int) -> Image.Image:
    """Gaussian blur of an L image along one axis (0 vertical, 1 horizontal), the picture mirrored at its borders."""
    weights = blur_weights(sigma)
    radius = len(weights) // 2
    margins = [(radius, radius) if side == axis else (0, 0) for side in (0, 1)]
    pixels = np.asarray(image)
    padded = np.pad(pixels.astype(np.int64), margins, mode="reflect")
    size = pixels.shape[axis]
    total = sum(weight * padded.take(range(i, i + size), axis=axis) for i, weight in enumerate(weights))
    return Image.fromarray(((total + 128) >> 8).clip(0, 255).astype(np.uint8))


def drawn_mask(p: Any) -> Image.Image | None:
    """The job's mask as L, inverted and blurred as its fields say; None without a mask."""
    if p.image_mask is None:
        return None
    mask = processing.create_binary_mask(p.image_mask, round=p.mask_round)
    if p.inpainting_mask_invert:
        mask = ImageOps.invert(mask)
        p.extra_generation_params["Mask mode"] = "Inpaint not masked"
    if p.mask_blur_x > 0:
        mask = blur(mask, p.mask_blur_x, axis=1)
    if p.mask_blur_y > 0:
        mask = blur(mask, p.mask_blur_y, axis=0)
    if p.mask_blur_x > 0 or p.mask_blur_y > 0:
        p.extra_generation_params["Mask blur"] = p.mask_blur
    return mask


def place_mask(p: Any, mask: Image.Image) -> tuple[Image.Image | None, masking.Box | None]:
    """(mask of the size that is painted, region of the original that it covers or None for all of it)."""
    p.overlay_images = []
    if p.inpaint_full_res:
        return _crop_to_mask(p, mask)
    mask = images.resize_image(p.resize_mode, mask, p.width, p.height)
    # Twice as strong, so that the original shows only where the mask is clearly off.
    doubled = np.clip(np.array(mask).astype(np.float32) * 2, 0, 255).astype(np.uint8)
    p.mask_for_overlay = Image.fromarray(doubled)
    return mask, None


def _crop_to_mask(p: Any, mask: Image.Image) -> tuple[Image.Image | None, masking.Box | None]:
    p.mask_for_overlay = mask
    region = masking.get_crop_region_v2(mask.convert("L"), p.inpaint_full_res_padding)
    if region is None:
        p.mask_for_overlay = None
        p.inpaint_full_res = False
        sd_hijack.model_hijack.comments.append(BLANK_MASK)
        log.info(BLANK_MASK)
        return None, None
    region = masking.expand_crop_region(region, p.width, p.height, mask.width, mask.height)
    x1, y1, x2, y2 = region
    p.paste_to = (x1, y1, x2 - x1, y2 - y1)
    p.extra_generation_params["Inpaint area"] = "Only masked"
    p.extra_generation_params["Masked area padding"] = p.inpaint_full_res_padding
    return images.resize_image(2, mask.crop(region), p.width, p.height), region


def keep_overlay(p: Any, image: Image.Image) -> None:
    """Remember what stays of `image` outside the mask, to be laid over the result."""
    if p.mask_for_overlay.size != image.size:
        p.mask_for_overlay = images.resize_image(p.resize_mode, p.mask_for_overlay, *image.size)
    kept = Image.new("RGBa", image.size)
    kept.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(p.mask_for_overlay.convert("L")))
    p.overlay_images.append(kept.convert("RGBA"))


def set_latent_masks(p: Any, mask: Image.Image, all_seeds: list[int]) -> None:
    """`p.nmask` [4, h, w] (1 where it is painted), `p.mask` (1 where it is kept), and the latent's starting content."""
    latent = p.init_latent
    small = mask.convert("RGB").resize((latent.shape[3], latent.shape[2]))
    painted = np.array(small, dtype=np.float32)[..., 0] / 255
    painted = np.around(painted) if p.mask_round else painted
    painted = np.tile(painted[None], (latent.shape[1], 1, 1))
    p.mask = torch.asarray(1.0 - painted).to(shared.device).type(devices.dtype)
    p.nmask = torch.asarray(painted).to(shared.device).type(devices.dtype)
    if p.inpainting_fill == 2:
        noise = processing.create_random_tensors(latent.shape[1:], all_seeds[:latent.shape[0]])
        p.init_latent = latent * p.mask + noise * p.nmask
        p.extra_generation_params["Masked content"] = "latent noise"
    elif p.inpainting_fill == 3:
        p.init_latent = latent * p.mask
        p.extra_generation_params["Masked content"] = "latent nothing"
