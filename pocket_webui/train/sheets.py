"""Contact sheets: what a checkpoint paints for prompts that are never trained on, and what an autoencoder keeps."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ..nets import checkpoint
from ..nets.diffusion import LatentDiffusion
from .conditioning import encode_prompts

PROMPTS = (
    "a woman with long red hair, glasses, smiling, green background",
    "a man with short black hair, beard, blue shirt, yellow background",
    "a woman with curly blond hair and blue eyes, purple background",
    "a bald man, dark skin, glasses, orange background",
    "a woman with bob blue hair, pink shirt, white background",
    "a man, fair skin, red hat, green shirt, grey background",
    "half-length portrait of a woman with long brown hair, red shirt, teal background",
    "group photo of three people: a woman with red hair, a man with black hair, a bald man, blue background",
)


def euler_sigmas(model: LatentDiffusion, steps: int) -> Tensor:
    """Noise levels [steps + 1] from the model's largest to 0, evenly spaced in time."""
    all_sigmas = ((1 - model.alphas_cumprod) / model.alphas_cumprod).sqrt()
    times = torch.linspace(len(all_sigmas) - 1, 0, steps)
    return torch.cat([all_sigmas[times.round().long()], all_sigmas.new_zeros(1)])


@torch.no_grad()
def sample_euler(
    model: LatentDiffusion,
    cond: list,
    uncond: list,
    size: tuple[int, int],
    steps: int = 12,
    cfg_scale: float = 4.0,
    seed: int = 0,
) -> Tensor:
    """Scaled latents [B,4,h,w] by Euler steps (Karras et al. 2022, algorithm 2 without churn), one per prompt."""
    sigmas = euler_sigmas(model, steps)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(cond), 4, size[1] // 8, size[0] // 8, generator=generator).to(model.device) * sigmas[0]
    times = ((1 - model.alphas_cumprod) / model.alphas_cumprod).sqrt()
    for now, after in itertools.pairwise(sigmas):
        t = (times - now).abs().argmin().repeat(len(x))
        scaled = x / (now**2 + 1).sqrt()
        with_text = torch.cat([model.apply_model(scaled[i : i + 1], t[:1], c) for i, c in enumerate(cond)])
        without = torch.cat([model.apply_model(scaled[i : i + 1], t[:1], c) for i, c in enumerate(uncond)])
        noise = without + cfg_scale * (with_text - without)
        x = x + (after - now) * noise
    return x


def to_pil(pictures: Tensor) -> list[Image.Image]:
    """Pictures [B,3,H,W] in -1..1 -> PIL."""
    values = ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(value) for value in values]


def grid(pictures: list[Image.Image], columns: int) -> Image.Image:
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height))
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    return sheet


def paint(
    file: Path,
    out: Path,
    prompts: tuple[str, ...] = PROMPTS,
    size: tuple[int, int] = (256, 256),
    steps: int = 12,
    cfg_scale: float = 4.0,
    device: str = "cpu",
    columns: int = 4,
    seed: int = 0,
) -> None:
    """Write a sheet of the prompts painted by the checkpoint."""
    model = checkpoint.load(file).to(device)
    cond = encode_prompts(model, list(prompts), size)
    uncond = encode_prompts(model, [""] * len(prompts), size)
    latents = sample_euler(model, cond, uncond, size, steps, cfg_scale, seed)
    with torch.no_grad():
        pictures = [to_pil(model.decode_first_stage(z[None]))[0] for z in latents]
    grid(pictures, columns).save(out)


def reconstructions(vae: Any, pictures: Tensor, out: Path) -> None:
    """Write a sheet: pictures [B,3,H,W] above, what the autoencoder makes of them below."""
    with torch.no_grad():
        made = torch.cat([vae.decode(vae.encode(p[None]).mode()) for p in pictures])
    grid(to_pil(pictures) + to_pil(made), len(pictures)).save(out)
