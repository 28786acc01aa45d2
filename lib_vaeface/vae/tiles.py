"""Coding within a number of bytes, exactly: every tile with its context and the whole picture's statistics.

Statistics of one GroupNorm depend on every pixel before it. So the work is cut into stretches between positions where
the whole picture's state is kept. Within a stretch, each norm's statistics are gathered from all tiles in a pass of
its own (tiles are computed up to it, and thrown away); the last pass writes the state that is kept next. More bytes:
fewer, longer stretches or larger tiles. Fewer bytes: more is computed again. The cheapest way within the bytes is a
shortest path over the positions; where the whole picture fits, it is the ordinary decode. What tiles write is kept in
bands of rows, which the next stretch's last pass lets go of on its way down.

Bytes are those of activations: kept states, what a tile holds at its fullest operation, and the result; not those of
the weights. See `budget`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .bands import Bands, Held, band_rows, put, whole_of
from .budget import WHOLE, Job, Stretch, norms_within
from .crops import Box, run_box
from .execute import Net, Norms, layout, measure, run
from .precision import is_finite
from .program import Norm
from .regions import finite, pooled

Write = Callable[[Net], bool]


@dataclass(frozen=True)
class Watch:
    """What looks on while tiles are computed.

    between: called before every tile; it may raise, and nothing is left behind. again: called where a tile of the last
    pass is not finite, though the statistics are; given a function that computes that tile with another Net and says
    whether it is finite now.
    """

    between: Callable[[], None]
    again: Callable[[Write, Box], None]


class SpoiledStatistics(ValueError):
    """Something overflowed before the last norm, and with it the whole picture."""


def run_tiled(net: Net, job: Job, stretches: tuple[Stretch, ...], source: Tensor, watch: Watch) -> Tensor:
    """Runs a plan on [1,C,H,W]; the result is that of running the whole, up to the rounding of sums."""
    norms = Norms()
    state: tuple[Held, ...] = (source,)
    del source
    for stretch in stretches:
        if stretch.tile == WHOLE:
            watch.between()
            pieces = tuple(map(whole_of, state))
            state = run(net, job.program, pieces, stretch.start, stretch.stop, norms)
        else:
            _gather(net, job, stretch, state, norms, watch)
            state = _write(net, job, stretch, state, norms, watch)
    return whole_of(state[0])


def _gather(net: Net, job: Job, stretch: Stretch, state: Sequence[Held], norms: Norms, watch: Watch) -> None:
    """The statistics of every norm within a stretch, one after the other: each needs those before it."""
    for position in norms_within(job.program, stretch.start, stretch.stop):
        op, parts = job.program.ops[position], []
        assert isinstance(op, Norm)
        for box in boxes(job.size, stretch.tile):
            watch.between()
            x = run_box(net, job.program, state, stretch.start, position, box, job.size, norms)[0]
            parts.append((x.shape[2] * x.shape[3], measure(x, op.groups)))
            del x
        norms.known[position] = pooled(parts)
        if not finite(norms.known[position]):
            raise SpoiledStatistics(op.name)


def _write(
    net: Net, job: Job, stretch: Stretch, state: Sequence[Held], norms: Norms, watch: Watch
) -> tuple[Held, ...]:
    """The state at the end of a stretch, tile by tile; what it is made from is let go of."""
    program, stop = job.program, stretch.stop
    kept = _room(net, job, stop)

    def write(net: Net, box: Box) -> bool:
        parts = run_box(net, program, state, stretch.start, stop, box, job.size, norms)
        place = box.times(program.scales[stop])
        for whole, part in zip(kept, parts, strict=True):
            put(whole, place, part)
        return stop < len(program.ops) or is_finite(parts[0])

    for box in boxes(job.size, stretch.tile):
        watch.between()
        if not write(net, box):

            def finer(net: Net, box: Box = box) -> bool:
                return all([write(net, part) for part in _finer(box, net, kept)])

            watch.again(finer, box)
        if box.right == job.size[1]:
            _let_go(job, stretch, state, box.bottom, net.circular)
    return kept


def _room(net: Net, job: Job, position: int) -> tuple[Held, ...]:
    """For the state at a position: bands, or the whole for the result."""
    program = job.program
    scale, order = program.scales[position], layout(net.device, net.dtype)
    height, width = (length * scale for length in job.size)
    if position == len(program.ops):
        shape = (1, program.widths[position], height, width)
        return (torch.empty(shape, dtype=net.dtype, device=net.device, memory_format=order),)
    rows = band_rows(job.size[0]) * scale
    channels = (program.widths[position], *program.open[position])
    return tuple(Bands((1, c, height, width), rows, net.dtype, net.device, order) for c in channels)


def _let_go(job: Job, stretch: Stretch, state: Sequence[Held], done: int, circular: bool) -> None:
    """Forget what only tiles above latent row `done` needed; a wrapped picture's lower edge needs its upper one."""
    margin, scale = job.program.margins(stretch.start, stretch.stop)[stretch.start], job.program.scales[stretch.start]
    for part in state:
        if isinstance(part, Bands):
            part.let_go(margin if circular else 0, done * scale - margin)


def _finer(box: Box, net: Net, kept: Sequence[Held]) -> Iterator[Box]:
    """A tile in four, where a higher precision would need more bytes than are planned for."""
    parts = 2 if net.dtype.itemsize > kept[0].dtype.itemsize else 1
    rows, columns = -(-box.height // parts), -(-box.width // parts)
    for top in range(box.top, box.bottom, rows):
        for left in range(box.left, box.right, columns):
            yield Box(left, top, min(left + columns, box.right), min(top + rows, box.bottom))


def boxes(size: tuple[int, int], side: int) -> Iterator[Box]:
    """Squares of a side that cover a picture of `size` latent pixels; those at the right and below may be smaller."""
    for top in range(0, size[0], side):
        for left in range(0, size[1], side):
            yield Box(left, top, min(left + side, size[1]), min(top + side, size[0]))
