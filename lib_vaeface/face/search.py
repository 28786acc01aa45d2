"""How hard to look: at one size, at several, or also turned. Works with every detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .overlap import distinct
from .protocol import Detector, Face, FloatBox, Point

NORMAL, THOROUGH, ANY, DRAWN = "normal", "thorough", "any orientation", "drawn"
SEARCHES = (NORMAL, THOROUGH, ANY, DRAWN)
SIDE = 1280  # pixels; larger pictures are looked at in this size


@dataclass(frozen=True)
class View:
    """A picture shown to a detector: at another scale, turned counterclockwise by quarters, at most `most` pixels wide
    and high (0: any), darkened by a power."""

    scale: float = 1.0
    quarters: int = 0
    most: int = 0
    power: float = 1.0


VIEWS = {
    NORMAL: (View(),),
    THOROUGH: (View(), View(0.5), View(2.0)),
    ANY: tuple(View(quarters=n) for n in range(4)),
    DRAWN: (View(), *(View(most=side, power=1.6) for side in (45, 64, 90, 128, 180, 256))),
}


@dataclass(frozen=True)
class Search:
    """A detector that looks at several views of each picture; a face found in more than one is reported once.

    mode: one of SEARCHES. side: the longest side in pixels at which a picture is looked at (twice that when thorough).
    """

    detector: Detector
    mode: str = NORMAL
    side: int = SIDE

    def __post_init__(self) -> None:
        if self.mode not in VIEWS:
            raise ValueError(f'"{self.mode}" is no way to search: {", ".join(SEARCHES)}')

    @property
    def name(self) -> str:
        return self.detector.name

    @torch.no_grad()
    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        """See `Detector.detect`; boxes and landmarks are in the pixels of the given images."""
        found: list[list[Face]] = [[] for _ in images]
        for view in VIEWS[self.mode]:
            shown = [self._shown(image, view) for image in images]
            for n, faces in enumerate(self.detector.detect(shown)):
                size = (images[n].shape[2], images[n].shape[1])
                found[n] += [_back(face, shown[n], view.quarters, size) for face in faces]
        return [distinct([face for face in faces if _area(face) > 0]) for faces in found]

    def _shown(self, image: Tensor, view: View) -> Tensor:
        longest = max(image.shape[1:])
        scale = view.scale * min(1.0, (view.most or self.side) / max(longest, 1))
        if scale != 1.0:
            size = [max(1, round(side * scale)) for side in image.shape[1:]]
            image = F.interpolate(image[None].float(), size=size, mode="bilinear", antialias=scale < 1)[0]
        image = image.clamp(0, 1) ** view.power if view.power != 1 else image
        return torch.rot90(image, view.quarters, (1, 2)) if view.quarters else image


def _back(face: Face, shown: Tensor, quarters: int, size: tuple[int, int]) -> Face:
    """A face found in a view, in the picture of `size` (width, height)."""
    width, height = shown.shape[2], shown.shape[1]
    upright = (width, height) if quarters % 2 == 0 else (height, width)
    factors = (size[0] / upright[0], size[1] / upright[1])

    def place(point: Point) -> Point:
        x, y = _turned_back(point, upright, quarters)
        return x * factors[0], y * factors[1]

    left, top, right, bottom = _hull(place(face.box[:2]), place(face.box[2:]))
    inside = (max(left, 0.0), max(top, 0.0), min(right, size[0]), min(bottom, size[1]))
    return Face(inside, face.score, tuple(map(place, face.landmarks)))


def _area(face: Face) -> float:
    left, top, right, bottom = face.box
    return max(right - left, 0.0) * max(bottom - top, 0.0)


def _turned_back(point: Point, size: tuple[int, int], quarters: int) -> Point:
    """A point of a picture turned counterclockwise, in the upright one of `size`."""
    (x, y), (width, height) = point, size
    return [(x, y), (width - y, x), (width - x, height - y), (y, height - x)][quarters]


def _hull(a: Point, b: Point) -> FloatBox:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])
