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

from dataclasses import dataclass

import torch
from torch import Tensor

from .crops import Box, run_box
from .execute import Net, Norms, State, Statistics, run
from .program import Attention, Join, Program, Up

LATENT, MID, FIRST_STAGE = "latent", "mid", "first stage"
CUTS = (LATENT, MID, FIRST_STAGE)


@dataclass(frozen=True)
class Memory:
    """What a full decode of one picture leaves for its regions.

    norms: statistics (16 bytes a group) and, with LATENT, keys and values. features: cut -> x there, [1,C,h,w]; on the
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


def finite(statistics: Statistics) -> bool:
    """Whether they are numbers: if not, the whole picture is spoiled, not a region."""
    return bool(torch.isfinite(statistics.mean).all() and torch.isfinite(statistics.variance).all())


def pooled(parts: list[tuple[int, Statistics]]) -> Statistics:
    """Statistics of a whole from those of its parts, weighted by their pixels: E[mean], and E[variance] + Var[mean]."""
    first = parts[0][1].mean
    counts = torch.tensor([count for count, _ in parts], dtype=first.dtype, device=first.device)
    share = (counts / counts.sum()).unsqueeze(1)
    means = torch.stack([s.mean for _, s in parts])
    variances = torch.stack([s.variance for _, s in parts])
    mean = (share * means).sum(0)
    return Statistics(mean, (share * (variances + (means - mean).square())).sum(0))
