"""The latents of the last generation, kept in memory for the page's comparisons."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .latent_files import About

MOST_BYTES = 256 * 2**20
_LOCK = threading.Lock()
_LAST: Kept | None = None


@dataclass(frozen=True)
class Kept:
    """latents: [n,C,h,w] as the model's sampler had them, on the CPU, in the order of the pictures.

    about: what a file of them would say. infotexts: of each picture. identity: of the model's own VAE then, as in
    `HostVae`; where another model is loaded by now, "Built-in" means another VAE.
    """

    latents: Tensor
    about: About
    infotexts: tuple[str, ...]
    identity: str
    scale: float
    shift: float

    @property
    def raw(self) -> Tensor:
        """Without the model's scale and shift, as VAEs decode them."""
        return self.latents / self.scale + self.shift


def keep(
    raws: Sequence[Tensor],
    about: About,
    infotexts: Sequence[str],
    identity: str,
    scale: float,
    shift: float,
    most_bytes: int = MOST_BYTES,
) -> None:
    """Take the place of what was kept. raws: [1,C,h,w] each, of one size; more than most_bytes are not kept at all."""
    global _LAST
    if sum(raw.numel() for raw in raws) * torch.float32.itemsize > most_bytes:
        return
    latents = torch.cat([(raw.detach().float().cpu() - shift) * scale for raw in raws])
    with _LOCK:
        _LAST = Kept(latents, about, tuple(infotexts), identity, scale, shift)


def last() -> Kept | None:
    """Those of the last generation; None where there was none, or nothing was kept."""
    return _LAST


def forget() -> None:
    """Free them."""
    global _LAST
    with _LOCK:
        _LAST = None
