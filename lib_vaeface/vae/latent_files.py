"""Latents kept in files: plain safetensors, and the layout of ComfyUI's SaveLatent (`.latent`).

    plain       tensor "latents" [B,C,h,w], as the sampler has them; metadata says of which format and VAE
    ComfyUI     tensor "latent_tensor", raw (without scale and shift), and the empty "latent_format_version_0"; files
                without the latter are older and hold SD1's scaled latents

Both are safetensors files; ours carry the same metadata in either layout, which ComfyUI ignores. A file of another
program with a single tensor of four dimensions is read too, as nobody knows what.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from .errors import VaeFileError
from .formats import BY_KEY
from .header import Header, read_header
from .universal import Stored

PLAIN, COMFYUI = "plain", "comfyui"
SUFFIX = {PLAIN: ".safetensors", COMFYUI: ".latent"}
FLOATS = ("F16", "BF16", "F32", "F64")
OURS, THEIRS, VERSION = "latents", "latent_tensor", "latent_format_version_0"
NAMES = (OURS, THEIRS, "samples", "latent")
OLD_SCALE = 0.18215  # of ComfyUI's files without a version


@dataclass(frozen=True)
class About:
    """What is written beside the latents. format: key of the table. infotext: the picture's, as the WebUI writes it."""

    format: str = ""
    vae_hash: str = ""
    vae_name: str = ""
    infotext: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    def metadata(self) -> dict[str, str]:
        own = {"format": self.format, "vae_hash": self.vae_hash, "vae_name": self.vae_name, "infotext": self.infotext}
        return {**self.more, **{f"vaeface.{name}": text for name, text in own.items() if text}}


@dataclass(frozen=True)
class LatentFile:
    """stored: latents with what is known of them, as `universal` wants them. infotext: "" if there is none."""

    stored: Stored
    infotext: str
    metadata: Mapping[str, str]


def write(path: Path | str, latents: Tensor, about: About, layout: str = PLAIN, raw: Tensor | None = None) -> Path:
    """Writes the sampler's latents [B,C,h,w] to `path`, whose suffix becomes the layout's. The whole file or none.

    Values are kept in the dtype that they have, on the CPU. raw: the same without scale and shift, for ComfyUI's layout
    where the table does not know the format. ValueError: that layout needs the one or the other.
    """
    path = Path(path).with_suffix(SUFFIX[layout])
    kept = latents.detach().to("cpu").contiguous()
    if kept.ndim != 4:
        raise ValueError(f"latents of shape {list(latents.shape)}; wanted are [B,C,h,w]")
    if layout == PLAIN:
        tensors = {OURS: kept}
    else:
        theirs = _to_raw(kept, about.format) if raw is None else raw.detach().to("cpu").contiguous()
        tensors = {THEIRS: theirs, VERSION: torch.zeros(0)}
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        save_file(tensors, str(aside), about.metadata())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def read(path: Path | str) -> LatentFile:
    """Latents from a file of either layout, fp32. VaeFileError: it holds none, or they are no numbers."""
    header = read_header(path)
    name = _latents_name(header)
    if name is None:
        raise VaeFileError(path, "it holds no latents [B,C,h,w] of a picture.")
    with safe_open(str(path), framework="pt") as file:
        tensor = file.get_tensor(name).float()
    tensor = tensor if tensor.ndim == 4 else tensor[None]
    if not bool(torch.isfinite(tensor).all()):
        raise VaeFileError(path, "its latents hold values that are no numbers.")
    raw = name == THEIRS
    if raw and VERSION not in header.tensors:
        tensor = tensor / OLD_SCALE
    said = {key.removeprefix("vaeface."): text for key, text in header.metadata.items() if key.startswith("vaeface.")}
    key = said.get("format", "")
    stored = Stored(
        tensor, raw, key if key in BY_KEY else "", said.get("vae_hash", ""), said.get("vae_name", "")
    )  # fmt: skip
    return LatentFile(stored, said.get("infotext", ""), header.metadata)


def _latents_name(header: Header) -> str | None:
    """The tensor that holds the latents: one of the known names, else the only one there is."""
    fitting = [name for name, t in header.tensors.items() if len(t.shape) in (3, 4) and t.dtype in FLOATS and t.count]
    known = [name for name in NAMES if name in fitting]
    alone = fitting if len(header.tensors) == 1 else []
    return next(iter(known + alone), None)


def _to_raw(latents: Tensor, key: str) -> Tensor:
    if key not in BY_KEY:
        raise ValueError("ComfyUI's layout holds raw latents: the format of these must be known")
    row = BY_KEY[key]
    if row.kind == "flux2":  # ComfyUI leaves these to the VAE: packed and normalised, as the sampler has them
        return latents
    factor, addend = (torch.tensor(values).view(1, -1, 1, 1) for values in row.to_raw())
    return (latents.float() * factor + addend).to(latents.dtype)
