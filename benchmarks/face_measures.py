"""What the faces benchmark measures with, neither of which the extension or its guard has.

    Judge      the last network of MTCNN (Zhang et al. 2016): how much the crop at a known place is a face, 0..1
    eyes       how well a pair of rendered eyes can be found in a face, times how sharp it is there, 0..1

The weights of MTCNN are those of the package facenet-pytorch (MIT): `facenet_pytorch/data/onet.pt` in its wheel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib_vaeface.face.colour import gaussian
from pocket_webui.portraits import render, sample

Box = tuple[float, float, float, float]
SIDE = 64  # a face is looked at in this many pixels
STRIP = (18, 44)  # height and width of a pair of eyes in it
BANK_SEED, BANK = 71_000_000, 40
JITTER = [(scale, x, y) for scale in (1.0, 1.15, 1.3) for x in (-0.06, 0.0, 0.06) for y in (-0.06, 0.0, 0.06)]


def square(picture: Tensor, box: Box, side: int, grow: float = 1.0, right: float = 0.0, down: float = 0.0) -> Tensor:
    """[3,side,side] of [3,H,W]: the square around a box, `grow` times its longer side, moved by shares of that."""
    size = max(box[2] - box[0], box[3] - box[1])
    x, y = (box[0] + box[2]) / 2 + right * size, (box[1] + box[3]) / 2 + down * size
    height, width = picture.shape[1:]
    scale = torch.tensor([size * grow / width, size * grow / height])
    theta = torch.cat([torch.diag(scale), torch.tensor([[2 * x / width - 1], [2 * y / height - 1]])], 1)
    grid = F.affine_grid(theta[None], [1, 3, side, side], align_corners=False)
    return F.grid_sample(picture[None], grid, mode="bicubic", padding_mode="border", align_corners=False)[0]


class ONet(nn.Module):
    """Faces [n,3,48,48] in -1..1 -> how much each is one, [n]."""

    def __init__(self) -> None:
        super().__init__()
        sizes = ((3, 32, 3), (32, 64, 3), (64, 64, 3), (64, 128, 2))
        for number, (inside, outside, kernel) in enumerate(sizes, 1):
            setattr(self, f"conv{number}", nn.Conv2d(inside, outside, kernel))
            setattr(self, f"prelu{number}", nn.PReLU(outside))
        self.dense5, self.prelu5, self.dense6_1 = nn.Linear(1152, 256), nn.PReLU(256), nn.Linear(256, 2)

    def forward(self, x: Tensor) -> Tensor:
        for number, pool in enumerate((3, 3, 2, 0), 1):
            x = getattr(self, f"prelu{number}")(getattr(self, f"conv{number}")(x))
            x = F.max_pool2d(x, pool, 2, ceil_mode=True) if pool else x
        x = x.permute(0, 3, 2, 1).flatten(1)
        return self.dense6_1(self.prelu5(self.dense5(x))).softmax(1)[:, 1]


class Judge:
    """MTCNN's last network, shown a place as its first two would: somewhat shifted and larger; the best view counts."""

    def __init__(self, weights: Path) -> None:
        self.net = ONet().eval()
        self.net.load_state_dict(torch.load(weights, weights_only=True), strict=False)

    @torch.no_grad()
    def score(self, picture: Tensor, box: Box) -> float:
        """picture [3,H,W] in 0..1."""
        views = torch.stack([square(picture, box, 48, *jitter) for jitter in JITTER])
        return float(self.net((views * 255 - 127.5) / 128).max())


def details(faces: Tensor) -> Tensor:
    """[n,3,h,w] -> [n,1,h,w]: luma between the sizes of a lash and of an eye."""
    luma = (faces * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)
    return (gaussian(luma, 0.7) - gaussian(luma, 4.0))[:, None]


@cache
def bank() -> tuple[Tensor, float]:
    """Pairs of rendered eyes [n,1,h,w], of mean 0 and length 1, and how strong their details usually are."""
    scenes = sample(BANK_SEED, BANK, "group", 512, 512)
    found = []
    for scene, picture in zip(scenes, render(scenes), strict=True):
        for person in scene.people:
            size = max(person.box[2] - person.box[0], person.box[3] - person.box[1])
            middle = [(a + b) / 2 for a, b in zip(person.left_eye, person.right_eye, strict=True)]
            x, y = (m - (low + high) / 2 for m, low, high in zip(middle, person.box[:2], person.box[2:], strict=True))
            view = square(picture.float() / 255, person.box, SIDE, 1.0, x / size, y / size)
            top, left = (SIDE - STRIP[0]) // 2, (SIDE - STRIP[1]) // 2
            found.append(details(view[None])[0, :, top : top + STRIP[0], left : left + STRIP[1]])
    strips = torch.stack(found)
    strips = strips - strips.mean((1, 2, 3), keepdim=True)
    norms = strips.flatten(1).norm(dim=1)
    return strips / norms[:, None, None, None], float(norms.median())


@torch.no_grad()
def eyes(picture: Tensor, box: Box) -> float:
    """Best normalised correlation of a pair of rendered eyes with the upper part of the face, times the strength of
    the details there against the usual one, where that is less than 1. picture [3,H,W] in 0..1."""
    templates, usual = bank()
    area = STRIP[0] * STRIP[1]
    ones = torch.ones(1, 1, *STRIP)
    best = 0.0
    for grow in (1.0, 1.15, 1.3):
        face = details(square(picture, box, SIDE, grow)[None])[..., : SIDE * 3 // 4, :]
        mean = F.conv2d(face, ones) / area
        norm = (F.conv2d(face * face, ones) - area * mean * mean).clamp(min=1e-8).sqrt()
        likeness = F.conv2d(face, templates) / norm
        best = max(best, float((likeness * (norm / usual).clamp(max=1)).max()))
    return best


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
