"""What happens to a decoded picture of img2img: colour correction, and laying it over the original."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from PIL import Image

from modules import images, processing

LUMA = np.array([0.299, 0.587, 0.114])


@functools.cache
def _lab_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fixed-point tables: linear light of each byte (in 8ths), cube roots (in 32768ths) of linear light 0 .. 1.5, and
    the sRGB to XYZ matrix for D65 white (in 4096ths)."""
    byte = np.arange(256) / 255.0
    light = np.where(byte <= 0.04045, byte / 12.92, ((byte + 0.055) / 1.055) ** 2.4)
    value = np.arange(3072) / 2040.0
    root = np.where(value < 0.008856, value * 7.787 + 16.0 / 116.0, np.cbrt(value))
    to_xyz = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
    white = np.array([[0.950456], [1.0], [1.088754]])
    tables = (2040.0 * light, 32768.0 * root, 4096.0 * to_xyz / white)
    light_table, root_table, matrix = (np.rint(table).astype(np.int64) for table in tables)
    return light_table, root_table, matrix


def _to_lab(rgb: np.ndarray) -> np.ndarray:
    """[H, W, 3] uint8 RGB to CIE Lab in 8 bits: L over the whole range, a and b around 128.

    In integers as OpenCV does it: histograms of few colours jump where a byte is rounded the other way."""
    light, root, matrix = _lab_tables()
    x, y, z = np.moveaxis(root[(light[rgb] @ matrix.T + 2048) >> 12], -1, 0)
    half, one = 1 << 14, 1 << 15
    lab = (296 * y - (4080 * one + 50) // 100, 500 * (x - y) + 128 * one, 200 * (y - z) + 128 * one)
    return np.stack([(plane + half) >> 15 for plane in lab], axis=-1).clip(0, 255).astype(np.uint8)


def _from_lab(lab: np.ndarray) -> np.ndarray:
    from skimage import color

    rgb = color.lab2rgb((lab.astype(np.float64) - (0.0, 128.0, 128.0)) / (2.55, 1.0, 1.0))
    return np.clip(np.rint(rgb * 255.0), 0, 255).astype(np.uint8)


def _with_luminosity_of(colours: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Hue and saturation of the first picture, luminosity of the second ([H, W, 3] uint8 each).

    The "luminosity" blend mode of W3C Compositing Level 1."""
    base, top = colours / 255.0, brightness / 255.0
    luma = (top @ LUMA)[..., None]
    shifted = base + (luma - (base @ LUMA)[..., None])
    low, high = shifted.min(axis=-1, keepdims=True), shifted.max(axis=-1, keepdims=True)
    tiny = 1e-9
    shifted = np.where(low < 0, luma + (shifted - luma) * luma / np.maximum(luma - low, tiny), shifted)
    over = luma + (shifted - luma) * (1 - luma) / np.maximum(high - luma, tiny)
    shifted = np.where(high > 1, over, shifted)
    return np.clip(shifted * 255.0, 0, 255).astype(np.uint8)


def setup_color_correction(image: Image.Image) -> np.ndarray:
    """The colours that a result shall have: `image` (RGB) in 8-bit Lab, [H, W, 3]."""
    return _to_lab(np.asarray(image))


def apply_color_correction(correction: np.ndarray, original_image: Image.Image) -> Image.Image:
    """`original_image` with the colour distribution of `correction`, its own brightness kept."""
    from skimage import exposure

    pixels = np.asarray(original_image.convert("RGB"))
    matched = _from_lab(exposure.match_histograms(_to_lab(pixels), correction, channel_axis=2))
    return Image.fromarray(_with_luminosity_of(matched, pixels))


def uncrop(image: Image.Image, dest_size: tuple[int, int], paste_loc: tuple[int, int, int, int]) -> Image.Image:
    """`image` at `paste_loc` (x, y, width, height) of an otherwise transparent picture of `dest_size`. RGBA."""
    x, y, width, height = paste_loc
    base = Image.new("RGBA", dest_size)
    base.paste(images.resize_image(1, image, width, height), (x, y))
    return base


def apply_overlay(image: Image.Image, paste_loc: Any, overlay: Image.Image | None) -> tuple[Image.Image, Image.Image]:
    """(finished, painted): the result under what was kept of the original, and the result alone at the same place."""
    if overlay is None:
        return image, image.copy()
    if paste_loc is not None:
        image = processing.uncrop(image, (overlay.width, overlay.height), paste_loc)
    painted = image.copy()
    finished = image.convert("RGBA")
    finished.alpha_composite(overlay)
    return finished.convert("RGB"), painted


def create_binary_mask(image: Image.Image, round: bool = True) -> Image.Image:
    """A mask (mode L) from a drawn one: the alpha channel where the picture has one that is not fully opaque, made
    black and white if `round`; else its brightness."""
    if image.mode != "RGBA" or image.getextrema()[-1] == (255, 255):
        return image.convert("L")
    alpha = image.getchannel("A")
    return alpha.point(lambda value: 255 if value > 128 else 0) if round else alpha
