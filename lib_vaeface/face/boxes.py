"""Faces that a person marked by hand, in place of a search."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from .protocol import Face

LEAST_PIXELS = 1.0  # of a box's side


def parse_boxes(boxes: str | Sequence[Sequence[float]], shape: Sequence[int]) -> list[Face]:
    """Faces out of boxes that a person drew or wrote, for one picture; score 1, no landmarks.

    boxes: "left,top,right,bottom; ..." or a list of four numbers each: shares of the picture if all four are at most 1,
    else pixels. shape: the picture's height and width, in the order of a tensor's shape. What lies beyond the picture
    is cut off. ValueError names the box and what is wrong with it.
    """
    size = (shape[-1], shape[-2])
    rows = _rows(boxes) if isinstance(boxes, str) else list(boxes)
    return [Face(_box(row, f"box {n}", size), 1.0) for n, row in enumerate(rows, 1)]


def _rows(text: str) -> list[list[float]]:
    parts = [part.strip() for part in re.split(r"[;\n]", text) if part.strip()]
    found = []
    for number, part in enumerate(parts, 1):
        try:
            found.append([float(value) for value in re.split(r"[,\s]+", part.strip("()[] "))])
        except ValueError:
            raise ValueError(f'box {number}, "{part[:40]}": four numbers are wanted, as in 0.2,0.1,0.4,0.5') from None
    return found


def _box(row: Sequence[float], name: str, size: tuple[int, int]) -> tuple[float, float, float, float]:
    if len(row) != 4 or not all(isinstance(value, (int, float)) and math.isfinite(value) for value in row):
        raise ValueError(f"{name}: four numbers are wanted: left, top, right, bottom")
    shares = all(value <= 1 for value in row)
    width, height = size if shares else (1, 1)
    left, right = (min(max(value * width, 0.0), float(size[0])) for value in (row[0], row[2]))
    top, bottom = (min(max(value * height, 0.0), float(size[1])) for value in (row[1], row[3]))
    if right - left < LEAST_PIXELS or bottom - top < LEAST_PIXELS:
        raise ValueError(
            f"{name}, {', '.join(f'{value:g}' for value in row)}: nothing of it is left in a picture of "
            f"{size[0]}x{size[1]} pixels; right must be more than left and bottom more than top"
        )
    return left, top, right, bottom
