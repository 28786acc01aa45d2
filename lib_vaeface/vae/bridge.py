"""From one VAE's latents to another's: decode with the source, encode with the target.

    found = bridge(latents, source=sd1, target=sdxl, max_bytes=2**30)
    found.latents, found.report.psnr, str(found.report)

The picture between is fp32 and never rounded to 8 bits; the target gives the posterior's mode. `via` a fitted map (see
calibrate) is faster and approximate, and says so. After a bridge `adaptive_noise` gives noise for the next stage from
the statistics of its latents.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from . import metrics
from .codec import Autoencoder, Cancel
from .latent_map import LatentMap


@dataclass(frozen=True)
class Report:
    """What the bridge cost in quality. errors: per picture, mean square between the picture that was encoded and what
    the target decodes from its latents; empty where it was not asked for.

    approximate: "" for a decode and an encode, else what the fitted map's own file says of its error. padded: pixels
    (right, below) that were added because the target's grid is coarser; cut them off what is decoded.
    """

    errors: tuple[float, ...]
    approximate: str = ""
    padded: tuple[int, int] = (0, 0)

    @property
    def psnr(self) -> float:
        """Of all pictures together, in dB; NaN where it was not measured."""
        return metrics.psnr(sum(self.errors) / len(self.errors)) if self.errors else math.nan

    @property
    def worst(self) -> float:
        """Of the picture that lost most."""
        return metrics.psnr(max(self.errors)) if self.errors else math.nan

    def __str__(self) -> str:
        said = [f"approximate: {self.approximate}"] if self.approximate else []
        if not self.errors:
            said.append("round trip not measured")
        elif len(self.errors) == 1:
            said.append(f"round trip {self.psnr:.2f} dB")
        else:
            said.append(
                f"round trip {self.psnr:.2f} dB over {len(self.errors)} pictures, the worst {self.worst:.2f} dB"
            )
        if any(self.padded):
            said.append(f"padded by {self.padded[0]} and {self.padded[1]} pixels on the right and below")
        return "; ".join(said)

    def to_json(self) -> dict[str, Any]:
        finite = bool(self.errors) and math.isfinite(self.psnr)
        return {
            "psnr": round(self.psnr, 3) if finite else None, "approximate": self.approximate,
            "per_picture": [round(metrics.psnr(max(error, 1e-15)), 3) for error in self.errors],
            "padded": list(self.padded), "text": str(self),
        }  # fmt: skip


@dataclass(frozen=True)
class Bridged:
    """latents: the target's, fp32 [B,C,h,w]. pictures: what was encoded, [B,3,H,W]; None where a map was used alone."""

    latents: Tensor
    pictures: Tensor | None
    report: Report


def bridge(
    latents: Tensor,
    source: Autoencoder,
    target: Autoencoder,
    max_bytes: int | None = None,
    size: tuple[int, int] | None = None,
    via: LatentMap | None = None,
    check: bool = True,
    cancel: Cancel | None = None,
) -> Bridged:
    """Latents of the source's sampler -> latents of the target's, for the same pictures.

    max_bytes: of every decode and encode, which go in tiles where the whole needs more. size: (height, width) in pixels
    that the pictures are scaled to between the two, as for hires fix (antialiased bicubic). via: a fitted map instead
    of decoding and encoding; it must be of exactly these two VAEs. check: measure the round trip, for one decode by the
    target more (and with `via` one by the source).

    ValueError: latents that are not the source's, TooFewBytes, a map of other VAEs. Cancelled.
    """
    if via is not None:
        if size is not None:
            raise ValueError("a fitted map keeps the size: scale the pictures with a true bridge instead")
        return _mapped(latents, source, target, via, max_bytes, check, cancel)
    pictures = source.decode_tiled(latents, max_bytes, cancel=cancel)
    if size is not None:
        pictures = scaled(pictures, size)
    fitted, padded = on_grid(pictures, target.downscale)
    found = target.encode(fitted, None, max_bytes, cancel)
    errors = _errors(found, target, pictures, max_bytes, cancel) if check else ()
    return Bridged(found, pictures, Report(errors, padded=padded))


def encode(
    pictures: Tensor, target: Autoencoder, max_bytes: int | None = None, cancel: Cancel | None = None
) -> Bridged:
    """The second half alone: pictures [B,3,H,W] in 0..1 -> latents, padded to the target's grid; and the round trip."""
    fitted, padded = on_grid(pictures, target.downscale)
    found = target.encode(fitted, None, max_bytes, cancel)
    return Bridged(found, pictures, Report(_errors(found, target, pictures, max_bytes, cancel), padded=padded))


def on_grid(pictures: Tensor, downscale: int) -> tuple[Tensor, tuple[int, int]]:
    """Pictures whose sides are multiples of downscale, the last pixels repeated; and how many (right, below)."""
    height, width = pictures.shape[-2:]
    padded = (-width % downscale, -height % downscale)
    if not any(padded):
        return pictures, padded
    return functional.pad(pictures, (0, padded[0], 0, padded[1]), mode="replicate"), padded


def scaled(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures at another (height, width), in 0..1."""
    if tuple(pictures.shape[-2:]) == tuple(size):
        return pictures
    found = functional.interpolate(pictures.float(), size=tuple(size), mode="bicubic", antialias=True)
    return found.clamp(0, 1)


def _mapped(
    latents: Tensor,
    source: Autoencoder,
    target: Autoencoder,
    via: LatentMap,
    max_bytes: int | None,
    check: bool,
    cancel: Cancel | None,
) -> Bridged:
    wrong = via.fits(source, target)
    if wrong:
        raise ValueError(wrong)
    raw = source.scaling.to_raw(latents.to(source.device, torch.float32))
    found = target.scaling.to_latents(via(raw).to(target.device))
    if not check:
        return Bridged(found, None, Report((), via.in_words()))
    pictures = source.decode_tiled(latents, max_bytes, cancel=cancel).to(target.device)
    errors = _errors(found, target, pictures, max_bytes, cancel)
    return Bridged(found, pictures, Report(errors, via.in_words()))


def _errors(
    latents: Tensor, target: Autoencoder, pictures: Tensor, max_bytes: int | None, cancel: Cancel | None
) -> tuple[float, ...]:
    height, width = pictures.shape[-2:]
    found = []
    for latent, picture in zip(torch.split(latents, 1), pictures, strict=True):
        again = target.decode_tiled(latent, max_bytes, cancel=cancel)[0, :, :height, :width]
        found.append(metrics.mse(again, picture.to(again.device)))
    return tuple(found)


@dataclass(frozen=True)
class Statistics:
    """Of latents [B,C,h,w]: mean and standard deviation over the pixels of every picture and channel, [B,C,1,1]."""

    mean: Tensor
    std: Tensor

    @property
    def spread(self) -> Tensor:
        """Root mean square of the channels' standard deviations, per picture [B,1,1,1]; samplers reckon with 1."""
        return self.std.square().mean(1, keepdim=True).sqrt()


def statistics(latents: Tensor) -> Statistics:
    std, mean = torch.std_mean(latents.float(), dim=(2, 3), keepdim=True, correction=0)
    return Statistics(mean, std)


def adaptive_noise(latents: Tensor, noise: Tensor) -> Tensor:
    """White noise [B,C,h,w] as the next stage is to have it: every channel with the spread of that latent's channel.

    So signal and noise stand in every channel as in the mean of them. The level of the whole stays that of the given
    noise (the sampler counts on it): what one channel gets less, others get more.
    """
    found = statistics(latents)
    shares = found.std / found.spread.clamp_min(torch.finfo(torch.float32).tiny)
    return (noise.float() * shares.to(noise.device)).to(noise.dtype)


def side_by_side(latents: Sequence[Tensor]) -> list[dict[str, Any]]:
    """Mean, standard deviation and spread of several latents, over the pictures of each: for a report."""
    found = [statistics(latent) for latent in latents]
    return [
        {
            "mean": [round(value, 4) for value in one.mean.mean((0, 2, 3)).tolist()],
            "std": [round(value, 4) for value in one.std.mean((0, 2, 3)).tolist()],
            "spread": round(float(one.spread.mean()), 4),
        }
        for one in found
    ]
