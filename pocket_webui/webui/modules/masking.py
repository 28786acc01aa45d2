"""Rectangles around inpaint masks, and the rough filling of masked areas."""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageFilter, ImageOps

Box = tuple[int, int, int, int]

# Widest first: each narrower blur covers the former where the picture reaches. (radius in pixels, times laid over)
FILL_BLURS = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))


def _as_image(mask: Any) -> Image.Image:
    return mask if isinstance(mask, Image.Image) else Image.fromarray(mask)


def _padded(box: Box, pad: int, size: tuple[int, int]) -> Box:
    x1, y1, x2, y2 = box
    return max(x1 - pad, 0), max(y1 - pad, 0), min(x2 + pad, size[0]), min(y2 + pad, size[1])


def get_crop_region_v2(mask: Any, pad: int = 0) -> Box | None:
    """Smallest (x1, y1, x2, y2) around all non-black pixels of `mask` (PIL or array), `pad` pixels larger on each
    side but inside the picture. None for an all-black mask."""
    mask = _as_image(mask)
    box = mask.getbbox()
    return box if box is None else _padded(box, pad, mask.size)


def get_crop_region(mask: Any, pad: int = 0) -> Box:
    """As `get_crop_region_v2`; for an all-black mask an inside-out box, as older extensions expect."""
    mask = _as_image(mask)
    width, height = mask.size
    return get_crop_region_v2(mask, pad) or _padded((width, height, 0, 0), pad, mask.size)


def _widen(low: int, high: int, wanted: float, limit: int) -> tuple[int, int]:
    """Grow [low, high) to `wanted` around its centre, then push it back into [0, limit), cutting what is too long."""
    extra = int(wanted - (high - low))
    low, high = low - extra // 2, high + extra - extra // 2
    if high >= limit:
        low, high = low - (high - limit), limit
    if low < 0:
        low, high = 0, high - low
    return low, min(high, limit)


def expand_crop_region(crop_region: Box, processing_width: int, processing_height: int, image_width: int,
                       image_height: int) -> Box:
    """Make the region as wide in proportion as the size it will be painted at, by growing its shorter side as far as
    the picture allows: a mask of 128x32 that is painted at 512x512 becomes 128x128."""
    x1, y1, x2, y2 = crop_region
    ratio = processing_width / processing_height
    if (x2 - x1) / (y2 - y1) > ratio:
        y1, y2 = _widen(y1, y2, (x2 - x1) / ratio, image_height)
    else:
        x1, x2 = _widen(x1, x2, (y2 - y1) * ratio, image_width)
    return x1, y1, x2, y2


def fill(image: Image.Image, mask: Image.Image) -> Image.Image:
    """`image` with its masked area filled by blurred colours from around it. RGB, same size."""
    kept = Image.new("RGBa", image.size)
    kept.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask.convert("L")))
    filled = Image.new("RGBA", image.size)
    for radius, times in FILL_BLURS:
        blurred = kept.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            filled.alpha_composite(blurred)
    return filled.convert("RGB")
