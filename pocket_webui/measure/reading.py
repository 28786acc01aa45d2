"""What counts as seen in a picture: for each attribute the reader that does better on held-out renders."""

from __future__ import annotations

import torch
from torch import Tensor

from . import judge, pixels, views

# Validated by `python -m pocket_webui.measure judges`: the classifier reads everything at least as well; where both are
# perfect the one that cannot have learned odds counts.
BY_PIXELS = ("background",)


def read(pictures: Tensor) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Attributes of close-ups [B,3,H,W] uint8: what counts, and for the colours what the other reader says."""
    eyes = torch.stack([views.find_eyes(picture) for picture in pictures])
    by_pixels = [pixels.read(picture, where) for picture, where in zip(pictures, eyes, strict=True)]
    counts, other = [], []
    for learned, colours in zip(judge.read(pictures, eyes), by_pixels, strict=True):
        counts.append({name: colours[name] if name in BY_PIXELS else value for name, value in learned.items()})
        other.append({name: learned[name] if name in BY_PIXELS else value for name, value in colours.items()})
    return counts, other
