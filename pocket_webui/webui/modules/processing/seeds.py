"""Seeds, and random latents made from them."""

from __future__ import annotations

import random
from typing import Any

import torch

from modules import processing, rng

LARGEST = 4294967294


def get_fixed_seed(seed: Any) -> Any:
    """`seed` as a number to start from; -1, nothing and unreadable text become a random one. Lists pass through."""
    if seed in ("", None):
        seed = -1
    elif isinstance(seed, str):
        try:
            seed = int(seed)
        except ValueError:
            seed = -1
    return random.randrange(LARGEST) if seed == -1 else seed


def fix_seed(p: Any) -> None:
    """Replace p's random seeds by numbers, so that later jobs can repeat them."""
    p.seed = processing.get_fixed_seed(p.seed)
    p.subseed = processing.get_fixed_seed(p.subseed)


def create_random_tensors(shape: Any, seeds: list[int], subseeds: list[int] | None = None,
                          subseed_strength: float = 0.0, seed_resize_from_h: int = 0, seed_resize_from_w: int = 0,
                          p: Any = None) -> torch.Tensor:
    """Noise [len(seeds), *shape], each row the noise of its own seed."""
    source = rng.ImageRNG(shape, seeds, subseeds=subseeds, subseed_strength=subseed_strength,
                          seed_resize_from_h=seed_resize_from_h, seed_resize_from_w=seed_resize_from_w)
    return source.next()
