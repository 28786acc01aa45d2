"""Never worse: what was painted stays only where the face is still found, where it was and no less clearly.

Both versions are looked at in the same view, the canvas, so that size, lean and surround can't make the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .protocol import Detector, Face, FloatBox

OVERLAP = 0.5  # least intersection over union of the face before and after
LOOSE = 0.3  # and of what is found on the canvas with the box from the picture: its size and lean are others
MARGIN = 0.05  # scores within this are equal


@dataclass(frozen=True)
class Verdict:
    """keep: the painted face stays. reason: why not, for people; "" where it stays.

    before, after: the detector's scores, None where it found no face there.
    """

    keep: bool
    before: float | None
    after: float | None
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


def judge(before: Sequence[Face], after: Sequence[Face], box: FloatBox, margin: float = MARGIN) -> Verdict:
    """Compares what a detector found in both views. box: where the face is expected, in the same pixels.

    Where it is not found before, which happens to faces of a few pixels, any face at that place is an improvement.
    """
    old = there(before, box, LOOSE)
    new = there(after, old.box, OVERLAP) if old else there(after, box, LOOSE)
    scores = old.score if old else None, new.score if new else None
    if new is None:
        return Verdict(False, *scores, "the face was not found again at its place")
    if old is not None and new.score < old.score - margin:
        return Verdict(False, *scores, f"the face was found less clearly: {new.score:.2f} after {old.score:.2f}")
    return Verdict(True, *scores)


def guard(
    detector: Detector,
    before: Sequence[Tensor],
    after: Sequence[Tensor],
    boxes: Sequence[FloatBox],
    margin: float = MARGIN,
) -> list[Verdict]:
    """A verdict for each pair of views [3,H,W]. One call of the detector; its errors pass."""
    found = detector.detect([*before, *(torch.nan_to_num(view, 0.0, 1.0, 0.0) for view in after)])
    old, new = found[: len(before)], found[len(before) :]
    return [
        judge(was, now, box, margin) if finite(view) else Verdict(False, None, None, "the pixels were no numbers")
        for was, now, box, view in zip(old, new, boxes, after, strict=True)
    ]


def finite(picture: Tensor) -> bool:
    """Whether all values are numbers."""
    return bool(torch.isfinite(picture).all())
