"""What stretches of a coder cost, in multiply-adds and bytes of activations: the arithmetic behind tiles.

Read off the operations alone. Bytes are an upper bound of what is alive at once: the inputs of open residual blocks,
the operation's input and output, and the copies that it makes; for convolutions also those of the library below, which
makes a crop contiguous and reorders its channels and weights. Not bounded: fp16 convolutions on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from .bands import band_rows
from .execute import LEAST_QUERIES, SCORES
from .program import Act, Attention, Conv, Fork, Join, Norm, Program, Up

WHOLE = 0
SMALL = 2**17  # bytes of statistics, and of what else is counted in channels
SLACK = 4  # pixels of a crop that are shed only after a doubling


@dataclass(frozen=True)
class Stretch:
    """From one kept position to the next. tile: side in latent pixels, WHOLE for all at once."""

    start: int
    stop: int
    tile: int
    macs: int
    nbytes: int


class TooFewBytes(ValueError):
    """The bytes do not suffice; `needed` would."""

    def __init__(self, given: int, needed: int) -> None:
        self.needed = needed
        super().__init__(f"{given:,} bytes are too few for this picture: at least {needed:,} are needed")


@dataclass(frozen=True)
class Job:
    """A coder and the picture it is to do. size: latent height and width. item: bytes per number."""

    program: Program
    size: tuple[int, int]
    item: int

    def plan(self, max_bytes: int | None, tile: int = WHOLE, spent: int = 0) -> tuple[Stretch, ...]:
        """The cheapest stretches that fit into max_bytes (None: any number), of which `spent` go elsewhere.

        tile: a side that every tiled stretch must have; then nothing above the latent's resolution is done whole.
        TooFewBytes: nothing fits; it says how much would.
        """
        left = None if max_bytes is None else max_bytes - spent - SMALL
        whole = self.whole()
        if not tile and (left is None or whole.nbytes <= left):
            return (whole,)
        found = _plan(self, left, tile)
        if not found:
            raise TooFewBytes(max_bytes or 0, self.least_bytes(tile) + spent + SMALL)
        return found

    def least_bytes(self, tile: int = WHOLE) -> int:
        """The fewest bytes that some plan fits in."""
        ways = _Ways(self, [tile] if tile else [1])
        return ways.path(lambda step: ways.fewest(step, tile), max)[0]

    def whole(self, start: int = 0, stop: int | None = None) -> Stretch:
        """All at once, as an ordinary decode does it."""
        stop = len(self.program.ops) if stop is None else stop
        live = max(self.live(i, *self.extent(i, 0, WHOLE)) for i in range(start, stop))
        return Stretch(start, stop, WHOLE, self.program.macs(start, stop, *self.size), self.kept(start) + live)

    def sides(self) -> list[int]:
        """Sides of tiles worth trying, the largest first: the picture's longer side in 2, 3, 4, 6, 8, ... parts."""
        longest = max(self.size)
        parts = [count << power for power in range(longest.bit_length()) for count in (2, 3)]
        return sorted({-(-longest // count) for count in parts}, reverse=True)

    def extent(self, position: int, margin: int, tile: int) -> tuple[int, int]:
        """Height and width in pixels of a tile with its margin; of the whole picture for WHOLE."""
        scale = self.program.scales[position]
        height, width = self.size[0] * scale, self.size[1] * scale
        side = tile * scale + 2 * margin + SLACK
        return (height, width) if tile == WHOLE else (min(height, side), min(width, side))

    def kept(self, position: int) -> int:
        """Bytes of the whole picture's state at a position."""
        channels = self.program.widths[position] + sum(self.program.open[position])
        return channels * self.size[0] * self.size[1] * self.program.scales[position] ** 2 * self.item

    def live(self, position: int, height: int, width: int) -> int:
        """Bytes alive at an operation whose input has height x width pixels."""
        program, area = self.program, height * width
        open_blocks = sum(program.open[position])
        if position and isinstance(program.ops[position - 1], Fork):
            open_blocks -= program.widths[position]  # the same tensor as x
        whole = (height, width) == self.extent(position, 0, WHOLE)
        own = self._own(position, area, not whole)
        return area * (self.item * open_blocks + own) + self._reordered_weights(position)

    def _own(self, position: int, area: int, crop: bool) -> int:
        """Bytes per pixel of an operation's input, its output and its copies."""
        op, x, item = self.program.ops[position], self.program.widths[position], self.item
        if isinstance(op, Conv):
            blocked = 16 if op.cout % 16 else 0  # the library computes channels in blocks
            return item * ((2 if crop else 1) * x + max(x, op.cout) + op.cout + blocked)
        if isinstance(op, Up):  # padded input, its window; four times the pixels, one phase of them
            return item * (3 * x + max(x, op.cout) + 5 * op.cout)
        if isinstance(op, Norm):
            return x * (item + max(item, 4))
        if isinstance(op, Attention):
            return item * (7 * x + min(area, max(LEAST_QUERIES, SCORES // area)))
        if isinstance(op, Join):
            return item * (x + op.cout) + 4 * op.cin  # the library may compute 1x1 kernels in fp32
        return item * x * (3 if isinstance(op, Act) else 1)

    def _reordered_weights(self, position: int) -> int:
        op = self.program.ops[position]
        return op.cin * op.cout * 9 * self.item if isinstance(op, (Conv, Up)) else 0


@dataclass(frozen=True)
class _Step:
    """A stretch that may be made. banded: it starts from what tiles wrote, in bands; tiled: it is made of tiles."""

    start: int
    stop: int
    banded: bool
    tiled: bool


class _Ways:
    """Costs of all stretches of a job, from sums over its operations that are made once per end and side of tile."""

    def __init__(self, job: Job, sides: list[int]) -> None:
        self.job, self.sides, self.nodes = job, sides, keepable(job.program)
        self._sums: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
        self._margins: dict[int, dict[int, int]] = {}

    def tiled(self, step: _Step, side: int) -> Stretch:
        """In tiles of a side: a pass for the statistics of every norm within, then one that writes the next state."""
        job, start, stop = self.job, step.start, step.stop
        tiles = -(-job.size[0] // side) * -(-job.size[1] // side)
        ends = [*norms_within(job.program, start, stop), stop]
        macs = tiles * sum(self._until(end, side)[0][start] for end in ends)
        return Stretch(start, stop, side, macs, self.tiled_bytes(step, side))

    def tiled_bytes(self, step: _Step, side: int) -> int:
        """Bands come one after the other, and go if the source is in bands: most is held at the first or last row."""
        source, result = self.job.kept(step.start), self.job.kept(step.stop)
        live = self._until(step.stop, side)[1][step.start]
        if not step.banded:
            return source + result + live
        height, band = self.job.size[0], band_rows(self.job.size[0])
        margin = -(-self._margin(step.start, step.stop) // self.job.program.scales[step.start])
        first = min(height, side + 2 * band)
        last = min(height, side + 3 * margin + 2 * band)  # a wrapped picture's lower edge also needs its upper one
        return max(source + result * first // height, result + source * last // height) + live

    def whole_bytes(self, step: _Step) -> int:
        """Bands are put into one piece first."""
        nbytes = self.job.whole(step.start, step.stop).nbytes
        return max(nbytes, 2 * self.job.kept(step.start)) if step.banded else nbytes

    def cheapest(self, step: _Step, max_bytes: int | None, tile: int) -> Stretch | None:
        """With the largest tiles that fit; None if none do."""
        if not self._possible(step, tile):
            return None
        if not step.tiled:
            fits = max_bytes is None or self.whole_bytes(step) <= max_bytes
            return self.job.whole(step.start, step.stop) if fits else None
        for side in self.sides:
            if max_bytes is None or self.tiled_bytes(step, side) <= max_bytes:
                return self.tiled(step, side)
        return None

    def fewest(self, step: _Step, tile: int) -> int | None:
        """The fewest bytes for a stretch."""
        if not self._possible(step, tile):
            return None
        return self.tiled_bytes(step, self.sides[-1]) if step.tiled else self.whole_bytes(step)

    def path(self, cost: Callable[[_Step], int | None], join: Callable[[int, int], int]) -> tuple[int, list[_Step]]:
        """The cheapest path over the positions where a state may be kept, in one piece or in bands."""
        best: dict[tuple[int, bool], tuple[int, list[_Step]]] = {(self.nodes[0], False): (0, [])}
        for i, stop in enumerate(self.nodes):
            for start, banded, tiled in product(self.nodes[:i], (False, True), (False, True)):
                step, before = _Step(start, stop, banded, tiled), best.get((start, banded))
                more = cost(step) if before else None
                if before is None or more is None:
                    continue
                total, known = join(before[0], more), best.get((stop, tiled))
                if known is None or total < known[0]:
                    best[stop, tiled] = total, [*before[1], step]
        ends = [best[self.nodes[-1], tiled] for tiled in (False, True) if (self.nodes[-1], tiled) in best]
        return min(ends, key=lambda end: end[0], default=(-1, []))

    def _possible(self, step: _Step, tile: int) -> bool:
        program = self.job.program
        if step.tiled:
            return _may_be_tiled(program, step.start, step.stop)
        return _may_be_whole(program, step.start, step.stop, tile)

    def _margin(self, start: int, stop: int) -> int:
        """Pixels around a tile at a stretch's start."""
        if stop not in self._margins:
            self._margins[stop] = self.job.program.margins(0, stop)
        return self._margins[stop][start]

    def _until(self, stop: int, side: int) -> tuple[list[int], list[int]]:
        """For every start: multiply-adds of one tile from there to `stop`, and the most bytes it holds."""
        if (stop, side) not in self._sums:
            job, held = self.job, self.job.program.held(0, stop)
            macs, live = [0] * (stop + 1), [0] * (stop + 1)
            for i in reversed(range(stop)):
                extent = job.extent(i, held[i], side)
                macs[i] = macs[i + 1] + job.program.macs_at(i, *extent)
                live[i] = max(live[i + 1], job.live(i, *extent))
            self._sums[stop, side] = macs, live
        return self._sums[stop, side]


def norms_within(program: Program, start: int, stop: int) -> Iterator[int]:
    """Positions of the norms of a stretch."""
    return (i for i in range(start, stop) if isinstance(program.ops[i], Norm))


@lru_cache(maxsize=64)
def _plan(job: Job, max_bytes: int | None, tile: int) -> tuple[Stretch, ...]:
    ways = _Ways(job, [tile] if tile else job.sides())
    found: dict[_Step, Stretch | None] = {}

    def macs(step: _Step) -> int | None:
        stretch = found[step] = ways.cheapest(step, max_bytes, tile)
        return stretch.macs if stretch else None

    _, steps = ways.path(macs, lambda before, step: before + step)
    return tuple(stretch for stretch in map(found.get, steps) if stretch)


def _may_be_whole(program: Program, start: int, stop: int, tile: int) -> bool:
    return not tile or max(program.scales[start : stop + 1]) == 1


def _may_be_tiled(program: Program, start: int, stop: int) -> bool:
    return not any(isinstance(op, Attention) for op in program.ops[start:stop])


def keepable(program: Program) -> tuple[int, ...]:
    """Positions where keeping the state may pay: both ends, between blocks, and in a block before its second norm."""
    inner = [i for i in range(1, len(program.ops)) if _keepable(program, i)]
    return (0, *inner, len(program.ops))


def _keepable(program: Program, position: int) -> bool:
    op, before = program.ops[position], program.ops[position - 1]
    if program.open[position]:
        return isinstance(op, Norm) and not isinstance(before, Fork)
    return isinstance(op, (Fork, Up, Attention, Norm))
