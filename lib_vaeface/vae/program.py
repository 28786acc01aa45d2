"""A coder as data: the list of its operations, and what follows from that list alone.

An encoder or decoder is a flat tuple of operations over a state (x, and the inputs of the residual blocks that are
open). Written down as data, one list serves to run it whole, on a crop or tile by tile, to say which tensors a file
must have, how much context a crop needs, how many multiplications a piece costs and how many bytes it keeps alive.

Resolutions are counted in latent pixels: at `scale` 8 a latent pixel is 8x8 pixels. Positions lie between operations:
position i is before operation i.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Union

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Conv:
    """A convolution with kernel 1 or 3. Stride 2 halves the resolution; `after`: padded at the right and below only."""

    name: str
    cin: int
    cout: int
    kernel: int = 3
    stride: int = 1
    bias: bool = True
    after: bool = False


@dataclass(frozen=True)
class Up:
    """Doubles the resolution (each pixel four times), then a 3x3 convolution."""

    name: str
    cin: int
    cout: int
    bias: bool = True


@dataclass(frozen=True)
class Norm:
    """GroupNorm, and the activation behind it: "silu" or "relu"."""

    name: str
    channels: int
    groups: int = 32
    eps: float = 1e-6
    act: str = "silu"


@dataclass(frozen=True)
class Attention:
    """One head over all pixels, with its GroupNorm and the residual sum: needs the whole picture."""

    name: str
    channels: int

    @property
    def norm(self) -> Norm:
        return Norm(self.name + ".norm", self.channels, act="")


@dataclass(frozen=True)
class Act:
    """ "relu", or TAESD's "clamp": tanh(x / 3) * 3."""

    kind: str


@dataclass(frozen=True)
class Fork:
    """A residual block opens: its input is remembered."""


@dataclass(frozen=True)
class Join:
    """The innermost residual block closes: its input is added, through a 1x1 convolution where the width changed."""

    name: str = ""
    cin: int = 0
    cout: int = 0
    bias: bool = True


Op = Union[Conv, Up, Norm, Attention, Act, Fork, Join]  # noqa: UP007  (evaluated at run time, on Python 3.10)


@dataclass(frozen=True)
class Program:
    """Operations in order; `start` is the resolution of the input in pixels per latent pixel (decoder 1, encoder 8)."""

    ops: tuple[Op, ...]
    channels: int
    start: int

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Channels of x at every position, the end included."""
        widths = [self.channels]
        for op in self.ops:
            widths.append(op.cout if isinstance(op, (Conv, Up)) else widths[-1])
        return tuple(widths)

    @cached_property
    def scales(self) -> tuple[int, ...]:
        """Pixels per latent pixel along one side, at every position."""
        scales = [self.start]
        for op in self.ops:
            scales.append(scales[-1] * 2 if isinstance(op, Up) else scales[-1] // _stride(op))
        return tuple(scales)

    @cached_property
    def open(self) -> tuple[tuple[int, ...], ...]:
        """Channels of the remembered inputs of open residual blocks, at every position."""
        stacks: list[tuple[int, ...]] = [()]
        for position, op in enumerate(self.ops):
            if isinstance(op, Fork):
                stacks.append((*stacks[-1], self.widths[position]))
            else:
                stacks.append(stacks[-1][:-1] if isinstance(op, Join) else stacks[-1])
        return tuple(stacks)

    def shapes(self) -> Shapes:
        """Every tensor that the operations need, by canonical name."""
        return {name: shape for op in self.ops for name, shape in _shapes(op)}

    def find(self, kind: type[Op]) -> list[int]:
        """Positions of all operations of one kind."""
        return [position for position, op in enumerate(self.ops) if isinstance(op, kind)]

    def margins(self, start: int, stop: int) -> dict[int, int]:
        """Pixels around a box that its values at `stop` depend on, at every position from `start` on.

        Statistics and attention over the whole picture are not counted: they are given from outside.
        """
        margin, found = 0, {stop: 0}
        for position in range(stop - 1, start - 1, -1):
            margin = _reach(self.ops[position], margin)
            # In front of a stride, crops start at even pixels: they must not shift its grid.
            found[position] = margin + margin % 2 if self.scales[position] > self.scales[stop] else margin
        return found

    def held(self, start: int, stop: int) -> dict[int, int]:
        """Margins that a crop has at every position: what is too much is shed only where `sheds` says."""
        margins = self.margins(start, stop)
        held = {start: margins[start]}
        for position in range(start + 1, stop + 1):
            same = self.scales[position] == self.scales[position - 1]
            shed = not same or (position < stop and sheds(self.ops[position]))
            held[position] = margins[position] if shed else held[position - 1]
        return held

    def halo(self, start: int) -> int:
        """Latent pixels of context that a crop taken at position `start` needs for an exact result at the end."""
        return math.ceil(self.margins(start, len(self.ops))[start] / self.scales[start])

    def macs(self, start: int, stop: int, height: int, width: int) -> int:
        """Multiply-adds of a stretch over height x width latent pixels, no context counted."""
        return sum(self.macs_at(i, height * self.scales[i], width * self.scales[i]) for i in range(start, stop))

    def macs_at(self, position: int, height: int, width: int) -> int:
        """Multiply-adds of one operation whose input has height x width pixels."""
        op, area = self.ops[position], height * width
        if isinstance(op, Conv):
            return op.cin * op.cout * op.kernel**2 * area // op.stride**2
        if isinstance(op, Up):  # four phases of 2x2 kernels, each with a row and a column more than are kept
            return op.cin * op.cout * 16 * (height + 1) * (width + 1)
        if isinstance(op, Attention):
            return 4 * op.channels**2 * area + 2 * op.channels * area**2
        return op.cin * op.cout * area if isinstance(op, Join) and op.name else 0


def resblock(name: str, cin: int, cout: int) -> Iterator[Op]:
    """The residual block of the KL autoencoder."""
    yield Fork()
    yield Norm(name + ".norm1", cin)
    yield Conv(name + ".conv1", cin, cout)
    yield Norm(name + ".norm2", cout)
    yield Conv(name + ".conv2", cout, cout)
    yield Join(name + ".nin_shortcut", cin, cout) if cin != cout else Join()


def sheds(op: Op) -> bool:
    """Whether a crop sheds needless context in front of an operation (it does so too where the resolution changes)."""
    return isinstance(op, (Fork, Up))


def _stride(op: Op) -> int:
    return op.stride if isinstance(op, Conv) else 1


def _reach(op: Op, margin: int) -> int:
    """The margin before an operation, from the margin behind it."""
    if isinstance(op, Up):
        return (margin + 2) // 2  # one pixel of the doubled picture, rounded up to whole pixels
    if isinstance(op, Conv) and op.kernel == 3:
        return 2 * margin + 2 if op.stride == 2 else margin + 1
    return margin


def _shapes(op: Op) -> Iterator[tuple[str, tuple[int, ...]]]:
    if isinstance(op, Norm):
        yield op.name + ".weight", (op.channels,)
        yield op.name + ".bias", (op.channels,)
    elif isinstance(op, Attention):
        yield from _shapes(op.norm)
        for part in ("q", "k", "v", "proj_out"):
            yield from _shapes(Conv(f"{op.name}.{part}", op.channels, op.channels, 1))
    elif isinstance(op, (Conv, Up, Join)) and op.name:
        kernel = op.kernel if isinstance(op, Conv) else 3 if isinstance(op, Up) else 1
        yield op.name + ".weight", (op.cout, op.cin, kernel, kernel)
        if op.bias:
            yield op.name + ".bias", (op.cout,)
