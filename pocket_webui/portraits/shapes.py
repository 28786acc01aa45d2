"""Small elementwise tools for drawing with soft, analytically anti-aliased edges.

All tensors broadcast as [B, 1 or 3, H, W]; per-person numbers are [B, 1, 1, 1], colours [B, 3, 1, 1].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .frame import Params


def cover(distance: Tensor, soft: Tensor) -> Tensor:
    """Share of a pixel inside a shape, given the signed distance to its edge (negative inside) and the edge width."""
    return (0.5 - distance / soft).clamp_(0, 1)


def ramp(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = ((x - low) * (1.0 / (high - low))).clamp_(0, 1)
    return t * t * (3 - 2 * t)


def blob(x: Tensor, y: Tensor, sx: float | Tensor, sy: float | Tensor) -> Tensor:
    """Gaussian hill exp(-(x/sx)^2 - (y/sy)^2)."""
    a, b = x / sx, y / sy
    return torch.addcmul(a.square_(), b, b).neg_().exp_()


def ridge(x: Tensor, width: float | Tensor) -> Tensor:
    """Gaussian line exp(-(x/width)^2)."""
    return (x / width).square_().neg_().exp_()


def paint(img: Tensor, layer: Tensor, alpha: Tensor) -> Tensor:
    """`layer` over `img` with coverage `alpha` (0..1)."""
    return torch.lerp(img, layer, alpha)


def light(slope_x: Tensor, slope_y: Tensor, p: Params, gloss: float = 0.0) -> tuple[Tensor, Tensor | float]:
    """Wrapped diffuse light and highlight for a surface height with these slopes."""
    unit = torch.rsqrt(1 + slope_x.square() + slope_y.square())
    diffuse = ((p.lz - p.lx * slope_x - p.ly * slope_y) * unit * 0.75 + 0.25).clamp_min_(0)
    if not gloss:
        return diffuse, 0.0
    shine = ((p.hz - p.hx * slope_x - p.hy * slope_y) * unit).clamp_min_(0)
    for _ in range(4):
        shine = shine * shine
    return diffuse, shine * gloss
