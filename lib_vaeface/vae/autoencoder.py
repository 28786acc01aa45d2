"""A VAE's file as a codec.

    codec = load("vae.safetensors", "cuda", torch.float16)
    images = codec.decode(latents)                       # [B,3,H,W] in 0..1, fp32
    images, memories = codec.decode_keeping(latents)
    face = codec.decode_region(latents, (96, 40, 224, 168), memories)   # equals that crop of `images`
    images = codec.decode_tiled(latents, 500 * 2**20)    # equals `images`, in 500 MiB

It is built from the tensors alone: the configuration is inferred from their shapes, in any layout, and a file of which
a tensor is missing, too many or of another shape is refused. No WebUI, no configuration file, and nothing of the host
is written to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path

import torch
from torch import Tensor

from . import layouts
from .architecture import of_file
from .budget import TooFewBytes
from .codec import Autoencoder, Cancelled
from .crops import Box
from .errors import VaeFileError
from .formats import LatentFormat
from .header import read_header
from .precision import Climb, Ladder, NotFiniteError, best_dtype
from .regions import CUTS, FIRST_STAGE, LATENT, MID, Memory
from .scaling import default_format, scaling_of
from .weights import Held, Source, from_file, from_memory

__all__ = [
    "CUTS", "FIRST_STAGE", "LATENT", "MID", "Autoencoder", "Box", "Cancelled", "Memory", "NotFiniteError",
    "TooFewBytes", "from_state_dict", "load",
]  # fmt: skip

FLOATS = {"F16", "BF16", "F32", "F64", "F8_E4M3", "F8_E5M2"}


def load(
    path: Path | str,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    format: LatentFormat | None = None,
    remembered: MutableMapping[str, str] | None = None,
    told: Callable[[Climb], None] | None = None,
) -> Autoencoder:
    """The codec in a safetensors file: a VAE in any layout, one inside a checkpoint, or a tiny one.

    dtype: None for the best of the device. remembered, told: see `Ladder`. VaeFileError: the file is none, or holds
    no VAE that is complete and known; nothing has been read past its header by then.
    """
    header = read_header(path)
    naming = layouts.read(header.tensors)
    if naming is None:
        raise VaeFileError(path, "it holds no picture VAE")
    shapes = {name: tensor.shape for name, tensor in header.tensors.items()}
    wrong = sorted({header.tensors[name].dtype for name in naming.names.values()} - FLOATS)
    if wrong:
        raise VaeFileError(path, f"its weights are {', '.join(wrong)}, which this codec can't compute with")
    source = from_file(Path(path), header.identity, naming)
    if torch.device(device).type == "cuda":
        source = Held(source, pin=True)
    try:
        return _build(naming, shapes, source, device, dtype, format, header.identity.key(), remembered, told)
    except VaeFileError:
        raise
    except ValueError as error:
        raise VaeFileError(path, f"{error}. Choose another file.") from None


def from_state_dict(
    tensors: Mapping[str, Tensor],
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    format: LatentFormat | None = None,
    key: str = "",
    remembered: MutableMapping[str, str] | None = None,
    told: Callable[[Climb], None] | None = None,
) -> Autoencoder:
    """The codec of weights in memory, for instance a checkpoint's own VAE: any layout, with or without a prefix.

    The tensors are kept, not copied where device and dtype fit, and never written to. key: under which the ladder
    remembers. ValueError: they are no complete VAE.
    """
    naming = layouts.read(tensors)
    if naming is None:
        raise ValueError("these tensors hold no picture VAE")
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    return _build(naming, shapes, from_memory(tensors, naming), device, dtype, format, key, remembered, told)


def _build(
    naming: layouts.Naming,
    shapes: Mapping[str, tuple[int, ...]],
    source: Source,
    device: torch.device | str,
    dtype: torch.dtype | None,
    format: LatentFormat | None,
    key: str,
    remembered: MutableMapping[str, str] | None,
    told: Callable[[Climb], None] | None,
) -> Autoencoder:
    architecture, device = of_file(naming, shapes), torch.device(device)
    format = format or default_format(architecture)
    scaling = scaling_of(architecture, format, source() if architecture.packed else {})
    first = dtype or best_dtype(device, format.space if format else "")
    ladder = Ladder(first, device, key, remembered, told)
    return Autoencoder(architecture, source, device, format, scaling.to(device), ladder)
