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
    """Stretch the edges of `inner`, pasted at (left, top), over the empty rest of `res`.

    Both sides get the width of the first one, as on A1111: with an odd rest the last row or column stays black."""
    width, height = inner.size
    if top > 0:
        for edge, y in ((0, 0), (height, top + height)):
            # A box without height: the resampling filter reaches beyond it, into the outermost rows.
            res.paste(inner.resize((width, top), box=(0, edge, width, edge)), (0, y))
    if left > 0:
        for edge, x in ((0, 0), (width, left + width)):
            res.paste(inner.resize((left, height), box=(edge, 0, edge, height)), (x, 0))


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
