"""GroupNorm on a CPU, for one picture in channels-last order, piece by piece within the processor's caches.

torch's own GroupNorm reads the whole tensor several times and always writes a new one; at the decoder's finest
resolution that tensor has hundreds of megabytes, and a new one costs more than the arithmetic, because the system hands
out every page of it anew. In channels-last order it also returns a wrong mean and deviation (torch 2.13), though it
normalises correctly. Here a piece is read once for its statistics and once to be normalised, in place where allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

PIECE = 2**17  # numbers at once: half a megabyte in fp32, with the copy that statistics need within a core's cache


def pieces(x: Tensor) -> Iterator[tuple[int, int]]:
    """First and last row (excluded) of strips of [1,C,H,W], of about PIECE numbers."""
    rows = max(1, PIECE // max(1, x.shape[1] * x.shape[3]))
    return ((top, min(top + rows, x.shape[2])) for top in range(0, x.shape[2], rows))


def statistics(x: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each group of channels of [1,C,H,W], fp64 [groups].

    Each strip's mean is taken off before squaring, and strips and channels are pooled in fp64 as E[variance] +
    Var[mean], so that neither a large mean nor a picture of unlike parts costs digits.
    """
    image = x[0].permute(1, 2, 0)
    means, squares, counts = [], [], []
    for top, bottom in pieces(x):
        strip = image[top:bottom]
        mean = strip.mean((0, 1))
        means.append(mean)
        squares.append((strip - mean).square_().mean((0, 1)))
        counts.append(bottom - top)
    share = torch.tensor(counts, dtype=torch.float64, device=x.device)[:, None] / x.shape[2]
    every, within = torch.stack(means).double(), torch.stack(squares).double()
    mean = (share * every).sum(0).view(groups, -1).mean(1)
    apart = (every - mean.repeat_interleave(x.shape[1] // groups)).square()
    return mean, (share * (within + apart)).sum(0).view(groups, -1).mean(1)


def scaled(x: Tensor, scale: Tensor, shift: Tensor, activate: Callable[[Tensor], Tensor], into: Tensor) -> Tensor:
    """activate(x * scale + shift), scale and shift one number a channel, written to `into`, which may be x itself."""
    image, out = x[0].permute(1, 2, 0), into[0].permute(1, 2, 0)
    for top, bottom in pieces(x):
        activate(torch.addcmul(shift, image[top:bottom], scale, out=out[top:bottom]))
    return into
