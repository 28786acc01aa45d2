"""The part of a picture that is decoded again for a face: with room for the blend's ring, on the latent grid."""

from __future__ import annotations

import math

from .blend import RING
from .outline import outline
from .protocol import Face

GRID = 8  # pixels to a latent pixel


def region(face: Face, size: tuple[int, int], grid: int = GRID, margin: float = RING) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the region of a face: its outline grown by `margin` heights of the face.

    size: width and height of the picture, whose edges limit it. All four are multiples of `grid`, or the picture's
    edge; never empty. ValueError: a picture without pixels, a face that is no number.
    """
    width, height = size
    if width < 1 or height < 1 or grid < 1:
        raise ValueError(f"no region in a picture of {width}x{height} pixels on a grid of {grid}")
    if not all(map(math.isfinite, face.box)):
        raise ValueError(f"no region for a face at {face.box}: these are no numbers")
    shape = outline(face)
    low_x, low_y, high_x, high_y = shape.bounds(margin * shape.height)
    left, right = _span(low_x, high_x, width, grid)
    top, bottom = _span(low_y, high_y, height, grid)
    return left, top, right, bottom


def _span(low: float, high: float, end: int, grid: int) -> tuple[int, int]:
    """Both ends outwards to the grid, inside 0..end, at least one cell or what there is of the last."""
    start = math.floor(min(max(low, 0), end - 1) / grid) * grid
    stop = math.ceil(min(max(high, start + 1), end) / grid) * grid
    return start, min(stop, end)
