"""What other people say about a VAE file: published hashes, metadata, the configuration beside it.

A published sha256 proves which weights a file holds. Metadata and configurations are claims: shown, never taken for a
proof, for merges and renamed copies carry the wrong ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .formats import TABLE, raw_channels

CONFIG_LIMIT = 2**20


@dataclass(frozen=True)
class Published:
    """A VAE whose sha256 several public places agree on. `space` is its latent space."""

    title: str
    space: str


SHA256 = {
    "735e4c3a447a3255760d7f86845f09f937809baa529c17370d83e4c3758f3c75": Published("ft-MSE 840,000", "sd1"),
    "f921fb3f29891d2a77a6571e56b8b5052420d2884129517a333c60b1b4816cdf": Published("animevae", "sd1"),
    "2f11c4a99ddc28d0ad8bce0acc38bed310b45d38a3fe4bb367dc30f3ef1a4868": Published("kl-f8-anime", "sd1"),
    "63aeecb90ff7bc1c115395962d3e803571385b61938377bc7089b36e81e92e2e": Published("sdxl_vae", "sdxl"),
    "235745af8d86bf4a4c1b5b4f529868b37019a10f7c0b2e79ad0abca3a22bc6e1": Published("sdxl-vae-fp16-fix", "sdxl"),
    "afc8e28272cd15db3919bacdb6918ce9c1ed22e96cb12c4d5ed0fba823529e38": Published("Flux.1 ae", "flux1"),
    "d64f3a68e1cc4f9f4e29b6e0da38a0204fe9a49f2d4053f0ec1fa1ca02f9c4b5": Published("Flux.2 vae", "flux2"),
}

# Starts of modelspec.architecture, the longer of two first.
ARCHITECTURES = (
    ("stable-diffusion-v1", ("sd1",)), ("stable-diffusion-v2", ("sd2",)),
    ("stable-diffusion-xl-turbo", ("sdxl",)), ("stable-diffusion-xl", ("sdxl",)),
    ("stable-diffusion-v3", ("sd3",)), ("stable-diffusion-3", ("sd3",)), ("playground-v2.5", ("playground-2.5",)),
    ("flux.2", ("flux2",)), ("flux-2", ("flux2",)), ("flux.1", ("flux1",)), ("flux-1", ("flux1",)),
)  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """What somebody says about a file. formats: keys of the table."""

    source: str
    formats: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {"source": self.source, "formats": list(self.formats)}


def claims(path: Path, metadata: Mapping[str, str], channels: int) -> tuple[Claim, ...]:
    """The claims that a file's metadata and a diffusers config.json beside it make."""
    found = [_modelspec(metadata), _config(path, channels)]
    return tuple(claim for claim in found if claim)


def _modelspec(metadata: Mapping[str, str]) -> Claim | None:
    said = metadata.get("modelspec.architecture", "")
    for start, formats in ARCHITECTURES:
        if said.lower().startswith(start):
            return Claim(f"metadata modelspec.architecture = {said[:60]}", formats)
    return None


def _config(path: Path, channels: int) -> Claim | None:
    """The scaling factor in config.json, which diffusers puts beside a file of its own name (and only that)."""
    if not path.name.startswith("diffusion_pytorch_model"):
        return None
    try:
        with open(path.with_name("config.json"), "rb") as file:
            config = json.loads(file.read(CONFIG_LIMIT))
        scale = float(config.get("scaling_factor", 0.18215))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    formats = tuple(
        row.key
        for row in TABLE
        if row.decodable and raw_channels(row) == channels and math.isclose(row.scale, scale, rel_tol=1e-3)
    )
    return Claim(f"config.json scaling_factor = {scale:g}", formats) if formats else None
