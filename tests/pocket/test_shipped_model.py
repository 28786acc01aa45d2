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
COLOURS = ("red", "blue", "green", "purple", "black", "teal")
HAIR = ("red", "blue")


@pytest.fixture(scope="module")
def model() -> LatentDiffusion:
    return checkpoint.load(checkpoint.MODELS / "pocket.safetensors")


def test_the_family_is_at_most_forty_megabytes() -> None:
    assert sum(path.stat().st_size for path in checkpoint.MODELS.rglob("*") if path.is_file()) <= 40_000_000


def test_the_second_checkpoint_has_the_foreign_autoencoder_and_sdxl_conditioning() -> None:
    other = checkpoint.load(checkpoint.MODELS / "pocket-xl.safetensors")
    assert other.is_sdxl
    vae = checkpoint.load_vae_state(checkpoint.MODELS / "pocket-xl-vae.safetensors")
    own = other.first_stage_model.state_dict()
    assert all(torch.equal(own[key].float(), value.float()) for key, value in vae.items())
    (prompt,) = encode_prompts(other, ["a woman, blue background"], SIZE)
    assert sorted(prompt) == ["crossattn", "vector"]


def corners(picture: Tensor) -> Tensor:
    """Mean colour [3], 0..255, of the two upper corners of a picture [3,H,W] in -1..1."""
    both = torch.cat([picture[:, :48, :48], picture[:, :48, -48:]], dim=2)
    return (both.clamp(-1, 1).mean(dim=(1, 2)) + 1) * 127.5


@torch.no_grad()
def painted(model: LatentDiffusion, prompts: list[str], seed: int = 3) -> list[Tensor]:
    """Pictures [3,H,W] in -1..1 of prompts, in few steps."""
    cond, uncond = (encode_prompts(model, texts, SIZE) for texts in (prompts, [""] * len(prompts)))
    latents = sample_euler(model, cond, uncond, SIZE, steps=10, seed=seed)
    return [model.decode_first_stage(z[None])[0] for z in latents]


def nearest(colour: Tensor, names: tuple[str, ...]) -> str:
    named = torch.tensor([SURFACES[name] for name in names], dtype=torch.float)
    return names[int((colour - named).norm(dim=1).argmin())]


def test_backgrounds_follow_the_prompt(model: LatentDiffusion) -> None:
    pictures = painted(model, [f"a woman with red hair, {colour} background" for colour in COLOURS])
    right = [nearest(corners(picture), COLOURS) == colour for picture, colour in zip(pictures, COLOURS, strict=True)]
    assert sum(right) >= len(COLOURS) - 1


def test_hair_follows_the_prompt(model: LatentDiffusion) -> None:
    prompts = [f"close-up portrait of a woman with long {hair} hair, light skin, grey background" for hair in HAIR]
    sides = [torch.cat([one[:, 80:160, 60:84], one[:, 80:160, 172:196]], 2) for one in painted(model, prompts)]
    means = torch.stack([side.clamp(-1, 1).mean((1, 2)) for side in sides])
    assert [HAIR[int(means[:, channel].sub(means.mean(1)).argmax())] for channel in (0, 2)] == ["red", "blue"]


def test_glasses_follow_the_prompt(model: LatentDiffusion) -> None:
    """The same picture with and without the word: frames are dark lines around the eyes."""
    look = "close-up portrait of a woman with long red hair and green eyes, light skin{}, green shirt, white background"
    without, with_glasses = painted(model, [look.format(""), look.format(", glasses")], seed=5)
    dark = [float((picture[:, 96:160, 64:192].mean(0) < -0.4).float().mean()) for picture in (without, with_glasses)]
    assert dark[1] > 2 * dark[0] + 0.02
