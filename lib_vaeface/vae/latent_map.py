"""A fitted map from one VAE's latents to another's: a fast, approximate bridge that knows what it was fitted on.

It works on raw latents, so that it does not depend on a format's scale and shift. Kinds, each richer than the last:

    affine     a factor and an addend per channel; only where both have the same channels
    1x1        a matrix and an addend at every pixel
    conv       a linear kernel of KERNEL x KERNEL pixels
    small net  that kernel, plus a layer of fixed random kernels and SiLU that is read out linearly

All are least squares in closed form (see calibrate). A file of one is a small safetensors; its metadata names both VAEs
by their weights, and it works for these two only.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from . import lineage
from .codec import Autoencoder
from .errors import VaeFileError
from .header import read_header

AFFINE, MATRIX, CONV, NET = "affine", "1x1", "conv", "small net"
KINDS = (AFFINE, MATRIX, CONV, NET)
KERNEL = 3
VERSION = "1"
KEY = "vaeface.latent_map"
TENSORS = ("mean", "std", "weight", "bias")
NET_TENSORS = ("features.weight", "features.bias", "readout")


@dataclass(frozen=True)
class Side:
    """One of the two VAEs. fingerprint: of its weights, the same in fp32 and fp16 and in every layout."""

    name: str
    fingerprint: str
    channels: int
    downscale: int


@dataclass(frozen=True)
class HeldOut:
    """Measured on pictures that the fit has not seen. unexplained: share of the target latents' variance that is left.

    psnr: pictures that the target decodes from mapped latents, against the source's; bridge: the same for a decode and
    an encode; both in dB over all of them.
    """

    pictures: int
    fitted: int
    unexplained: float
    psnr: float
    bridge: float


@dataclass(frozen=True)
class LatentMap:
    """tensors: fp32; mean and std [z] of the source's raw latents, weight [out,z,k,k] and bias [out] on what is
    normalised by them, and for a small net features.weight [n,z,k,k], features.bias [n], readout [out,n].

    Where the grids differ by a factor, 2x2 (or more) pixels of the finer one are packed into channels.
    """

    kind: str
    source: Side
    target: Side
    held_out: HeldOut
    tensors: Mapping[str, Tensor]

    def __call__(self, raw: Tensor) -> Tensor:
        """Raw latents of the source [B,z,h,w] -> raw latents of the target, fp32, on the same device."""
        if raw.ndim != 4 or raw.shape[1] != self.source.channels:
            raise ValueError(f"latents of shape {list(raw.shape)}; this map takes [B,{self.source.channels},h,w]")
        ratio = ratio_of(self.source.downscale, self.target.downscale)
        x = packed(raw.float(), ratio)
        t = {name: tensor.to(raw.device) for name, tensor in self.tensors.items()}
        x = (x - t["mean"].view(1, -1, 1, 1)) / t["std"].view(1, -1, 1, 1)
        out = functional.conv2d(margin(x, t["weight"].shape[-1]), t["weight"], t["bias"])
        if self.kind == NET:
            out = out + functional.conv2d(
                hidden(x, t["features.weight"], t["features.bias"]), t["readout"][:, :, None, None]
            )
        return functional.pixel_shuffle(out, -ratio) if ratio < 0 else out

    def fits(self, source: Autoencoder, target: Autoencoder) -> str:
        """ "" where it was fitted on these two, else what is wrong."""
        for role, mine, codec in (("source", self.source, source), ("target", self.target, target)):
            if fingerprint(codec) != mine.fingerprint:
                return f"this map was fitted with {mine.name} as its {role}; the weights at hand are others"
        return ""

    def in_words(self) -> str:
        """What it is worth, for whoever is about to use it."""
        found = self.held_out
        return (
            f"a map ({self.kind}) fitted on {found.fitted} pictures from {self.source.name} to {self.target.name}: "
            f"{found.psnr:.2f} dB on {found.pictures} held-out pictures, where decoding and encoding gives "
            f"{found.bridge:.2f} dB"
        )

    def save(self, path: Path | str) -> None:
        """Writes a safetensors file, whole or not at all. OSError."""
        facts = {"version": VERSION, "kind": self.kind, "source": asdict(self.source), "target": asdict(self.target),
                 "held_out": asdict(self.held_out)}  # fmt: skip
        data = save({name: tensor.contiguous() for name, tensor in self.tensors.items()}, {KEY: json.dumps(facts)})
        path = Path(path)
        handle, name = tempfile.mkstemp(prefix=path.name, suffix=".new", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise

    def to_json(self) -> dict[str, Any]:
        held = {name: round(value, 4) for name, value in asdict(self.held_out).items()}
        return {"kind": self.kind, "source": asdict(self.source), "target": asdict(self.target), "held_out": held,
                "text": self.in_words()}  # fmt: skip


def read_map(path: Path | str) -> LatentMap:
    """A map from its file. VaeFileError: it is none, or not complete."""
    header = read_header(path)
    if KEY not in header.metadata:
        raise VaeFileError(path, "it is no latent map: make one with `python -m lib_vaeface calibrate`.")
    try:
        facts = json.loads(header.metadata[KEY])
        if facts["version"] != VERSION:
            raise VaeFileError(path, f"it is a latent map of version {facts['version']}, not {VERSION}. Fit it again.")
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name).float() for name in header.tensors}
        sides = (Side(**facts["source"]), Side(**facts["target"]))
        found = LatentMap(str(facts["kind"]), *sides, HeldOut(**facts["held_out"]), tensors)
        _check(found)
    except VaeFileError:
        raise
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise VaeFileError(path, f"it is no complete latent map ({error}). Fit it again.") from None
    return found


def _check(found: LatentMap) -> None:
    """ValueError: kind, tensors and shapes do not belong together."""
    if found.kind not in KINDS:
        raise ValueError(f"unknown kind {found.kind!r}")
    wanted = set(TENSORS) | (set(NET_TENSORS) if found.kind == NET else set())
    if found.tensors.keys() != wanted:
        raise ValueError(f"tensors {sorted(found.tensors)}")
    if not all(bool(torch.isfinite(tensor).all()) for tensor in found.tensors.values()):
        raise ValueError("values that are no numbers")
    ratio = ratio_of(found.source.downscale, found.target.downscale)
    z = found.source.channels * max(ratio, 1) ** 2
    out = found.target.channels * max(-ratio, 1) ** 2
    k = found.tensors["weight"].shape[-1]
    shapes: dict[str, tuple[int, ...]] = {"mean": (z,), "std": (z,), "weight": (out, z, k, k), "bias": (out,)}
    if found.kind == NET:
        n = len(found.tensors["features.bias"])
        shapes |= {"features.weight": (n, z, KERNEL, KERNEL), "features.bias": (n,), "readout": (out, n)}
    for name, shape in shapes.items():
        if tuple(found.tensors[name].shape) != shape or k % 2 == 0:
            raise ValueError(f"{name} has shape {list(found.tensors[name].shape)}, not {list(shape)}")


def side_of(codec: Autoencoder, name: str) -> Side:
    """What is written of a VAE into a map's file."""
    return Side(name, fingerprint(codec), codec.architecture.raw_channels, codec.architecture.downscale)


def fingerprint(codec: Autoencoder) -> str:
    return lineage.sample_tensors(codec.source()).fingerprint()


def ratio_of(source: int, target: int) -> int:
    """1 for equal grids; r where the target's is r times coarser, -r where it is finer. ValueError: no whole factor."""
    if target % source == 0:
        return target // source
    if source % target == 0:
        return -(source // target)
    raise ValueError(f"grids of {source} and {target} pixels have no whole factor between them")


def packed(raw: Tensor, ratio: int) -> Tensor:
    if ratio <= 1:
        return raw
    if raw.shape[2] % ratio or raw.shape[3] % ratio:
        raise ValueError(f"latents of {raw.shape[3]}x{raw.shape[2]} do not divide by {ratio}; use a true bridge")
    return functional.pixel_unshuffle(raw, ratio)


def margin(x: Tensor, kernel: int) -> Tensor:
    """The context of a kernel at the picture's edges: the last pixel again."""
    return functional.pad(x, (kernel // 2,) * 4, mode="replicate") if kernel > 1 else x


def hidden(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The layer of a small net, [B,n,h,w]."""
    return functional.silu(functional.conv2d(margin(x, weight.shape[-1]), weight, bias))
