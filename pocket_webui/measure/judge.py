"""A small classifier that reads the attributes of a close-up; it has seen rendered pictures only."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from . import views
from .attributes import ATTRIBUTES

WEIGHTS = Path(__file__).with_name("judge.safetensors")


def _down(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inside, outside, 3, 2, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU())


class Judge(nn.Module):
    """Views of B close-ups, whole [B,3,64,64] and eyes [B,3,32,64], both 0..1 -> scores [B,values] by attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = nn.Sequential(_down(3, 24), _down(24, 48), _down(48, 80), _down(80, 80), nn.Flatten())
        self.eyes = nn.Sequential(_down(3, 24), _down(24, 40), _down(40, 48), nn.Flatten())
        self.mix_whole = nn.Sequential(nn.Linear(80 * 16, 160), nn.ReLU(), nn.Dropout(0.2))
        self.mix_eyes = nn.Sequential(nn.Linear(48 * 32, 64), nn.ReLU(), nn.Dropout(0.2))
        self.heads = nn.ModuleList(nn.Linear(160 + 64, len(values)) for values in ATTRIBUTES.values())

    def forward(self, whole: Tensor, eyes: Tensor) -> dict[str, Tensor]:
        seen = self.mix_whole(self.whole(whole - 0.5)), self.mix_eyes(self.eyes(eyes - 0.5))
        features = torch.cat(seen, dim=1)
        return {name: head(features) for name, head in zip(ATTRIBUTES, self.heads, strict=True)}


def save(judge: Judge, path: Path = WEIGHTS) -> None:
    state = {key: value.half().contiguous() for key, value in judge.state_dict().items() if "num_batches" not in key}
    save_file(state, path, metadata={"format": "pt", "trained on": "rendered portraits"})


@cache
def load(path: Path = WEIGHTS) -> Judge:
    """The trained judge, in float32."""
    if not path.exists():
        raise FileNotFoundError(f"{path.name} is missing: make it with `python -m pocket_webui.measure train-judge`")
    judge = Judge()
    counters = {key: value for key, value in judge.state_dict().items() if "num_batches" in key}
    judge.load_state_dict(counters | {key: value.float() for key, value in load_file(path).items()})
    return judge.eval().requires_grad_(False)


@torch.no_grad()
def read(pictures: Tensor, eyes: Tensor | None = None, judge: Judge | None = None) -> list[dict[str, str]]:
    """The attributes of close-ups [B,3,H,W] uint8, one dict of all names in ATTRIBUTES per picture.

    eyes [B,2,2]: left and right eye as x, y in shares of the sides; found by the detector when not given.
    """
    if eyes is None:
        eyes = torch.stack([views.find_eyes(picture) for picture in pictures])
    small = views.resize(pictures)
    scores = (judge or load())(views.whole(small), views.eye_strips(small, eyes))
    best = {name: values.argmax(1).tolist() for name, values in scores.items()}
    return [{name: ATTRIBUTES[name][best[name][i]] for name in ATTRIBUTES} for i in range(len(pictures))]
