"""Where a face is painted: its outline, moved or grown as the person wants, on the canvas and in the picture.

An outline is a formula, not a picture. The masks on the canvas and in the picture are the same curve, nothing is
resampled, and an outline that is moved out of the picture ends there.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from .outline import FEATHER, Outline, outline, roll, soft
from .protocol import Face, Point

AROUND = 1.12  # the model paints this much more than is blended in: its own soft edge must not be seen


def adjusted(face: Face, grow: float = 1.0, right: float = 0.0, down: float = 0.0) -> Face:
    """The face with box and landmarks `grow` times as large, moved in its own directions.

    right, down: in widths and heights of the box; a leaning face moves along its lean. What is painted and blended
    follows from box and landmarks, so all of it moves together.
    """
    left, top, x1, y1 = face.box
    width, height, lean = x1 - left, y1 - top, roll(face)
    dx = width * right * math.cos(lean) - height * down * math.sin(lean)
    dy = width * right * math.sin(lean) + height * down * math.cos(lean)
    middle = (left + x1) / 2, (top + y1) / 2

    def moved(point: Point) -> Point:
        return tuple(m + grow * (p - m) + d for p, m, d in zip(point, middle, (dx, dy), strict=True))  # type: ignore[return-value]

    box = (*moved((left, top)), *moved((x1, y1)))
    return replace(face, box=box, landmarks=tuple(moved(point) for point in face.landmarks))


def mask_of(shape: Outline, height: int, width: int, device: torch.device | None = None, grow: float = 1.0) -> Tensor:
    """The soft mask of an outline on a canvas, [1,height,width] in 0..1: exactly 1 inside, exactly 0 outside.

    grow: the outline is this many times as large; the soft edge is as wide as before.
    """
    large = replace(shape, half_width=shape.half_width * grow, half_height=shape.half_height * grow)
    return soft(large.distance(height, width, device=device), FEATHER * shape.height)[None].clamp(0, 1)


def mask_over(
    face: Face, box: tuple[int, int, int, int], feather: float = FEATHER, device: torch.device | None = None
) -> Tensor:
    """The soft mask over `box` (left, top, right, bottom) of the picture: [height,width] in 0..1."""
    left, top, right, bottom = box
    shape = outline(face)
    return soft(shape.distance(bottom - top, right - left, left, top, device), feather * shape.height).clamp(0, 1)


def scaled(shape: Outline, centre: Point, scale: float, turned: float) -> Outline:
    """The outline where its picture is turned back by `turned` radians and enlarged; `centre` is where it then lies."""
    return Outline(*centre, shape.half_width * scale, shape.half_height * scale, shape.lean - turned)
