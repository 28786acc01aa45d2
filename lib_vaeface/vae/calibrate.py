"""Fits a map between two VAEs' latents, from pictures through both: see latent_map for what it may be.

What is fitted is the bridge itself: for each picture the source's latent z, and what the target encodes of the source's
decoded z. Every fifth picture is held out; the richest kind that is clearly better on those is taken. Least squares are
solved from sums (in fp64) over all pixels, so that pictures are seen one at a time and memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from . import metrics
from .codec import Autoencoder, Cancel, Cancelled
from .latent_map import (
    AFFINE,
    CONV,
    KERNEL,
    KINDS,
    MATRIX,
    NET,
    HeldOut,
    LatentMap,
    Side,
    hidden,
    margin,
    packed,
    ratio_of,
    side_of,
)

EVERY = 5  # one of so many pictures is held out
FEATURES = 256  # random kernels of a small net
RIDGE = 1e-5  # of the mean square of a regressor
CLEARLY = 0.2  # dB by which a richer kind must be better
SEED = 20240917
Progress = Callable[[int, str], None]


@dataclass(frozen=True)
class Pair:
    """One picture. source, target: raw latents [1,z,h,w]; picture: what the source decodes [1,3,H,W]."""

    source: Tensor
    target: Tensor
    picture: Tensor


def calibrate(
    pictures: Iterable[Tensor],
    source: Autoencoder,
    target: Autoencoder,
    names: tuple[str, str] = ("source", "target"),
    kinds: Sequence[str] = KINDS,
    max_bytes: int | None = None,
    cancel: Cancel | None = None,
    progress: Progress | None = None,
) -> LatentMap:
    """The best map from source to target over pictures [3,H,W] or [1,3,H,W] in 0..1, of any sizes.

    ValueError: fewer than two pictures, a VAE with one half only, grids without a whole factor. Cancelled.
    """
    sides = (side_of(source, names[0]), side_of(target, names[1]))
    kinds = _possible(kinds, *sides)
    fits: dict[str, Fit] = {}
    held: list[Pair] = []
    fitted = 0
    for number, picture in enumerate(pictures):
        if cancel and cancel():
            raise Cancelled("cancelled between two pictures")
        pair = pair_of(picture, source, target, max_bytes)
        if number % EVERY == 1:
            held.append(pair)
        else:
            fits = fits or {kind: Fit.begin(kind, *sides, pair) for kind in kinds}
            for fit in fits.values():
                fit.add(pair)
            fitted += 1
        if progress:
            progress(number + 1, "pictures seen by both VAEs")
    if not held:
        raise ValueError(f"{fitted} pictures are too few: some are fitted, one in {EVERY} is held out; give 2 or more")
    return _best([fit.solve(*sides) for fit in fits.values()], held, target, fitted, max_bytes)


def pair_of(picture: Tensor, source: Autoencoder, target: Autoencoder, max_bytes: int | None = None) -> Pair:
    """A picture through both VAEs; cut at the right and below to what both grids divide."""
    whole = picture.reshape(-1, *picture.shape[-3:])[:1]
    grid = max(source.downscale, target.downscale)
    height, width = (side - side % grid for side in whole.shape[-2:])
    if not height or not width:
        raise ValueError(f"a picture of {whole.shape[-1]}x{whole.shape[-2]} pixels is smaller than the latents' grid")
    latent = source.encode(whole[..., :height, :width], None, max_bytes)
    seen = source.decode_tiled(latent, max_bytes)
    found = target.encode(seen, None, max_bytes)
    return Pair(source.scaling.to_raw(latent).cpu(), target.scaling.to_raw(found).cpu(), seen.cpu())


class Fit:
    """The sums of one kind, and what they come to. Regressors of a pixel are its patch, features of it, and 1."""

    def __init__(self, kind: str, ratio: int, tensors: dict[str, Tensor]) -> None:
        self.kind, self.ratio, self.tensors = kind, ratio, tensors
        self.gram: Tensor | None = None
        self.cross: Tensor | None = None

    @classmethod
    def begin(cls, kind: str, source: Side, target: Side, first: Pair) -> Fit:
        """Normalises by the first picture: any would do, sums only need numbers near 1."""
        ratio = ratio_of(source.downscale, target.downscale)
        x = packed(first.source, ratio)
        std, mean = torch.std_mean(x, dim=(0, 2, 3), correction=0)
        tensors = {"mean": mean, "std": std.clamp_min(1e-3 * float(std.max()) + 1e-12)}
        if kind == NET:
            random = torch.Generator().manual_seed(SEED)
            size = x.shape[1] * KERNEL**2
            weight = torch.randn(FEATURES, x.shape[1], KERNEL, KERNEL, generator=random) * 2 / size**0.5
            tensors |= {"features.weight": weight, "features.bias": torch.randn(FEATURES, generator=random)}
        return cls(kind, ratio, tensors)

    @property
    def kernel(self) -> int:
        return KERNEL if self.kind in (CONV, NET) else 1

    def add(self, pair: Pair) -> None:
        a = self._regressors(packed(pair.source, self.ratio)).double()
        y = functional.pixel_unshuffle(pair.target, -self.ratio) if self.ratio < 0 else pair.target
        y = y.flatten(2)[0].T.double()
        gram, cross = a.T @ a, a.T @ y
        self.gram = gram if self.gram is None else self.gram + gram
        self.cross = cross if self.cross is None else self.cross + cross

    def solve(self, source: Side, target: Side) -> LatentMap:
        assert self.gram is not None and self.cross is not None
        found = self._per_channel() if self.kind == AFFINE else _least_squares(self.gram, self.cross)
        return LatentMap(self.kind, source, target, HeldOut(0, 0, 0, 0, 0), self.tensors | self._named(found.float()))

    def _regressors(self, x: Tensor) -> Tensor:
        """[1,z,h,w] -> [h*w, n]: patch, features, and 1 at the end."""
        x = (x - self.tensors["mean"].view(1, -1, 1, 1)) / self.tensors["std"].view(1, -1, 1, 1)
        parts = [functional.unfold(margin(x, self.kernel), self.kernel)[0].T]
        if self.kind == NET:
            parts.append(hidden(x, self.tensors["features.weight"], self.tensors["features.bias"]).flatten(2)[0].T)
        return torch.cat([*parts, torch.ones(len(parts[0]), 1)], 1)

    def _per_channel(self) -> Tensor:
        """Of the whole matrix the diagonal, each channel with its own line alone."""
        assert self.gram is not None and self.cross is not None
        channels = self.cross.shape[1]
        found = torch.zeros_like(self.cross)
        for c in range(channels):
            own = torch.tensor([c, channels])
            found[own, c] = _least_squares(self.gram[own][:, own], self.cross[own, c : c + 1])[:, 0]
        return found

    def _named(self, found: Tensor) -> dict[str, Tensor]:
        """Rows of the solution [n,out] as kernels."""
        patch = len(self.tensors["mean"]) * self.kernel**2
        out = found.shape[1]
        named = {"weight": found[:patch].T.reshape(out, -1, self.kernel, self.kernel), "bias": found[-1]}
        return named | ({"readout": found[patch:-1].T} if self.kind == NET else {})


def _least_squares(gram: Tensor, cross: Tensor) -> Tensor:
    """Ridge regression from sums; the last regressor, the 1, is not held back."""
    held_back = torch.full((len(gram),), float(gram.diagonal().mean()) * RIDGE, dtype=gram.dtype)
    held_back[-1] = 0
    found: Tensor = torch.linalg.solve(gram + torch.diag(held_back), cross)
    return found


def _best(
    maps: Sequence[LatentMap], held: Sequence[Pair], target: Autoencoder, fitted: int, max_bytes: int | None
) -> LatentMap:
    """The simplest whose held-out pictures no richer one clearly beats, with what was measured."""
    exact = [metrics.mse(_seen(pair.target, target, max_bytes), pair.picture) for pair in held]
    chosen: LatentMap | None = None
    for one in maps:
        mapped = [one(pair.source) for pair in held]
        errors = [
            metrics.mse(_seen(raw, target, max_bytes), pair.picture) for raw, pair in zip(mapped, held, strict=True)
        ]
        left = sum(float((raw - pair.target).square().sum()) for raw, pair in zip(mapped, held, strict=True))
        # a channel's mean explains nothing: what is left of its variance counts
        there = torch.cat([pair.target.flatten(2)[0] for pair in held], 1)
        spread = float((there - there.mean(1, keepdim=True)).square().sum())
        found = HeldOut(len(held), fitted, left / spread if spread else 0.0, _psnr(errors), _psnr(exact))
        if chosen is None or found.psnr > chosen.held_out.psnr + CLEARLY:
            chosen = replace(one, held_out=found)
    assert chosen is not None
    return chosen


def _seen(raw: Tensor, target: Autoencoder, max_bytes: int | None) -> Tensor:
    return target.decode_tiled(target.scaling.to_latents(raw.to(target.device)), max_bytes).cpu()


def _psnr(errors: Sequence[float]) -> float:
    return metrics.psnr(max(sum(errors) / len(errors), 1e-12))


def _possible(kinds: Sequence[str], source: Side, target: Side) -> list[str]:
    wrong = [kind for kind in kinds if kind not in KINDS]
    if wrong or not kinds:
        raise ValueError(f"no such kind of map: {', '.join(wrong) or 'none given'}; there are {', '.join(KINDS)}")
    same = source.channels == target.channels and source.downscale == target.downscale
    found = [kind for kind in KINDS if kind in kinds and (same or kind != AFFINE)]
    if not found:
        raise ValueError(f"a map of kind {AFFINE} needs the same channels in both; take {MATRIX} or {CONV}")
    return found
