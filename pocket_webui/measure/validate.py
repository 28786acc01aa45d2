"""How well the judges read rendered close-ups they were not trained on, clean and spoiled."""

from __future__ import annotations

import torch
from torch import Tensor

from ..portraits import render, sample
from . import agreement, judge, pixels, views
from .attributes import ATTRIBUTES, COLOURS, truth
from .degrade import blur, noise

SCENES = 83_000_000  # far from the seeds that anything is trained on
BLUR, NOISE = 1.5, 10 / 255


def spoiled(pictures: Tensor) -> dict[str, Tensor]:
    """The same uint8 pictures clean, blurred and noisy."""
    values = pictures.float() / 255.0
    versions = {"clean": values, "blur 1.5": blur(values, BLUR), "noise 10": noise(values, NOISE)}
    return {name: (v * 255).round().byte() for name, v in versions.items()}


def run(count: int, seed: int = 0, batch: int = 50) -> dict[str, dict[str, agreement.Score]]:
    """Scores by version of the pictures, then attribute; "pixels, clean" and so on are those of pixels.read."""
    torch.manual_seed(seed)
    scenes = sample(SCENES + seed, count, "closeup")
    seen: dict[str, list[dict[str, str]]] = {}
    for start in range(0, count, batch):
        for version, pictures in spoiled(render(scenes[start : start + batch])).items():
            eyes = torch.stack([views.find_eyes(picture) for picture in pictures])
            seen.setdefault(version, []).extend(judge.read(pictures, eyes))
            second = [pixels.read(picture, where) for picture, where in zip(pictures, eyes, strict=True)]
            seen.setdefault(f"pixels, {version}", []).extend(second)
    meant = [truth(scene) for scene in scenes]
    return {version: agreement.scores(meant, values) for version, values in seen.items()}


def show(found: dict[str, dict[str, agreement.Score]]) -> str:
    """A table: per cent read rightly by the classifier and, for colours, by pixels; for yes/no attributes also the
    share of the "yes" that the classifier found."""
    per_cent = agreement.percent
    versions = [name for name in found if not name.startswith("pixels")]
    rows = [["attribute", "judged", *versions, *(f"{part}, {v}" for part in ("yes", "pixels") for v in versions)]]
    for name in ATTRIBUTES:
        if name not in found["clean"]:
            continue
        scores = [found[version][name] for version in versions]
        shares = [per_cent(s.agreement) for s in scores] + [per_cent(s.on_yes) for s in scores]
        second = [found[f"pixels, {v}"][name].agreement if name in COLOURS else None for v in versions]
        rows.append([name, str(scores[0].judged), *shares, *map(per_cent, second)])
    return agreement.table(rows)
