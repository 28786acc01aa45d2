"""Boxes that mean the same face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from .protocol import Face, FloatBox

SAME = 0.3  # intersection over union from which two boxes are one face


def suppress(boxes: Tensor, scores: Tensor, overlap: float = SAME) -> list[int]:
    """Which of the boxes [n,4] to keep, best score first: those that no better one overlaps by more than `overlap`."""
    order = scores.argsort(descending=True, stable=True)
    keep: list[int] = []
    while len(order):
        best, rest = order[0], order[1:]
        keep.append(int(best))
        order = rest[_shared(boxes[best], boxes[rest]) <= overlap]
    return keep


def _shared(box: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of a box [4] with others [n,4]."""
    sides = (torch.minimum(box[2:], others[:, 2:]) - torch.maximum(box[:2], others[:, :2])).clamp(min=0)
    inner, one, many = sides.prod(1), (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(1)
    return inner / (one + many - inner).clamp(min=1e-9)


def distinct(faces: Sequence[Face], overlap: float = SAME) -> list[Face]:
    """Faces found more than once, each kept as it was found best; best score first."""
    if not faces:
        return []
    boxes = torch.tensor([face.box for face in faces], dtype=torch.float64)
    scores = torch.tensor([face.score for face in faces], dtype=torch.float64)
    return [faces[n] for n in suppress(boxes, scores, overlap)]


def merged(faces: Sequence[Face], overlap: float) -> list[Face]:
    """Faces of which one's box lies in another's by more than `overlap` of its area become one face around both.

    Its score and landmarks are those of the better one. overlap: 0..1, at 1 nothing is merged. Order is kept.
    """
    left: list[Face] = []
    for face in faces:
        while (other := next((f for f in left if _covered(face.box, f.box) > overlap), None)) is not None:
            left.remove(other)
            best = max(other, face, key=lambda f: f.score)
            face = replace(best, box=_around(face.box, other.box))
        left.append(face)
    return left


def _covered(a: FloatBox, b: FloatBox) -> float:
    """The share of the smaller box that lies in the other."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    area = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return max(width, 0.0) * max(height, 0.0) / max(area, 1e-9)


def _around(a: FloatBox, b: FloatBox) -> FloatBox:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
