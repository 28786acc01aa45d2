"""Numbers of a batch of people as tensors, and the coordinate grids they are drawn in."""
from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from .scene import Person, Scene


def pack(pairs: list[tuple[Scene, Person]], device: torch.device | str) -> SimpleNamespace:
    """Every number of the people and their scenes as [B,1,1,1], every colour as [B,3,1,1]."""
    merged = [{**s.shape, **p.shape} for s, p in pairs]
    tints = [{**s.tints, **p.tints} for s, p in pairs]
    names, colours = list(merged[0]), list(tints[0])
    table = torch.tensor([[m[k] for k in names] for m in merged], dtype=torch.float32).to(device)
    paints = torch.tensor([[t[k] for k in colours] for t in tints], dtype=torch.float32).to(device)
    p = SimpleNamespace(**{k: table[:, i, None, None, None] for i, k in enumerate(names)})
    for i, k in enumerate(colours):
        setattr(p, k + "_rgb", paints[:, i, :, None, None])
    _light(p)
    p.cos, p.sin = torch.cos(p.roll), torch.sin(p.roll)
    return p


def _light(p: SimpleNamespace) -> None:
    """Unit light direction and the half-way direction to the viewer."""
    norm = torch.rsqrt(p.lx**2 + p.ly**2 + p.lz**2)
    p.lx, p.ly, p.lz = p.lx * norm, p.ly * norm, p.lz * norm
    half = torch.rsqrt(p.lx**2 + p.ly**2 + (p.lz + 1) ** 2)
    p.hx, p.hy, p.hz = p.lx * half, p.ly * half, (p.lz + 1) * half


def grid(x: Tensor, y: Tensor, p: SimpleNamespace) -> SimpleNamespace:
    """Coordinates in head units (1 = half a face height).

    x, y: pixel centres, [B or 1,1,1,W] and [B or 1,1,H,1]. Result: x, y upright; u, v turned with the head;
    d, m, side: distance from the turned face's middle line, its mirrored size and its sign; edge: one pixel.
    """
    f = SimpleNamespace()
    f.x, f.y = (x - p.cx) / p.sc, (y - p.cy) / p.sc
    f.u = p.cos * f.x + p.sin * f.y
    f.v = p.cos * f.y - p.sin * f.x
    f.d = f.u - 0.62 * p.turn
    f.side = torch.sign(f.d)
    f.m = f.d.abs() + p.ky * f.d
    f.edge = 1.3 / p.sc
    f.hair_edge = f.edge.clamp_min(0.03)
    return f
