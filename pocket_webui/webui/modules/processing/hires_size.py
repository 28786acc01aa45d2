"""Arithmetic of the sizes of hires fix."""

from __future__ import annotations

import math
from typing import NamedTuple

LATENT = 8
OLD_PIXELS = 512 * 512


class Target(NamedTuple):
    """Size the first pass is enlarged to, in pixels, and how much of it is then cut off, in latent pixels."""

    width: int
    height: int
    cut_x: int = 0
    cut_y: int = 0


def resize_target(width: int, height: int, resize_x: int, resize_y: int) -> Target:
    """For a picture of width x height and a wanted size, of which one side may be 0: the size that keeps the
    proportions and covers what is wanted."""
    if resize_y == 0:
        return Target(resize_x, resize_x * height // width)
    if resize_x == 0:
        return Target(resize_y * width // height, resize_y)
    wider = width / height < resize_x / resize_y
    to_x, to_y = (resize_x, resize_x * height // width) if wider else (resize_y * width // height, resize_y)
    return Target(to_x, to_y, (to_x - resize_x) // LATENT, (to_y - resize_y) // LATENT)


def old_hires_fix_first_pass_dimensions(width: int, height: int) -> tuple[int, int]:
    """Size of the first pass as it was once chosen: about 512x512 pixels, sides multiples of 64, rounded up."""
    scale = math.sqrt(OLD_PIXELS / (width * height))
    return math.ceil(scale * width / 64) * 64, math.ceil(scale * height / 64) * 64
