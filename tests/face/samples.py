"""Faces and pictures for tests: made of numbers, so that the truth is known."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lib_vaeface.face.protocol import Face, Point

ASPECT = 0.78
POINTS = ((-0.25, -0.1), (0.25, -0.1), (0.0, 0.08), (-0.18, 0.27), (0.18, 0.27))
"""Landmarks in heights of the face from its middle."""


def face_at(x: float, y: float, size: float, lean: float = 0.0, score: float = 0.9) -> Face:
    """A face `size` pixels high around (x, y), leaning clockwise by degrees, in the box that holds its ellipse."""
    cos, sin = math.cos(math.radians(lean)), math.sin(math.radians(lean))
    half = size / 2 * math.hypot(ASPECT * cos, sin), size / 2 * math.hypot(ASPECT * sin, cos)
    marks: tuple[Point, ...] = tuple(
        (x + size * (cos * u - sin * v), y + size * (sin * u + cos * v)) for u, v in POINTS
    )
    return Face((x - half[0], y - half[1], x + half[0], y + half[1]), score, marks)


def noise(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def smooth(height: int, width: int, seed: int = 0) -> Tensor:
    """A picture without detail: slopes and slow waves, far from black and white."""
    y, x = torch.arange(height)[:, None] / 90.0, torch.arange(width)[None] / 90.0
    return torch.stack([0.45 + 0.15 * torch.sin(x + k + seed) + 0.1 * torch.cos(y + 2 * k) for k in range(3)])
