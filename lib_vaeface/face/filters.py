"""Which of the faces that were found are worked on, and in which order; and faces that a person marked by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .overlap import merged
from .protocol import Face

LEFT_TO_RIGHT, SIZE, SCORE = "left to right", "size", "score"
ORDERS = (LEFT_TO_RIGHT, SIZE, SCORE)
LEAST_PIXELS = 1.0  # of a side of a box that was marked by hand


@dataclass(frozen=True)
class Filters:
    """score: 0..1, lower ones are dropped. smallest, largest: height in percent of the picture's shorter side.

    main: drops faces less high than this percentage of the highest. merge: faces of which one lies in another by more
    than this share, 0..1, become one; 1 merges none. centre: only the face nearest to the middle. count: only this many,
    the largest (0: all). order: one of ORDERS; best or largest first. ValueError: an order that is none of them.
    """

    score: float = 0.0
    smallest: float = 0.0
    largest: float = 100.0
    main: float = 0.0
    merge: float = 1.0
    centre: bool = False
    count: int = 0
    order: str = LEFT_TO_RIGHT

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise ValueError(f'"{self.order}" is no order of faces: {", ".join(ORDERS)}')


def select(faces: Iterable[Face], size: tuple[int, int], filters: Filters) -> list[Face]:
    """The faces that are worked on, in order. size: width and height of the picture. No face is shown as anything but
    what was found, except by `merge`."""
    kept = merged([face for face in faces if face.score >= filters.score], filters.merge)
    percent = 100 / max(min(size), 1)
    kept = [face for face in kept if filters.smallest <= _height(face) * percent <= _upper(filters)]
    highest = max(map(_height, kept), default=0.0)
    kept = [face for face in kept if _height(face) * 100 >= filters.main * highest]
    if filters.centre:
        kept = sorted(kept, key=lambda face: _off_centre(face, size))[:1]
    if filters.count:
        kept = sorted(kept, key=_area, reverse=True)[: filters.count]
    return sorted(kept, key=_ORDER[filters.order])


def _upper(filters: Filters) -> float:
    """100 percent is no limit: a box may be higher than the shorter side."""
    return filters.largest if filters.largest < 100 else math.inf


def _height(face: Face) -> float:
    return face.box[3] - face.box[1]


def _area(face: Face) -> float:
    return (face.box[2] - face.box[0]) * _height(face)


def _off_centre(face: Face, size: tuple[int, int]) -> float:
    left, top, right, bottom = face.box
    return math.hypot((left + right - size[0]) / 2, (top + bottom - size[1]) / 2)


_ORDER: dict[str, Callable[[Face], tuple[float, ...]]] = {
    LEFT_TO_RIGHT: lambda face: (face.box[0] + face.box[2], face.box[1]),
    SIZE: lambda face: (-_area(face), face.box[0]),
    SCORE: lambda face: (-face.score, face.box[0]),
}


def marked(boxes: str | Sequence[Sequence[float]], size: tuple[int, int]) -> list[Face]:
    """Faces out of boxes that a person drew or wrote, for a picture of `size` (width, height); score 1, no landmarks.

    boxes: "left,top,right,bottom; ..." or a list of four numbers each: shares of the picture if all four are at most 1,
    else pixels. What lies beyond the picture is cut off. ValueError names the box and what is wrong with it.
    """
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
