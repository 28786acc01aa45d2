"""What the VAE stage asks of a WebUI, and what it lends to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class HostVae:
    """The WebUI's own VAE, of the model that is loaded now.

    checkpoint: the model's name; file: its path, "" if unknown; identity: changes whenever other weights are loaded.
    formats: keys of the latent formats that the model can have. tensors: the weights as they lie in the host, to be
    read only. encode: pictures [1,3,H,W] in 0..1 -> raw latents [1,z,h,w] (the posterior's mean); decode: the way back;
    both are the WebUI's own way. scale, shift: sampler's latent = (raw - shift) * scale. odd: what the WebUI has
    changed in how its VAE computes that no codec of ours could follow, as a sentence; "" if nothing. base: the
    checkpoint's own weights where the WebUI has loaded a file in their place: what fits is judged by them.
    """

    checkpoint: str
    file: str
    identity: str
    formats: tuple[str, ...]
    channels: int
    scale: float
    shift: float
    tensors: Mapping[str, Tensor]
    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]
    device: torch.device
    circular: bool = False
    odd: str = ""
    base: Mapping[str, Tensor] | None = None


class Folders(Protocol):
    """Where the files of a WebUI are: our own, VAEs, and checkpoints, among which there may be VAEs named for them."""

    def data_folder(self) -> Path: ...
    def vae_folders(self) -> Iterable[Path]: ...
    def checkpoint_folders(self) -> Iterable[Path]: ...


@dataclass(frozen=True)
class Coder:
    """A codec lent to the WebUI. Both work on raw latents, or give None to leave this one to the WebUI.

    decode: [B,z,h,w] -> pictures [B,3,H,W] in -1..1, not clamped. moments: pictures [B,3,H,W] in -1..1 -> mean and log
    variance [B,2z,h,w]. computes: whether they are going to do so now, and need the device's memory for it. failed: is
    told of what went wrong in them.
    """

    decode: Callable[[Tensor], Tensor | None]
    moments: Callable[[Tensor], Tensor | None]
    computes: Callable[[], bool] = lambda: True
    failed: Callable[[Exception], None] = lambda error: None
