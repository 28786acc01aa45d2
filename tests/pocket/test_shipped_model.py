"""The weights in the repository: they fit their yaml, keep to their size, and paint what the prompt says first."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pocket_webui.nets import checkpoint
from pocket_webui.nets.diffusion import LatentDiffusion
from pocket_webui.portraits.words import SURFACES
from pocket_webui.train.conditioning import encode_prompts
from pocket_webui.train.sheets import sample_euler

SIZE = (256, 256)
COLOURS = ("yellow", "orange", "black")


@pytest.fixture(scope="module")
def model() -> LatentDiffusion:
    return checkpoint.load(checkpoint.MODELS / "pocket.safetensors")


def test_the_family_is_at_most_forty_megabytes() -> None:
    assert sum(path.stat().st_size for path in checkpoint.MODELS.rglob("*") if path.is_file()) <= 40_000_000


def corners(picture: Tensor) -> Tensor:
    """Mean colour [3], 0..255, of the two upper corners of a picture [3,H,W] in -1..1."""
    both = torch.cat([picture[:, :48, :48], picture[:, :48, -48:]], dim=2)
    return (both.clamp(-1, 1).mean(dim=(1, 2)) + 1) * 127.5


@torch.no_grad()
def test_backgrounds_follow_the_prompt(model: LatentDiffusion) -> None:
    cond = encode_prompts(model, [f"a woman with red hair, {colour} background" for colour in COLOURS], SIZE)
    latents = sample_euler(model, cond, encode_prompts(model, [""] * len(COLOURS), SIZE), SIZE, steps=10, seed=3)
    named = torch.tensor([SURFACES[colour] for colour in COLOURS], dtype=torch.float)
    nearest = [int((corners(model.decode_first_stage(z[None])[0]) - named).norm(dim=1).argmin()) for z in latents]
    assert [COLOURS[index] for index in nearest] == list(COLOURS)
