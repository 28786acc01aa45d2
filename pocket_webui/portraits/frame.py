"""Numbers of a batch of people as tensors, and the coordinates they are drawn in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property

import torch
from torch import Tensor

from .scene import Person, Scene
from .shapes import cover, ramp

FIXED = {
    "white": (0.97, 0.96, 0.94),
    "dark": (0.07, 0.05, 0.055),
    "inner": (0.2, 0.05, 0.055),
    "blush": (0.8, -1.1, -1.0),
    "ear": (1.0, 0.92, 0.9),
    "neck": (1.0, 0.96, 0.94),
    "deep": (0.5, 0.38, 0.36),
}


def _numbers(scene: Scene, person: Person) -> dict[str, float]:
    """Everything a drawing stage may ask for: what was sampled, and what follows from it."""
    n = {**scene.shape, **person.shape}
    size = math.sqrt(n["lx"] ** 2 + n["ly"] ** 2 + n["lz"] ** 2)
    lx, ly, lz = n["lx"] / size, n["ly"] / size, n["lz"] / size
    half = math.sqrt(lx**2 + ly**2 + (lz + 1) ** 2)
    n.update(lx=lx, ly=ly, lz=lz, hx=lx / half, hy=ly / half, hz=(lz + 1) / half)
    n.update(cos=math.cos(n["roll"]), sin=math.sin(n["roll"]), fine=min(1.0, n["sc"] / 60))
    return n


def _colours(scene: Scene, person: Person) -> dict[str, tuple[float, ...]]:
    c: dict[str, tuple[float, ...]] = {**FIXED, **scene.tints, **person.tints}
    mix = 0.45 * person.shape["lips"]
    natural = [s * k for s, k in zip(person.tints["skin"], (0.88, 0.58, 0.56), strict=True)]
    c["lip"] = tuple((1 - mix) * a + mix * b for a, b in zip(natural, (0.8, 0.22, 0.26), strict=True))
    return c


class Params:
    """Numbers as [B,1,1,1] under their own name and colours as [B,3,1,1] under name_rgb, for B people."""

    def __init__(self, numbers: Tensor, colours: Tensor, places: dict[str, int], tints: dict[str, int]) -> None:
        self._numbers, self._colours, self._places, self._tints = numbers, colours, places, tints

    @classmethod
    def pack(cls, pairs: Iterable[tuple[Scene, Person]], device: torch.device | str) -> Params:
        rows = [(_numbers(*pair), _colours(*pair)) for pair in pairs]
        names, tints = list(rows[0][0]), list(rows[0][1])
        numbers = torch.tensor([[n[k] for k in names] for n, _ in rows], dtype=torch.float32)
        colours = torch.tensor([[c[k] for k in tints] for _, c in rows], dtype=torch.float32)
        places, shades = {k: i for i, k in enumerate(names)}, {k + "_rgb": i for i, k in enumerate(tints)}
        return cls(numbers.to(device), colours.to(device), places, shades)

    def __getattr__(self, name: str) -> Tensor:
        """Looks a number or colour up and keeps it, so that a second use costs nothing."""
        if name in self._places:
            value = self._numbers[:, self._places[name], None, None, None]
        elif name in self._tints:
            value = self._colours[:, self._tints[name], :, None, None]
        else:
            raise AttributeError(f"portraits have no number or colour named {name!r}")
        setattr(self, name, value)
        return value

    def rows(self, rows: list[int]) -> Params:
        """The same numbers for some of the people only."""
        return Params(self._numbers[rows], self._colours[rows], self._places, self._tints)


class Frame:
    """Coordinates in head units (1 = half a face height) of the pixels of a window, worked out on first use.

    x_px [B or 1,1,1,W], y_px [B or 1,1,H,1]: pixel centres. x, y stay upright; u, v turn with the head; d is
    the distance from the turned face's middle line, m the same mirrored and side its sign; edge is one pixel.
    """

    def __init__(self, x_px: Tensor, y_px: Tensor, p: Params) -> None:
        self.p = p
        self.x, self.y = (x_px - p.cx) / p.sc, (y_px - p.cy) / p.sc
        self.edge = 1.3 / p.sc
        self.hair_edge = self.edge.clamp_min(0.03)

    @cached_property
    def u(self) -> Tensor:
        return self.p.cos * self.x + self.p.sin * self.y

    @cached_property
    def v(self) -> Tensor:
        return self.p.cos * self.y - self.p.sin * self.x

    @cached_property
    def d(self) -> Tensor:
        return self.u - 0.62 * self.p.turn

    @cached_property
    def side(self) -> Tensor:
        return torch.sign(self.d)

    @cached_property
    def m(self) -> Tensor:
        return self.d.abs() + self.p.ky * self.d

    @cached_property
    def half(self) -> Tensor:
        """Half width of the face at this height."""
        return self.p.fw * (1 - (1 - self.p.jaw) * ramp(0.05, 1.15, self.v))

    @cached_property
    def a(self) -> Tensor:
        """Place across the face, -1..1."""
        return (self.u - 0.06 * self.p.turn * (1 + self.v)) / self.half

    @cached_property
    def rim(self) -> Tensor:
        """0 in the middle of the face, 1 on its outline."""
        down = torch.maximum(self.v / self.p.fl, self.v * (-1 / 1.06))
        return torch.sqrt(self.a.square() + down * down * torch.sqrt(down) + 1e-6)

    @cached_property
    def face(self) -> Tensor:
        """Coverage of the face."""
        return cover((self.rim - 1) * 0.82, self.edge)
