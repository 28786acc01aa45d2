"""Spoils pictures as a weak model does: soft, noisy, off in colour, blotchy. All take [B,3,H,W] in 0..1."""

from __future__ import annotations

import math
import random

import torch
import torch.nn.functional as F
from torch import Tensor


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur; sigma in pixels."""
    reach = max(1, math.ceil(3 * sigma))
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2).to(x)
    weights = (weights / weights.sum()).expand(x.shape[1], 1, 1, -1)
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="replicate"), weights, groups=x.shape[1])
    x = F.pad(x, (0, 0, reach, reach), mode="replicate")
    return F.conv2d(x, weights.transpose(2, 3), groups=x.shape[1])


def noise(x: Tensor, amount: float) -> Tensor:
    """Independent noise of standard deviation `amount` (1 = full scale)."""
    return (x + amount * torch.randn_like(x)).clamp(0, 1)


def mush(x: Tensor, factor: int) -> Tensor:
    """Shrink by a whole number and blow up again."""
    return F.interpolate(F.avg_pool2d(x, factor, ceil_mode=True), size=x.shape[-2:], mode="bilinear")


def washed_chroma(x: Tensor, factor: int) -> Tensor:
    """Keep brightness, spoil the colours' sharpness, as JPEG and weak decoders do."""
    grey = x.mean(1, keepdim=True)
    return (grey + mush(x - grey, factor)).clamp(0, 1)


def tinted(x: Tensor, spread: float) -> Tensor:
    """Brightness, contrast and colour balance off by some `spread` (1 = 100 %), different for each picture."""
    gain = 1 + spread * torch.empty(len(x), 1, 1, 1).uniform_(-1, 1)
    balance = 1 + 0.5 * spread * torch.empty(len(x), 3, 1, 1).uniform_(-1, 1)
    offset = 0.4 * spread * torch.empty(len(x), 1, 1, 1).uniform_(-1, 1)
    return (x * gain * balance + offset).clamp(0, 1)


def warped(x: Tensor, amount: float) -> Tensor:
    """Bend smoothly; `amount` in shares of the side."""
    identity = F.affine_grid(torch.eye(2, 3).repeat(len(x), 1, 1), list(x.shape), align_corners=False)
    bend = F.interpolate(torch.randn(len(x), 2, 5, 5), size=x.shape[-2:], mode="bicubic") * 2 * amount
    return F.grid_sample(x, identity + bend.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


def patched(x: Tensor, other: Tensor) -> Tensor:
    """Put a small rectangle of other pictures in: painted pictures have things where none belong."""
    side = x.shape[-1]
    h, w = random.randint(side // 16, side // 6), random.randint(side // 16, side // 6)
    top, left, y, z = (random.randrange(side - s) for s in (h, w, h, w))
    x = x.clone()
    x[..., top : top + h, left : left + w] = other[..., y : y + h, z : z + w]
    return x


def spoil(x: Tensor) -> Tensor:
    """A random mix of all of these, drawn once for the batch (tints and noise differ by picture)."""
    if random.random() < 0.4:
        x = warped(x, random.uniform(0, 0.012))
    if random.random() < 0.3:
        x = patched(x, x.roll(1, 0))
    if random.random() < 0.5:
        x = blur(x, random.uniform(0.3, 1.5))
    if random.random() < 0.25:
        x = mush(x, random.choice((2, 2, 3)))
    if random.random() < 0.25:
        x = washed_chroma(x, random.choice((2, 3, 4)))
    if random.random() < 0.5:
        x = noise(x, random.uniform(0, 0.06))
    return tinted(x, 0.06)
