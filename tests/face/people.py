"""Rendered people with their truth, and one photograph."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from lib_vaeface.face.protocol import Face, FloatBox
from pocket_webui.portraits import render, sample


@lru_cache(maxsize=8)
def rendered(kind: str, count: int, seed: int = 5, size: int = 256) -> list[tuple[Tensor, tuple[FloatBox, ...]]]:
    """Pictures [3,H,W] in 0..1 with the boxes of their faces, from left to right."""
    scenes = sample(seed, count, kind, size, size)
    pictures = render(scenes).float() / 255
    return [(picture, tuple(p.box for p in scene.people)) for picture, scene in zip(pictures, scenes, strict=True)]


@lru_cache(maxsize=1)
def astronaut() -> tuple[Tensor, FloatBox]:
    """Eileen Collins by NASA (public domain), as scikit-image brings it, [3,512,512]; the box of her face."""
    from skimage import data

    return torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1).float() / 255, (182.0, 58.0, 270.0, 178.0)


def overlap(a: FloatBox, b: FloatBox) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return shared / (area - shared)


def matched(found: list[Face], boxes: tuple[FloatBox, ...], least: float = 0.4) -> int:
    """How many of the boxes are found."""
    return sum(any(overlap(face.box, box) >= least for face in found) for box in boxes)
