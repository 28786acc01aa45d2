"""Between the latents a sampler works on and the raw ones that a coder takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .architecture import TINY, Architecture
from .formats import BY_KEY, LatentFormat, by_shape

FLUX2_EPS = 1e-4  # of the BatchNorm over packed latents


@dataclass(frozen=True)
class Scaling:
    """raw = latent * factor + addend, per channel of the sampler's latent; `packed`: then 2x2 pixels are unpacked."""

    factor: Tensor
    addend: Tensor
    packed: bool = False

    @property
    def channels(self) -> int:
        return len(self.factor)

    def to_raw(self, latents: Tensor) -> Tensor:
        """fp32 [B,channels,h,w] -> fp32 [B,z,h,w], or [B,channels/4,2h,2w] where packed."""
        raw = latents * self._column(self.factor) + self._column(self.addend)
        return unpack(raw) if self.packed else raw

    def to_latents(self, raw: Tensor) -> Tensor:
        """The inverse of `to_raw`."""
        packed = pack(raw) if self.packed else raw
        return (packed - self._column(self.addend)) / self._column(self.factor)

    def to(self, device: torch.device) -> Scaling:
        return Scaling(self.factor.to(device), self.addend.to(device), self.packed)

    def _column(self, values: Tensor) -> Tensor:
        return values.view(1, -1, 1, 1)


def pack(raw: Tensor) -> Tensor:
    """[B,z,2h,2w] -> [B,4z,h,w]; channel 4c + 2a + b is pixel (2i+a, 2j+b) of channel c."""
    return torch.nn.functional.pixel_unshuffle(raw, 2)


def unpack(latents: Tensor) -> Tensor:
    """The inverse of `pack`."""
    return torch.nn.functional.pixel_shuffle(latents, 2)


def default_format(architecture: Architecture) -> LatentFormat | None:
    """The first format in the table that the shapes allow: SD1 where SDXL is possible too. None for tiny ones."""
    if architecture.kind == TINY:
        return None
    quant = ("nested" if architecture.packed else "top") if architecture.quant_conv else ""
    kind = "flux2" if architecture.packed else "kl"
    keys = by_shape(architecture.raw_channels, architecture.downscale, quant, kind)
    if not keys:
        what = f"{architecture.raw_channels} channels, downscale {architecture.downscale}"
        raise ValueError(f"no latent format is known for {what}; name one with format=")
    return BY_KEY[keys[0]]


def scaling_of(architecture: Architecture, chosen: LatentFormat | None, tensors: Mapping[str, Tensor]) -> Scaling:
    """The scaling of a codec; tiny ones take the sampler's latents as they are. ValueError: the format does not fit."""
    if architecture.kind == TINY or chosen is None:
        return Scaling(torch.ones(architecture.raw_channels), torch.zeros(architecture.raw_channels))
    if architecture.packed:
        variance = tensors["bn.running_var"].to("cpu", torch.float32)
        return Scaling((variance + FLUX2_EPS).sqrt(), tensors["bn.running_mean"].to("cpu", torch.float32), True)
    factor, addend = (torch.tensor(values) for values in chosen.to_raw())
    if len(factor) != architecture.raw_channels:
        what = f"{chosen.title} has {len(factor)} latent channels"
        raise ValueError(f"{what}, this VAE {architecture.raw_channels}")
    return Scaling(factor, addend)
