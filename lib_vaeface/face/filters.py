"""Which of the faces that were found are worked on, and in which order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .overlap import merged
from .protocol import Face

LEFT_TO_RIGHT, SIZE, SCORE = "left to right", "size", "score"
ORDERS = (LEFT_TO_RIGHT, SIZE, SCORE)


@dataclass(frozen=True)
class Filters:
    """score: 0..1, lower ones are dropped. smallest, largest: height in percent of the picture's shorter side.

    main: drops faces less high than this percentage of the highest. merge: faces of which one lies in another by more
    than this share, 0..1, become one; 1 merges none. centre: only the face nearest to the middle. count: only this
    many, the largest (0: all). order: one of ORDERS; best or largest first. ValueError: an order that is none of them.
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


def choose(faces: Iterable[Face], size: tuple[int, int], filters: Filters) -> list[Face]:
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
