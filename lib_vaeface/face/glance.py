"""Look small first, look again where needed: a large picture on a CPU, in a fraction of one full look's time.

The first look is at a picture of FIRST pixels, with a low score for anything that might be a face. What it shows large
and clearly is found. Around everything else a square of the picture is cut out and looked at in full size. Where that
would be most of the picture, or where nothing was seen at all, the whole picture is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from .overlap import distinct
from .protocol import Detector, Face, FloatBox

FIRST = 640  # pixels of the first look's longer side
WORTH = 1.3  # a picture larger than FIRST by this factor is worth two looks
HINT = 0.06  # score from which on something is looked at again
CLEAR = 0.5  # score and height in the first look of a face that need no second
HEIGHT = 16.0
WINDOWS = (96, 192, 384)  # sides of the squares that are looked at again
AROUND = 2.5  # square to what is looked at in it
MOST = 0.5  # of the picture's area: when squares have more than that, it is looked at whole

Square = tuple[int, int, int]  # left, top, side


@dataclass(frozen=True)
class Glance:
    """A detector that looks twice. keen: the same detector, reporting from HINT on; score: faces below are not told."""

    full: Detector
    keen: Detector
    score: float

    @property
    def name(self) -> str:
        return self.full.name

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        """See `Detector.detect`."""
        large = [n for n, image in enumerate(images) if max(image.shape[1:]) >= WORTH * FIRST]
        found = dict(zip(large, self._twice([images[n] for n in large]), strict=True))
        rest = [n for n in range(len(images)) if n not in found]
        found |= dict(zip(rest, self.full.detect([images[n] for n in rest]), strict=True))
        return [found[n] for n in range(len(images))]

    def _twice(self, images: list[Tensor]) -> list[list[Face]]:
        first = self.keen.detect([_small(image) for image in images])
        seen = [_larger(faces, image) for faces, image in zip(first, images, strict=True)]
        again = [self._unclear(faces, image) for faces, image in zip(seen, images, strict=True)]
        squares = [_squares(faces, image) if faces else [] for faces, image in zip(again, images, strict=True)]
        whole = [n for n, image in enumerate(images) if not seen[n] or _too_much(squares[n], image)]
        looks = [(n, square) for n, some in enumerate(squares) if n not in whole for square in some]
        views = [_view(images[n], square) for n, square in looks]
        near = self.full.detect([*views, *(images[n] for n in whole)])
        found = [[face for face in faces if face not in unclear] for faces, unclear in zip(seen, again, strict=True)]
        for (n, square), faces in zip(looks, near, strict=False):
            found[n] += [_moved(face, square) for face in faces if _within(face, square, images[n])]
        for n, faces in zip(whole, near[len(looks) :], strict=True):
            found[n] = faces
        return [distinct(faces) for faces in found]

    def _unclear(self, faces: list[Face], image: Tensor) -> list[Face]:
        least = HEIGHT * max(image.shape[1:]) / FIRST
        return [face for face in faces if face.score < max(CLEAR, self.score) or _height(face) < least]


def _small(image: Tensor) -> Tensor:
    factor = FIRST / max(image.shape[1:])
    size = [max(1, round(side * factor)) for side in image.shape[1:]]
    return F.interpolate(image[None].float(), size=size, mode="bilinear", antialias=True)[0]


def _larger(faces: Sequence[Face], image: Tensor) -> list[Face]:
    """Faces of the first look in the picture's own pixels."""
    factor = max(image.shape[1:]) / FIRST
    return [
        Face(_times(face.box, factor), face.score, tuple((x * factor, y * factor) for x, y in face.landmarks))
        for face in faces
    ]


def _times(box: FloatBox, factor: float) -> FloatBox:
    left, top, right, bottom = (value * factor for value in box)
    return left, top, right, bottom


def _squares(faces: Sequence[Face], image: Tensor) -> list[Square]:
    """Squares that hold the faces with something around them; one serves all faces that lie well inside it."""
    made: list[Square] = []
    for face in sorted(faces, key=_height, reverse=True):
        if any(_inside(face.box, square) for square in made):
            continue
        wanted = AROUND * max(_height(face), face.box[2] - face.box[0])
        side = next((one for one in WINDOWS if one >= wanted), WINDOWS[-1])
        left, top = ((face.box[n] + face.box[n + 2] - side) / 2 for n in (0, 1))
        height, width = image.shape[1:]
        made.append((round(max(0, min(left, width - side))), round(max(0, min(top, height - side))), side))
    return made


def _inside(box: FloatBox, square: Square) -> bool:
    left, top, side = square
    room = (AROUND - 1) / 4 * max(box[2] - box[0], box[3] - box[1])
    low, high = min(box[0] - left, box[1] - top), max(box[2] - left, box[3] - top)
    return low >= room and high <= side - room


def _too_much(squares: Sequence[Square], image: Tensor) -> bool:
    area = image.shape[1] * image.shape[2]
    return sum(side * side for *_, side in squares) > MOST * area


def _view(image: Tensor, square: Square) -> Tensor:
    left, top, side = square
    return image[:, top : top + side, left : left + side]


def _moved(face: Face, square: Square) -> Face:
    left, top, _ = square
    box = (face.box[0] + left, face.box[1] + top, face.box[2] + left, face.box[3] + top)
    return Face(box, face.score, tuple((x + left, y + top) for x, y in face.landmarks))


def _within(face: Face, square: Square, image: Tensor) -> bool:
    """Whether a square's face is whole: cut off by the picture's edge, not by the square's."""
    left, top, side = square
    edges = (left > 0, top > 0, left + side < image.shape[2], top + side < image.shape[1])
    gaps = (face.box[0], face.box[1], side - face.box[2], side - face.box[3])
    return all(gap > 1 or not edge for gap, edge in zip(gaps, edges, strict=True))


def _height(face: Face) -> float:
    return face.box[3] - face.box[1]
