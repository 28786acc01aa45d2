"""Trains the judge: on rendered close-ups and their truth, spoiled in many ways, never on painted pictures."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from ..portraits import Scene, render, sample
from . import judge as judges
from . import views
from .attributes import ATTRIBUTES, truth
from .degrade import spoil
from .files import load_vae

SCENES = 71_000_000  # seed of the judge's scenes; neither trained on by the family nor used to validate
UNKNOWN = -100  # what cross_entropy leaves out
GROUP = 8  # pictures that are spoiled alike
THROUGH_VAE, VAE_SHARE = 120, 0.1  # pictures that also go through a VAE, and their share of what is seen


def labels(scenes: list[Scene]) -> dict[str, Tensor]:
    """Index of each attribute's value [n], UNKNOWN where the picture can't show it."""
    truths = [truth(scene) for scene in scenes]
    return {
        name: torch.tensor([values.index(t[name]) if t[name] else UNKNOWN for t in truths])
        for name, values in ATTRIBUTES.items()
    }


def eyes_of(scenes: list[Scene]) -> Tensor:
    """True eyes [n,2,2] in shares of the sides."""
    people = [(scene, scene.people[0]) for scene in scenes]
    points = torch.tensor([[p.left_eye, p.right_eye] for _, p in people])
    return points / torch.tensor([[[scene.width, scene.height]] for scene, _ in people])


def pictures_of(scenes: list[Scene], keep: Path | None) -> Tensor:
    """The rendered scenes [n,3,128,128] uint8, from the file `keep` if it has them, else rendered and kept there."""
    if keep and keep.exists():
        pictures = torch.load(keep, weights_only=True)
        if len(pictures) >= len(scenes):
            return pictures[: len(scenes)]
    steps = tqdm(range(0, len(scenes), 100), desc="rendering", unit="100 pictures")
    pictures = torch.cat([render(scenes[i : i + 100]) for i in steps])
    if keep:
        torch.save(pictures, keep)
    return pictures


@torch.no_grad()
def through_vae(pictures: Tensor, file: Path, spread: float = 0.25) -> Tensor:
    """What an autoencoder makes of uint8 pictures when their latents are off by noise of `spread` x their own."""
    vae, made = load_vae(file), []
    for picture in tqdm(pictures, desc="through the VAE", unit="picture"):
        z = vae.encode(picture[None].float() / 127.5 - 1).mode()
        noisy = z + random.uniform(0, spread) * z.std() * torch.randn_like(z)
        made.append(((vae.decode(noisy).clamp(-1, 1) + 1) * 127.5).round().byte())
    return torch.cat(made)


def batch_of(pictures: Tensor, eyes: Tensor) -> tuple[Tensor, Tensor]:
    """Both views of uint8 pictures, spoiled, with eyes found a little beside where they are."""
    x = pictures.float() / 255.0
    x = torch.cat([spoil(part) for part in x.split(GROUP)])
    apart = (eyes[:, 1] - eyes[:, 0]).norm(dim=1)[:, None, None]
    strips = views.eye_strips(x, eyes + 0.07 * apart * torch.randn_like(eyes))
    turn = torch.eye(2, 3).repeat(len(x), 1, 1)
    turn[:, :, :2] *= 1 + 0.08 * torch.empty(len(x), 1, 1).uniform_(-1, 1)
    turn[:, :, 2] += 0.06 * torch.empty(len(x), 2).uniform_(-1, 1)
    grid = F.affine_grid(turn, list(views.whole(x).shape), align_corners=False)
    return F.grid_sample(views.whole(x), grid, padding_mode="border", align_corners=False), strips


def losses(judge: judges.Judge, pictures: Tensor, eyes: Tensor, wanted: dict[str, Tensor]) -> Tensor:
    scores = judge(*batch_of(pictures, eyes))
    parts = [
        F.cross_entropy(scores[name], wanted[name], ignore_index=UNKNOWN, label_smoothing=0.02) for name in ATTRIBUTES
    ]
    return torch.stack(parts).sum()


def choose(plain: int, extra: int, batch: int) -> Tensor:
    """Random numbers of pictures [batch]: 0..plain-1, and now and then one of the `extra` that follow."""
    rows = torch.randint(plain, (batch,))
    if extra:
        seen_again = torch.rand(batch) < VAE_SHARE
        rows[seen_again] = plain + torch.randint(extra, (int(seen_again.sum()),))
    return rows


def fit(pictures: Tensor, scenes: list[Scene], steps: int, minutes: float, batch: int = 48) -> judges.Judge:
    """A judge trained for at most that many steps and minutes; the rate follows whichever runs out first.

    Picture i shows scene i modulo the number of scenes; those beyond the scenes are VAE_SHARE of what it sees.
    """
    judge, eyes, known = judges.Judge(), eyes_of(scenes), labels(scenes)
    optimiser = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=1e-2)
    start, mean = time.monotonic(), 0.0
    with tqdm(total=steps, desc="training", unit="step") as bar:
        for step in range(steps):
            progress = max(step / steps, (time.monotonic() - start) / 60 / minutes)
            if progress >= 1:
                break
            rate = 2e-3 * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
            for group in optimiser.param_groups:
                group["lr"] = rate
            rows = choose(len(scenes), len(pictures) - len(scenes), batch)
            of_scene = rows % len(scenes)
            loss = losses(judge, pictures[rows], eyes[of_scene], {k: v[of_scene] for k, v in known.items()})
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            mean = 0.98 * mean + 0.02 * loss.item() if step else loss.item()
            bar.update(1)
            bar.set_postfix(loss=f"{mean:.3f}")
    return judge.eval()


def run(
    out: Path, count: int, steps: int, minutes: float, seed: int, keep: Path | None = None, vae: Path | None = None
) -> judges.Judge:
    """Render (or read `keep`), train and write the judge. With a VAE file, some pictures also go through that."""
    torch.manual_seed(seed)
    random.seed(seed)
    scenes = sample(SCENES, count, "closeup", views.SIDE, views.SIDE)
    pictures = pictures_of(scenes, keep)
    if vae:
        pictures = torch.cat([pictures, through_vae(pictures[:THROUGH_VAE], vae)])
    judge = fit(pictures, scenes, steps, minutes)
    judges.save(judge, out)
    return judge
