"""L2 of kinship: are two VAEs one family? A few thousand weights of each, read as slices, are compared.

Fine-tunes keep the encoder or stay near it, and change the decoder little; merges lie between. So closeness proves
kinship. Distance proves nothing: a VAE may have been trained anew for the same latents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

import torch
from torch import Tensor as Values

from . import layouts
from .header import BITS, Header, Tensor, read_tensor_bytes

SPOT = 512  # values taken from the start of a tensor, and as many from its end
# Read whole: what stands between a coder and the latent. A rotated latent space changes these and nothing else.
INTERFACE = ("encoder.conv_out.weight", "quant_conv.weight", "post_quant_conv.weight", "decoder.conv_in.weight")
WHOLE = 2**18  # values of an interface tensor that are read at most
TORCH = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
}  # fmt: skip
COARSE = (torch.float8_e5m2, torch.float8_e4m3fn, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Sample:
    """Some weights of one VAE. values: canonical name -> fp32 [n]; dtypes: how each is stored."""

    values: Mapping[str, Values]
    dtypes: Mapping[str, torch.dtype]

    def fingerprint(self) -> str:
        """A name for these weights: the same in fp32 and fp16 and in every layout."""
        found = sha256()
        for name in sorted(self.values):
            found.update(name.encode() + self.values[name].half().numpy().tobytes())
        return found.hexdigest()[:16]


@dataclass(frozen=True)
class Closeness:
    """The least cosine between kernels of two VAEs: those beside the latent, the other ones of encoder and decoder."""

    interface: float
    encoder: float
    decoder: float

    def to_json(self) -> dict[str, float]:
        return {name: round(getattr(self, name), 4) for name in ("interface", "encoder", "decoder")}


def sample_file(file: BinaryIO, header: Header, naming: layouts.Naming) -> Sample:
    """The sample of an open file; only the bytes needed are read. EOFError: it got shorter."""
    places = {ours: header.tensors[theirs] for ours, theirs in naming.names.items()}
    chosen = {name: place for name, place in places.items() if _wanted(name, place.shape)}
    values = {name: _slices(file, name, chosen[name]) for name in sorted(chosen, key=lambda name: chosen[name].start)}
    return Sample(values, {name: TORCH[place.dtype] for name, place in chosen.items()})


def sample_tensors(tensors: Mapping[str, Values]) -> Sample:
    """The sample of a VAE in memory: tensors by canonical name, or by any layout's names of one VAE.

    ValueError: they are none.
    """
    naming = layouts.read(tensors)
    if naming is None:
        raise ValueError("these tensors are no VAE's")
    found = {ours: tensors[theirs] for ours, theirs in naming.names.items()}
    chosen = {name: tensor for name, tensor in found.items() if _wanted(name, tuple(tensor.shape))}
    values = {name: _spots(name, tensor.detach().reshape(-1)).float().cpu() for name, tensor in chosen.items()}
    return Sample(values, {name: tensor.dtype for name, tensor in chosen.items()})


def compare(one: Sample, other: Sample) -> Closeness | None:
    """How close two samples are; None where they have different tensors, so that nothing can be said.

    Both are rounded to the coarser of their precisions first, so that a cast alone makes no distance.
    """
    if one.values.keys() != other.values.keys():
        return None
    groups: dict[str, list[float]] = {"interface": [], "encoder": [], "decoder": []}
    for name, mine in one.values.items():
        theirs = other.values[name]
        if len(mine) != len(theirs):
            return None
        group = "interface" if name in INTERFACE else name.partition(".")[0]
        groups[group].append(_cosine(mine, theirs, _coarser(one.dtypes[name], other.dtypes[name])))
    return Closeness(*(min(found, default=1.0) for found in groups.values()))


def _wanted(name: str, shape: tuple[int, ...]) -> bool:
    """Kernels and matrices: norms and biases of any two VAEs look alike, or are zero."""
    return len(shape) in (2, 4) and (name in INTERFACE or name.startswith(("encoder.", "decoder.")))


def _slices(file: BinaryIO, name: str, place: Tensor) -> Values:
    if place.count <= _limit(name):
        return _decoded(read_tensor_bytes(file, place), place.dtype)
    width = BITS[place.dtype] // 8
    last = Tensor(place.dtype, (SPOT,), place.end - SPOT * width, place.end)
    raw = read_tensor_bytes(file, place, SPOT) + read_tensor_bytes(file, last)
    return _decoded(raw, place.dtype)


def _spots(name: str, flat: Values) -> Values:
    return flat if len(flat) <= _limit(name) else torch.cat((flat[:SPOT], flat[-SPOT:]))


def _limit(name: str) -> int:
    return WHOLE if name in INTERFACE else 2 * SPOT


def _decoded(raw: bytes, dtype: str) -> Values:
    return torch.frombuffer(bytearray(raw), dtype=TORCH[dtype]).float()


def _coarser(*dtypes: torch.dtype) -> torch.dtype | None:
    return next((dtype for dtype in COARSE if dtype in dtypes), None)


def _cosine(one: Values, other: Values, dtype: torch.dtype | None) -> float:
    if dtype is not None:
        one, other = one.to(dtype).float(), other.to(dtype).float()
    product = float(one.norm() * other.norm())
    if not math.isfinite(product):
        return -1.0  # weights that are no numbers are nobody's kin
    return float(one @ other) / product if product > 0 else float(torch.equal(one, other))
