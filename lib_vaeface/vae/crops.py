"""Rectangles of a picture on their way through a coder, with the context that they still need.

At the start a crop has a margin of context; every convolution, which pads the crop with zeros, spoils one pixel of it,
and between blocks what is not needed any more is cut off. At the end exactly the box is left unspoiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Union

import torch
from torch import Tensor

from .execute import Net, Norms, State, run
from .program import Program


@dataclass(frozen=True)
class Box:
    """A rectangle, far ends not included."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def times(self, factor: int) -> Box:
        return Box(self.left * factor, self.top * factor, self.right * factor, self.bottom * factor)

    def grown(self, margin: int) -> Box:
        return Box(self.left - margin, self.top - margin, self.right + margin, self.bottom + margin)

    def halved(self) -> Box:
        return Box(self.left // 2, self.top // 2, self.right // 2, self.bottom // 2)

    def meet(self, other: Box) -> Box:
        """What both have in common."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return Box(left, top, min(self.right, other.right), min(self.bottom, other.bottom))

    def within(self, other: Box) -> Box:
        """The part of this box inside another, in the other's coordinates (its corner becomes 0, 0)."""
        both = self.meet(other)
        left, top = other.left, other.top
        return Box(both.left - left, both.top - top, both.right - left, both.bottom - top)

    def latent(self, factor: int) -> Box:
        """The latent pixels that these pixels lie in."""
        return Box(self.left // factor, self.top // factor, -(-self.right // factor), -(-self.bottom // factor))


class Parts(Protocol):
    """A whole picture's state that is not in one piece, [1,C,H,W]."""

    shape: tuple[int, int, int, int]

    def take(self, box: Box) -> Tensor:
        """The pixels of a box."""


Whole = Union[Tensor, Parts]  # noqa: UP007  (evaluated at run time, on Python 3.10)


@dataclass(frozen=True)
class Edges:
    """What lies beyond a picture's edges: nothing (windows stop there), or with `circular` its other side."""

    size: tuple[int, int]
    circular: bool

    def window(self, box: Box, margin: int, scale: int) -> Box:
        """Box with its margin, in pixels at `scale`."""
        grown = box.times(scale).grown(margin)
        if self.circular:
            return grown
        height, width = self.size
        return grown.meet(Box(0, 0, width * scale, height * scale))

    def take(self, x: Whole, window: Box) -> Tensor:
        if not self.circular:
            return crop(x, window)
        height, width, top, parts = x.shape[2], x.shape[3], window.top, []
        while top < window.bottom:
            first = top % height
            last = min(height, first + window.bottom - top)
            parts.append(crop(x, Box(0, first, width, last)))
            top += last - first
        columns = torch.arange(window.left, window.right, device=parts[0].device) % width
        return torch.cat([part[..., columns] for part in parts], 2)


class Crop:
    """One crop being run. box: latent pixels; size: of the whole picture, in latent pixels (height, width).

    It starts at position `start` from the whole picture's state there, with the context that is needed to be exact at
    `stop`; halo: at most this many latent pixels of it. The state may be of a lower precision than the net.
    """

    def __init__(
        self, net: Net, program: Program, state: Sequence[Whole], start: int, stop: int, box: Box,
        size: tuple[int, int], halo: int | None = None,
    ) -> None:  # fmt: skip
        self.net, self.program, self.box, self.position = net, program, box, start
        self._margins = program.margins(start, stop)
        if halo is not None:
            self._margins[start] = min(self._margins[start], halo * program.scales[start])
        self._edges = Edges(size, net.circular)
        self._window = self._edges.window(box, self._margins[start], program.scales[start])
        self._state = tuple(self._edges.take(x, self._window).to(net.dtype) for x in state)

    def advance(self, stop: int, norms: Norms) -> State:
        """Runs on to a position and gives the part of the state there that lies in the box."""
        state, self._state = self._state, ()
        self._state = run(self.net, self.program, state, self.position, stop, norms, self._trim)
        self.position = stop
        core = self.box.times(self.program.scales[stop]).within(self._window)
        return tuple(crop(x, core) for x in self._state)

    def _trim(self, position: int, x: Tensor) -> Tensor:
        before = self._window
        grown = {before.height: before, 2 * before.height: before.times(2)}
        here = grown.get(x.shape[2], before.halved())
        wanted = self._edges.window(self.box, self._margins[position], self.program.scales[position])
        self._window = wanted.meet(here)  # less than wanted only where the halo was limited
        return crop(x, self._window.within(here))


def run_box(
    net: Net, program: Program, state: Sequence[Whole], start: int, stop: int, box: Box, size: tuple[int, int],
    norms: Norms, halo: int | None = None,
) -> State:  # fmt: skip
    """The part of the state at `stop` that lies in `box`, from the whole picture's state at `start`: see `Crop`."""
    return Crop(net, program, state, start, stop, box, size, halo).advance(stop, norms)


def crop_macs(program: Program, start: int, box: Box, size: tuple[int, int]) -> int:
    """Multiply-adds of the pixels of a box, from the whole picture's state at position `start`."""
    stop, edges = len(program.ops), Edges(size, False)
    held = program.held(start, stop)
    windows = ((i, edges.window(box, held[i], program.scales[i])) for i in range(start, stop))
    return sum(program.macs_at(i, window.height, window.width) for i, window in windows)


def crop(x: Whole, box: Box) -> Tensor:
    """The pixels of a box; of a tensor a view."""
    return x.take(box) if not isinstance(x, Tensor) else x[:, :, box.top : box.bottom, box.left : box.right]
