"""N VAEs on the same latents, side by side and in figures.

    pictures = decode_each(latents, {"base": base, "MSE": mse})          # the sampler has nothing to do with it
    found = compare(pictures, truth=None, regions=[Region("eyes", (40, 52, 88, 70))])
    print("\\n".join(found.lines()))

With the true picture every VAE is measured against it; without, against the first VAE, and then nothing is called
better, only different. Faces and eyes are given as boxes. Whether a VAE fits the latents is not asked here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Union

import torch
from torch import Tensor

from . import metrics
from .codec import Autoencoder, Cancel
from .compare_words import PICTURE
from .compare_words import lines as words
from .metrics import BoxOf

Codec = Union[Autoencoder, Callable[[], Autoencoder]]  # noqa: UP007  (evaluated at run time, on Python 3.10)
Decoded = Union[Tensor, str]  # noqa: UP007  pictures, or why there are none
TRUTH = "the true picture"


@dataclass(frozen=True)
class Region:
    """A part of one of the pictures: kind ("face", "eyes", ...), box in pixels (left, top, right, bottom)."""

    kind: str
    box: BoxOf
    picture: int = 0


@dataclass(frozen=True)
class Figures:
    """Of pictures or parts against the same of the reference.

    error: mean square, 0..1. ssim: None where a picture is too small. shift: mean colour minus the reference's, levels
    of 0..255. detail: fine detail, and detail_there that of the reference, in levels (see metrics).
    """

    error: float
    ssim: float | None
    shift: tuple[float, float, float]
    detail: float
    detail_there: float

    @property
    def psnr(self) -> float:
        return metrics.psnr(self.error)

    @property
    def detail_change(self) -> float:
        """0.1 for a tenth more fine detail than the reference has."""
        if self.detail_there > 0:
            return self.detail / self.detail_there - 1
        return 0.0 if self.detail == 0 else math.inf

    def to_json(self) -> dict[str, Any]:
        """psnr is null for equal pictures."""
        change = self.detail_change
        return {
            "psnr": _rounded(self.psnr, 3), "ssim": None if self.ssim is None else round(self.ssim, 4),
            "colour_shift": [round(value, 2) for value in self.shift], "detail": round(self.detail, 3),
            "detail_change": _rounded(change, 4),
        }  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One VAE. images: [B,3,H,W], or None and `problem` says why. parts: figures of every picture and region."""

    name: str
    images: Tensor | None
    problem: str = ""
    parts: tuple[tuple[Region, Figures], ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(region.kind for region, _ in self.parts))

    def figures(self, kind: str = PICTURE) -> Figures:
        """Over all pictures or regions of a kind; each counts the same. KeyError: there is none of that kind."""
        found = [figures for region, figures in self.parts if region.kind == kind]
        if not found:
            raise KeyError(kind)
        ssims = [figures.ssim for figures in found if figures.ssim is not None]
        red, green, blue = (_mean(figures.shift[c] for figures in found) for c in range(3))
        return Figures(
            _mean(figures.error for figures in found),
            _mean(ssims) if ssims else None,
            (red, green, blue),
            math.sqrt(_mean(figures.detail**2 for figures in found)),
            math.sqrt(_mean(figures.detail_there**2 for figures in found)),
        )

    def to_json(self) -> dict[str, Any]:
        if self.images is None:
            return {"name": self.name, "problem": self.problem}
        parts = [
            {"kind": region.kind, "picture": region.picture, "box": list(region.box)} | figures.to_json()
            for region, figures in self.parts
        ]
        return {"name": self.name, "all": {kind: self.figures(kind).to_json() for kind in self.kinds}, "parts": parts}


@dataclass(frozen=True)
class Comparison:
    """entries: in the order given. reference: [B,3,H,W], the true pictures or those of the VAE named `against`."""

    entries: tuple[Entry, ...]
    reference: Tensor
    against: str

    @property
    def has_truth(self) -> bool:
        return self.against == TRUTH

    @property
    def measured(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.images is not None)

    def lines(self) -> list[str]:
        """The ranking in words: see compare_words."""
        return words(self)

    def to_json(self) -> dict[str, Any]:
        return {"against": self.against, "vaes": [entry.to_json() for entry in self.entries], "text": self.lines()}


def decode_each(
    latents: Tensor, codecs: Mapping[str, Codec], max_bytes: int | None = None, cancel: Cancel | None = None
) -> dict[str, Decoded]:
    """Name -> pictures [B,3,H,W] on the CPU, or a text where that VAE can't decode them; the others are not hindered.

    latents: the sampler's. codecs: loaded, or functions that load, so that one is held at a time. max_bytes: of each
    decode. Cancelled passes.
    """
    found: dict[str, Decoded] = {}
    for name, codec in codecs.items():
        found[name] = _attempt(lambda loaded: loaded.decode_tiled(latents, max_bytes, cancel=cancel), codec)
    return found


def rebuild_each(
    pictures: Tensor, codecs: Mapping[str, Codec], max_bytes: int | None = None, cancel: Cancel | None = None
) -> dict[str, Decoded]:
    """Name -> what is left of pictures [B,3,H,W] after encoding and decoding with each VAE: any families."""

    def rebuild(loaded: Autoencoder) -> Tensor:
        return loaded.decode_tiled(loaded.encode(pictures, None, max_bytes, cancel), max_bytes, cancel=cancel)

    return {name: _attempt(rebuild, codec) for name, codec in codecs.items()}


def compare(pictures: Mapping[str, Decoded], truth: Tensor | None = None, regions: Sequence[Region] = ()) -> Comparison:
    """Measures pictures against the true ones, or against those of the first VAE that has any.

    ValueError: none has, sizes differ, or a region lies outside.
    """
    there = {name: images for name, images in pictures.items() if isinstance(images, Tensor)}
    if not there:
        raise ValueError("no VAE gave a picture: " + "; ".join(f"{name}: {why}" for name, why in pictures.items()))
    against = next(iter(there)) if truth is None else TRUTH
    reference = (there[against] if truth is None else truth).float().cpu()
    _check(there, reference, regions)
    count, (height, width) = len(reference), reference.shape[-2:]
    whole = [Region(PICTURE, (0, 0, width, height), number) for number in range(count)]
    known = [_Known(picture) for picture in reference]
    entries = []
    for name, images in pictures.items():
        if isinstance(images, Tensor):
            images = images.float().cpu()
            entries.append(Entry(name, images, "", tuple(_measured(images, known, [*whole, *regions]))))
        else:
            entries.append(Entry(name, None, images))
    return Comparison(tuple(entries), reference, against)


@dataclass(frozen=True)
class _Known:
    """What the measures need of a picture [3,H,W], made when it is asked for."""

    picture: Tensor

    @cached_property
    def detail(self) -> Tensor:
        return metrics.detail_map(self.picture)

    @cached_property
    def windows(self) -> metrics.Windows:
        return metrics.windows(self.picture)


def _likeness(one: _Known, other: _Known) -> Tensor | None:
    """None for pictures too small for SSIM."""
    if min(one.picture.shape[-2:]) <= 2 * metrics.RADIUS:
        return None
    return torch.ones_like(one.picture) if one is other else metrics.likeness(one.windows, other.windows)


def _measured(
    images: Tensor, reference: Sequence[_Known], regions: Sequence[Region]
) -> Iterator[tuple[Region, Figures]]:
    for number, there in enumerate(reference):
        one, other = images[number], there.picture
        height, width = one.shape[-2:]
        here = there if torch.equal(one, other) else _Known(one)
        likeness, details = _likeness(here, there), (here.detail, there.detail)
        for region in (region for region in regions if region.picture == number):
            whole = region.box == (0, 0, width, height)
            inside = None if whole else metrics.inside_of([region.box], height, width)
            yield (
                region,
                Figures(
                    metrics.mse(one, other, inside),
                    None if likeness is None else metrics.mean(likeness, inside),
                    metrics.colour_shift(one, other, inside),
                    *(math.sqrt(metrics.mean(map_, inside)) for map_ in details),
                ),
            )


def difference_map(one: Tensor, other: Tensor, gain: float = 1.0) -> Tensor:
    """The absolute difference times gain, clamped: shaped as the pictures, 0 where they are equal."""
    return ((one.float() - other.float()).abs() * gain).clamp(0, 1)


def shared_gain(comparison: Comparison) -> int:
    """A power of two (1..64) at which the largest differences of all VAEs show and do not clip."""
    peaks = [
        float(torch.quantile((entry.images - comparison.reference).abs().flatten()[:: _stride(entry.images)], 0.995))
        for entry in comparison.measured
        if entry.images is not None
    ]
    peak = max(peaks, default=0.0)
    return 64 if peak <= 0 else 2 ** min(6, max(0, math.floor(math.log2(1 / peak))))


def _stride(images: Tensor) -> int:
    """torch.quantile takes 16 million values at most."""
    return images.numel() // 2**22 + 1


def _check(there: Mapping[str, Tensor], reference: Tensor, regions: Sequence[Region]) -> None:
    for name, images in [*there.items(), (TRUTH, reference)]:
        if not bool(torch.isfinite(images).all()):
            raise ValueError(f"{name}: pictures with values that are no numbers")
        if images.shape != reference.shape:
            raise ValueError(f"{name}: pictures of shape {list(images.shape)}; compared are {list(reference.shape)}")
    height, width = reference.shape[-2:]
    for region in regions:
        if not 0 <= region.picture < len(reference):
            raise ValueError(f"{region}: there are {len(reference)} pictures, the first is 0")
        left, top, right, bottom = region.box
        within = 0 <= left < right <= width and 0 <= top < bottom <= height
        if not within or not bool(metrics.inside_of([region.box], height, width).any()):
            raise ValueError(f"{region}: its box holds no pixel of, or is not inside, a picture of {width}x{height}")


def _loaded(codec: Codec) -> Autoencoder:
    return codec if isinstance(codec, Autoencoder) else codec()


def _attempt(work: Callable[[Autoencoder], Tensor], codec: Codec) -> Decoded:
    try:
        return work(_loaded(codec)).cpu()
    except (ValueError, OSError) as error:
        return str(error) or type(error).__name__


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _rounded(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
