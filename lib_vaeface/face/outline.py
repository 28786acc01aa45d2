"""The shape of a face in the picture: an ellipse that leans with the head, and soft masks of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .protocol import Face, FloatBox

SIDEWAYS, UPWARDS = 1.10, 1.16  # the ellipse against the detector's box
FEATHER = 0.18  # width of the soft edge, in heights of the face
LEAN = math.radians(15)  # less is within what an upright box holds anyway
SLENDER = 0.78  # width of an upright face, in heights; the median of CenterFace's boxes on photographs and portraits


@dataclass(frozen=True)
class Outline:
    """An ellipse: centre, half axes in pixels, and the clockwise lean of its long axis in radians.

    height: of the face inside it; rings, feathers and filters are measured in it.
    """

    x: float
    y: float
    half_width: float
    half_height: float
    lean: float = 0.0

    @property
    def height(self) -> float:
        return 2 * self.half_height / UPWARDS

    def bounds(self, margin: float = 0.0) -> FloatBox:
        """The box around it, grown by `margin` pixels."""
        c, s = math.cos(self.lean), math.sin(self.lean)
        across = math.hypot(self.half_width * c, self.half_height * s) + margin
        along = math.hypot(self.half_width * s, self.half_height * c) + margin
        return self.x - across, self.y - along, self.x + across, self.y + along

    def distance(
        self, height: int, width: int, left: int = 0, top: int = 0, device: torch.device | None = None
    ) -> Tensor:
        """Pixels from the edge, [height,width], below 0 inside; of a window whose corner is at (left, top).

        To first order (Taubin 1991: f / |grad f|): right near the edge, where it is used; too small far inside.
        """
        y = torch.arange(height, device=device, dtype=torch.float32)[:, None] + (top + 0.5 - self.y)
        x = torch.arange(width, device=device, dtype=torch.float32)[None] + (left + 0.5 - self.x)
        c, s = math.cos(self.lean), math.sin(self.lean)
        u, v = (c * x + s * y) / self.half_width, (c * y - s * x) / self.half_height
        radius = torch.hypot(u, v).clamp(min=1e-3)
        slope = torch.hypot(u / self.half_width, v / self.half_height) / radius
        return (radius - 1) / slope.clamp(min=1e-9)


def outline(face: Face) -> Outline:
    """The ellipse of a face: its box somewhat grown, leaning with the eyes where they are known.

    A box around a leaning face is wider than the face; its size then follows from the diagonal, as that of an ellipse
    of the usual proportions whose bounding box it is.
    """
    left, top, right, bottom = face.box
    width, height = max(right - left, 1.0), max(bottom - top, 1.0)
    lean = roll(face)
    if abs(lean) > LEAN:
        height = math.hypot(width, height) / math.hypot(1.0, SLENDER)
        width = SLENDER * height
    else:
        lean = 0.0
    return Outline((left + right) / 2, (top + bottom) / 2, width / 2 * SIDEWAYS, height / 2 * UPWARDS, lean)


def roll(face: Face) -> float:
    """How far the head leans, clockwise in radians, from the line through the eyes; 0 without landmarks."""
    if len(face.landmarks) < 2:
        return 0.0
    (x0, y0), (x1, y1) = face.landmarks[:2]
    return math.atan2(y1 - y0, x1 - x0) if (x0, y0) != (x1, y1) else 0.0


def soft(distance: Tensor, feather: float) -> Tensor:
    """Signed distances in pixels -> 1 inside to 0 outside over `feather` pixels, by 6t^5 - 15t^4 + 10t^3 (Perlin 2002).

    Both ends are flat to the second derivative, so no edge of the mask can be seen; exactly 0 and 1 beyond it.
    """
    t = (0.5 - distance / max(feather, 1e-3)).clamp(0, 1)
    return (t * t * t * (t * (6 * t - 15) + 10)).clamp(max=1)
