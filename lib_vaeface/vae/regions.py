"""Crops of a picture, computed as if the whole picture were: exact wherever the statistics and the context are.

A coder's operations couple pixels in three ways: convolutions (a few pixels of context), GroupNorm (mean and variance
over the picture) and the attention in the middle. A crop that is given the context, the statistics of the whole picture
and what follows from its attention equals that part of the whole, up to the rounding of sums. What a full pass leaves
for this is a `Memory`; its crops may start at three positions, each with its context in latent pixels (KL f8):

    LATENT        18   from the latent; keys and values of the attention are kept
    MID           13   from the features behind the attention
    FIRST_STAGE    7   from the features before the first upsampling: the cheapest, and the default

Without statistics of the whole picture no context makes a crop exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .execute import Net, Norms, State, Statistics, run
from .program import Attention, Join, Program, Up

LATENT, MID, FIRST_STAGE = "latent", "mid", "first stage"
CUTS = (LATENT, MID, FIRST_STAGE)


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

    def within(self, other: Box) -> Box:
        """The part of this box inside another, in the other's coordinates (its corner becomes 0, 0)."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Box(left - other.left, top - other.top, right - other.left, bottom - other.top)

    def latent(self, factor: int) -> Box:
        """The latent pixels that these pixels lie in."""
        return Box(self.left // factor, self.top // factor, -(-self.right // factor), -(-self.bottom // factor))


@dataclass(frozen=True)
class Memory:
    """What a full decode of one picture leaves for its regions.

    norms: statistics (8 bytes a group) and, with LATENT, keys and values. features: cut -> x there, [1,C,h,w]; on the
    device and in the precision of the decode, `dtype`. Statistics stay good for a latent that was edited in a small
    place: a region decoded with them matches its untouched surroundings.
    """

    norms: Norms
    features: dict[str, Tensor]
    size: tuple[int, int]  # latent height and width
    dtype: torch.dtype

    @property
    def nbytes(self) -> int:
        tensors = [*self.features.values(), *(t for pair in self.norms.keys.values() for t in pair)]
        tensors += [t for s in self.norms.known.values() for t in (s.mean, s.variance)]
        return sum(t.numel() * t.element_size() for t in tensors)


def cut_position(program: Program, cut: str) -> int:
    """Where a cut lies in a decoder. TAESD has no attention: MID is LATENT there."""
    if cut == FIRST_STAGE:
        ups = program.find(Up)
        return ups[0] if ups else 0
    attentions = program.find(Attention) if cut == MID else []
    if not attentions:
        return 0
    return next(join for join in program.find(Join) if join > attentions[-1]) + 1


def decode_keeping(net: Net, program: Program, latent: Tensor, cuts: tuple[str, ...]) -> tuple[Tensor, Memory]:
    """Decodes a raw latent [1,z,h,w] whole, and keeps what its regions need; same cost as without keeping."""
    norms = Norms(keep_keys=LATENT in cuts)
    features: dict[str, Tensor] = {}
    state: State = (latent,)
    position = 0
    for name in (name for name in CUTS if name in cuts and name != LATENT):
        state = run(net, program, state, position, cut_position(program, name), norms)
        position = cut_position(program, name)
        features[name] = state[0]
    (image,) = run(net, program, state, position, len(program.ops), norms)
    kept = Norms(False, norms.known, norms.keys)
    return image, Memory(kept, features, (latent.shape[2], latent.shape[3]), net.dtype)


def decode_crop(
    net: Net, program: Program, memory: Memory, box: Box, at: str, latent: Tensor | None, halo: int | None
) -> Tensor:
    """The pixels of `box` (latent pixels, inside the picture) as [1,3,8h,8w], from what was kept at the cut `at`."""
    start = cut_position(program, at)
    source = latent if at == LATENT or start == 0 else memory.features[at]
    if source is None:
        raise ValueError(f'a region from the cut "{at}" needs the latent')
    (pixels,) = run_box(net, program, (source,), start, len(program.ops), box, memory.size, memory.norms, halo)
    return pixels


def run_box(
    net: Net,
    program: Program,
    state: State,
    start: int,
    stop: int,
    box: Box,
    size: tuple[int, int],
    norms: Norms,
    halo: int | None = None,
) -> State:
    """The part of the state at `stop` that lies in `box` (latent pixels), from the whole picture's state at `start`.

    size: the whole picture's latent height and width. The state may be of a lower precision than the net. The crop
    carries exactly the context that is still needed, and sheds the rest at every change of resolution; halo: at most
    this many latent pixels of it at the start.
    """
    margins = program.margins(start, stop)
    if halo is not None:
        margins[start] = min(margins[start], halo * program.scales[start])
    edges = Edges(size, net.circular)
    window = edges.window(box, margins[start], program.scales[start])
    here = [window]

    def trim(position: int, x: Tensor) -> Tensor:
        scale, before = program.scales[position], here[0]
        grown = before.times(2) if x.shape[2] == 2 * before.height else _halved(before)
        here[0] = edges.window(box, margins[position], scale)
        if halo is not None:  # what was never computed can't be kept
            here[0] = _meet(here[0], grown)
        return crop(x, here[0].within(grown))

    taken = tuple(edges.take(part, window).to(net.dtype) for part in state)
    found = run(net, program, taken, start, stop, norms, trim)
    core = box.times(program.scales[stop]).within(here[0])
    return tuple(crop(part, core) for part in found)


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
        return _meet(grown, Box(0, 0, width * scale, height * scale))

    def take(self, x: Tensor, window: Box) -> Tensor:
        if not self.circular:
            return crop(x, window)
        rows = torch.arange(window.top, window.bottom, device=x.device) % x.shape[2]
        columns = torch.arange(window.left, window.right, device=x.device) % x.shape[3]
        return x[:, :, rows[:, None], columns]


def finite(statistics: Statistics) -> bool:
    """Whether they are numbers: if not, the whole picture is spoiled, not a region."""
    return bool(torch.isfinite(statistics.mean).all() and torch.isfinite(statistics.variance).all())


def pooled(parts: list[tuple[int, Statistics]]) -> Statistics:
    """Statistics of a whole from those of its parts, weighted by their pixels: E[mean], and E[variance] + Var[mean]."""
    counts = torch.tensor([count for count, _ in parts], dtype=torch.float64)
    share = (counts / math.fsum(counts.tolist())).unsqueeze(1)
    means = torch.stack([s.mean for _, s in parts]).to("cpu", torch.float64)
    variances = torch.stack([s.variance for _, s in parts]).to("cpu", torch.float64)
    mean = (share * means).sum(0)
    variance = (share * (variances + (means - mean).square())).sum(0)
    device = parts[0][1].mean.device
    return Statistics(mean.to(device, torch.float32), variance.to(device, torch.float32))


def _meet(box: Box, other: Box) -> Box:
    left, top = max(box.left, other.left), max(box.top, other.top)
    return Box(left, top, min(box.right, other.right), min(box.bottom, other.bottom))


def _halved(box: Box) -> Box:
    return Box(box.left // 2, box.top // 2, box.right // 2, box.bottom // 2)


def crop(x: Tensor, box: Box) -> Tensor:
    return x[:, :, box.top : box.bottom, box.left : box.right]
