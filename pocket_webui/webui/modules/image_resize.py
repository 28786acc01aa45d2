"""Fitting an image into a size."""

from __future__ import annotations

from PIL import Image

from modules import shared

LANCZOS = Image.Resampling.LANCZOS


def _scale(im: Image.Image, width: int, height: int, upscaler_name: str | None) -> Image.Image:
    """To exactly this size; enlarging goes through the upscaler, if one is named."""
    if upscaler_name in (None, "None") or im.mode == "L":
        return im.resize((width, height), resample=LANCZOS)
    factor = max(width / im.width, height / im.height)
    if factor > 1.0:
        upscaler = next((x for x in shared.sd_upscalers if x.name == upscaler_name), None)
        if upscaler is None:
            upscaler = shared.sd_upscalers[0]
            print(f"could not find upscaler named {upscaler_name}, using {upscaler.name} as a fallback")
        im = upscaler.scaler.upscale(im, factor, upscaler.data_path)
    return im if im.size == (width, height) else im.resize((width, height), resample=LANCZOS)


def _fill_borders(res: Image.Image, inner: Image.Image, left: int, top: int) -> None:
    """Stretch the outermost rows or columns of `inner`, pasted at (left, top), over the empty rest of `res`."""
    width, height = res.size
    if top > 0:
        rest = height - top - inner.height
        res.paste(inner.crop((0, 0, width, 1)).resize((width, top)), (0, 0))
        if rest > 0:
            res.paste(inner.crop((0, inner.height - 1, width, inner.height)).resize((width, rest)), (0, height - rest))
    if left > 0:
        rest = width - left - inner.width
        res.paste(inner.crop((0, 0, 1, height)).resize((left, height)), (0, 0))
        if rest > 0:
            res.paste(inner.crop((inner.width - 1, 0, inner.width, height)).resize((rest, height)), (width - rest, 0))


def resize_image(
    resize_mode: int, im: Image.Image, width: int, height: int, upscaler_name: str | None = None
) -> Image.Image:
    """`im` at width x height pixels. Mode 0: stretched. 1: filling the size, the excess cropped evenly. 2 and others:
    inside the size, the rest filled from its edges. Upscaler: that of the setting unless named."""
    upscaler_name = upscaler_name or shared.opts.upscaler_for_img2img
    if resize_mode == 0:
        return _scale(im, width, height, upscaler_name)
    wider = width / height > im.width / im.height
    keep_width = wider if resize_mode == 1 else width / height < im.width / im.height
    keep_height = not wider if resize_mode == 1 else width / height >= im.width / im.height
    inner_width = width if keep_width else im.width * height // im.height
    inner_height = height if keep_height else im.height * width // im.width
    inner = _scale(im, inner_width, inner_height, upscaler_name)
    left, top = width // 2 - inner_width // 2, height // 2 - inner_height // 2
    res = Image.new("RGB", (width, height))
    res.paste(inner, (left, top))
    if resize_mode != 1:
        _fill_borders(res, inner, left, top)
    return res
