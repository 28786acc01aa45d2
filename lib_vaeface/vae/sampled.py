"""Latent files as the command line and the page read and write them: also of a scale that the table does not know."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import latent_files
from .formats import BY_KEY
from .latent_files import COMFYUI, PLAIN, SUFFIX, About
from .universal import Stored

if TYPE_CHECKING:
    from torch import Tensor

    from .codec import Autoencoder

SCALE, SHIFT = "vaeface.scale", "vaeface.shift"  # of a format that the table does not know


@dataclass(frozen=True)
class StoredFile:
    """Latents of a file, and the infotext that it carries, "" if none."""

    stored: Stored
    infotext: str


def read_latents(path: Path | str) -> Stored:
    """What a file holds; raw where it names a scale of its own. VaeFileError."""
    return read_file(path).stored


def read_file(path: Path | str) -> StoredFile:
    """`read_latents` with the infotext."""
    found = latent_files.read(path)
    stored = found.stored
    try:
        scale, shift = (float(found.metadata.get(key, "nan")) for key in (SCALE, SHIFT))
    except ValueError:
        return StoredFile(stored, found.infotext)
    known = not (stored.raw or stored.format) and math.isfinite(scale) and math.isfinite(shift) and scale > 0
    if known:
        stored = replace(stored, tensor=stored.tensor / scale + shift, raw=True)
    return StoredFile(stored, found.infotext)


def write_latents(
    path: Path, latents: Tensor, codec: Autoencoder, vae_name: str, vae_hash: str = "", infotext: str = ""
) -> Path:
    """The latents of a codec's sampler, with its format and weight hash; .latent is ComfyUI's layout. ValueError."""
    row = codec.format
    known = row is not None and row.key in BY_KEY
    more = {} if known or row is None or row.std else {SCALE: repr(row.scale), SHIFT: repr(row.shift)}
    about = About(row.key if row and known else "", vae_hash, vae_name, infotext, more)
    raw = None if known else codec.scaling.to_raw(latents.to(codec.device).float())
    return latent_files.write(path, latents, about, layout_of(path), raw)


def layout_of(path: Path) -> str:
    """By the suffix. ValueError: it is none of the two."""
    found = [layout for layout in (PLAIN, COMFYUI) if SUFFIX[layout] == path.suffix.lower()]
    if not found:
        raise ValueError(f"{path.name}: latents are written as .safetensors or .latent (ComfyUI)")
    return found[0]
