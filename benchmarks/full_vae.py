"""VAE files of full size with random weights, for benchmarks: cost does not depend on the weights' values."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lib_vaeface.vae.structure import Half, Structure, expected
from tests.fixtures import kin

WIDTHS = (128, 256, 512, 512)
SD1 = kin.FULL
FLUX = Structure(16, Half(WIDTHS, 2), Half(WIDTHS, 3), False, False, False)


def weights(structure: Structure, seed: int) -> dict[str, Tensor]:
    """Random weights at sane scale: what goes through the network stays near the size that it came with."""
    return kin.initial({name: torch.empty(shape) for name, shape in expected(structure).items()}, seed)


def file(folder: Path, name: str, structure: Structure = SD1, seed: int = 0, layout: str = "ldm") -> Path:
    """A file of fp32 weights: 335 MB for SD1 and Flux."""
    return kin.write(weights(structure, seed), folder / f"{name}.safetensors", torch.float32, layout)


def relative(folder: Path, name: str, of: dict[str, Tensor], seed: int) -> Path:
    """A file of weights near these, as a fine-tune of theirs."""
    return kin.write(kin.noisy(of, 0.01, seed), folder / f"{name}.safetensors", torch.float32)
