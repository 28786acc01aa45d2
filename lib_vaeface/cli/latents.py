"""Latent files as the commands read and write them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lib_vaeface.vae import latent_files
from lib_vaeface.vae.formats import BY_KEY
from lib_vaeface.vae.hashes import Hashes
from lib_vaeface.vae.latent_files import COMFYUI, PLAIN, SUFFIX, About

if TYPE_CHECKING:
    from torch import Tensor

    from lib_vaeface.vae.codec import Autoencoder
    from lib_vaeface.vae.universal import Stored

SCALE, SHIFT = "vaeface.scale", "vaeface.shift"  # of a format that the table does not know


def read_latents(path: Path | str) -> Stored:
    """What a file holds; raw where it names a scale of its own. VaeFileError."""
    found = latent_files.read(path)
    stored = found.stored
    try:
        scale, shift = (float(found.metadata.get(key, "nan")) for key in (SCALE, SHIFT))
    except ValueError:
        return stored
    if stored.raw or stored.format or not (math.isfinite(scale) and math.isfinite(shift) and scale > 0):
        return stored
    return replace(stored, tensor=stored.tensor / scale + shift, raw=True)


def write_latents(path: Path, latents: Tensor, codec: Autoencoder, vae: Path) -> Path:
    """The latents of a codec's sampler, with its format and weights; .latent is ComfyUI's layout. ValueError."""
    row = codec.format
    known = row is not None and row.key in BY_KEY
    more = {} if known or row is None or row.std else {SCALE: repr(row.scale), SHIFT: repr(row.shift)}
    about = About(row.key if row and known else "", Hashes().weights(vae), vae.name, "", more)
    return latent_files.write(path, latents, about, layout_of(path))


def layout_of(path: Path) -> str:
    """By the suffix. ValueError: it is none of the two."""
    found = [layout for layout in (PLAIN, COMFYUI) if SUFFIX[layout] == path.suffix.lower()]
    if not found:
        raise ValueError(f"{path.name}: latents are written as .safetensors or .latent (ComfyUI)")
    return found[0]
