"""Lets a checkpoint paint prompts it has never seen, and counts how well the pictures follow them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from ..nets import checkpoint
from ..portraits import Scene, caption, sample
from ..train.conditioning import encode_prompts
from ..train.sheets import sample_euler
from . import agreement, detector, reading
from .attributes import ATTRIBUTES, COLOURS, truth

SCENES = 97_000_000  # far from the seeds that anything is trained on


@dataclass(frozen=True)
class Settings:
    """How to paint: number of prompts, Euler steps, guidance, seed of prompts and noise, side in pixels."""

    prompts: int = 60
    steps: int = 12
    cfg: float = 4.0
    seed: int = 1
    side: int = 256
    device: str = "cpu"


def scenes_of(settings: Settings) -> list[Scene]:
    """What shall be painted: close-ups from unseen seeds."""
    return sample(SCENES + settings.seed, settings.prompts, "closeup", settings.side, settings.side)


@torch.no_grad()
def paint(file: Path, prompts: list[str], settings: Settings, batch: int = 4) -> Tensor:
    """Pictures [n,3,side,side] uint8, one per prompt; the noise depends on the seed and the prompt's place only."""
    model = checkpoint.load(file).to(settings.device)
    size = (settings.side, settings.side)
    empty = encode_prompts(model, [""], size)
    made = []
    with tqdm(total=len(prompts), desc="painting", unit="picture") as bar:
        for start in range(0, len(prompts), batch):
            cond = encode_prompts(model, prompts[start : start + batch], size)
            noise_seed = settings.seed * 1_000_003 + start
            z = sample_euler(model, cond, empty * len(cond), size, settings.steps, settings.cfg, noise_seed)
            for latent in z:
                picture = model.decode_first_stage(latent[None])
                made.append(((picture.clamp(-1, 1) + 1) * 127.5).round().byte().cpu())
                bar.update(1)
    return torch.cat(made)


def measure(pictures: Tensor, scenes: list[Scene]) -> dict[str, Any]:
    """Scores of painted pictures against the scenes their prompts described."""
    meant = [truth(scene) for scene in scenes]
    seen, second = reading.read(pictures)
    found = [detector.central_face(picture) is not None for picture in pictures]
    scores = agreement.scores(meant, seen)
    return {
        "attributes": scores,
        "summary": agreement.summary(scores),
        "other reader": agreement.scores(meant, second),
        "faces": sum(found) / len(found),
    }


def run(file: Path, settings: Settings) -> tuple[dict[str, Any], Tensor]:
    """Paint and measure; returns the figures and the pictures."""
    scenes = scenes_of(settings)
    pictures = paint(file, [caption(scene) for scene in scenes], settings)
    return measure(pictures, scenes), pictures


def show(figures: dict[str, Any]) -> str:
    """The figures as a table and a few lines."""
    per_cent, found, second = agreement.percent, figures["attributes"], figures["other reader"]
    rows = [["attribute", "judged", "agree", "where meant", "where not", "balanced", "other reader"]]
    for name in ATTRIBUTES:
        if name in found:
            s = found[name]
            other = per_cent(second[name].agreement) if name in COLOURS else "-"
            shares = (s.agreement, s.on_yes, s.on_no, s.balanced)
            rows.append([name, str(s.judged), *(per_cent(value) for value in shares), other])
    total = figures["summary"]
    return "\n".join(
        [
            agreement.table(rows),
            "",
            f"mean {per_cent(total['mean'])} %, worst {per_cent(total['worst'])} % ({total['worst attribute']})",
            f"balanced: mean {per_cent(total['mean balanced'])} %, worst {per_cent(total['worst balanced'])} % "
            f"({total['worst balanced attribute']})",
            f"face found near the centre: {per_cent(figures['faces'])} %",
        ]
    )
