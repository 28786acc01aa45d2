"""Never worse: what was painted stays only where the face is still found, where it was and no less clearly.

A detector's score of one face jumps with its size in pixels, so the face is looked at in three sizes, before and after
in the very same views of the picture, and the means are compared. What is seen is what the person would see: the
picture with the face put back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .crops import cut, longest, window_of
from .protocol import Detector, Face, FloatBox

OVERLAP = 0.5  # least intersection over union of the face before and after
LOOSE = 0.3  # and of what is found in a view with the box from the picture: its size and lean are others
MARGIN = 0.1  # means within this are equal: about twice what they differ between neighbouring sizes
HEIGHTS = (0.36, 0.6, 1.0)  # of the face in the views, to its own height or to LEAST
LEAST = 135.0
GRID = 32
CLEAR = 0.3  # score of a face that is one
LOWEST = 0.05  # score from which on the guard's detector should report faces: a mean needs the low ones too


@dataclass(frozen=True)
class Verdict:
    """keep: the painted face stays. reason: why not, for people; "" where it stays.

    before, after: the detector's mean scores, 0 for views without the face; None where nobody looked.
    """

    keep: bool
    before: float | None = None
    after: float | None = None
    reason: str = ""


def overlap(one: FloatBox, other: FloatBox) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both)


def there(faces: Sequence[Face], box: FloatBox, least: float) -> Face | None:
    """The face that overlaps `box` most, and by at least `least`."""
    found = max(faces, key=lambda face: overlap(face.box, box), default=None)
    return found if found is not None and overlap(found.box, box) >= least else None


def others(faces: Sequence[Face], box: FloatBox) -> int:
    """How many faces a view clearly shows beside the one at `box`: a prompt of several people can paint them there."""
    return sum(face.score >= CLEAR and overlap(face.box, box) < LOOSE for face in faces)


def judge(
    before: Sequence[Sequence[Face]], after: Sequence[Sequence[Face]], boxes: Sequence[FloatBox], margin: float = MARGIN
) -> Verdict:
    """Compares what a detector found in each view. boxes: where the face is expected, in the view's pixels.

    Where it is not found before, which happens to faces of a few pixels, any face at that place is an improvement.
    In every view on average, no face more may be seen beside it than before.
    """
    old = [there(faces, box, LOOSE) for faces, box in zip(before, boxes, strict=True)]
    new = [
        there(faces, was.box, OVERLAP) if was else there(faces, box, LOOSE)
        for faces, was, box in zip(after, old, boxes, strict=True)
    ]
    was_seen, is_seen = (sum(face.score for face in found if face) / max(len(found), 1) for found in (old, new))
    if not any(new):
        return Verdict(False, was_seen, is_seen, "the face was not found again at its place")
    more = sum(map(others, after, boxes)) - sum(map(others, before, boxes))
    if more >= len(boxes) > 0:
        return Verdict(False, was_seen, is_seen, "other faces appeared around or in it")
    if is_seen < was_seen - margin:
        why = f"the face was found less clearly: {is_seen:.2f} after {was_seen:.2f}"
        return Verdict(False, was_seen, is_seen, why)
    return Verdict(True, was_seen, is_seen)


def views(picture: Tensor, face: Face) -> list[tuple[Tensor, FloatBox]]:
    """The face upright in three sizes, [3,side,side] each, and its box in them. picture [3,H,W] in 0..1."""
    height, width = picture.shape[1:]
    window = window_of(face, height, width, GRID)
    scale = max(longest(face), LEAST) / longest(face)
    sides = [math.ceil(window.side * scale * part / GRID) * GRID for part in HEIGHTS]
    seen = [replace(window, canvas=side) for side in sides]
    return [(cut(picture, one), one.face_box(face)) for one in seen]


def guard(
    detector: Detector, faces: Sequence[Face], before: Sequence[Tensor], after: Sequence[Tensor], margin: float = MARGIN
) -> list[Verdict]:
    """A verdict for each face. before, after: its picture [3,H,W] without and with the painted face, in 0..1.

    One call of the detector; its errors pass.
    """
    looks = [
        views(picture, face) for pictures in (before, after) for picture, face in zip(pictures, faces, strict=True)
    ]
    found = iter(detector.detect([view for look in looks for view, _ in look]))
    seen = [[next(found) for _ in look] for look in looks]
    halves = zip(seen[: len(faces)], seen[len(faces) :], looks, strict=False)
    return [judge(old, new, [box for _, box in look], margin) for old, new, look in halves]


def finite(picture: Tensor) -> bool:
    """Whether all values are numbers."""
    return bool(torch.isfinite(picture).all())
