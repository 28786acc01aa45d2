"""CenterFace (arXiv 1911.03599) as a torch network; the names of its parts are the keys of the weight file."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGES = (  # expansion, channels, blocks, stride of the first block
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
TAPS = (6, 4, 2, 1)  # stages that feed the pyramid, coarse to fine
WIDTH = 24


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow. Batch norms are folded into the weights."""

    def __init__(self, inside: int, outside: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = inside * expansion
        widen = [nn.Conv2d(inside, wide, 1), nn.ReLU()] if expansion > 1 else []
        filtered = [nn.Conv2d(wide, wide, 3, stride, 1, groups=wide), nn.ReLU(), nn.Conv2d(wide, outside, 1)]
        self.b = nn.Sequential(*widen, *filtered)
        self.residual = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        return x + self.b(x) if self.residual else self.b(x)


def _up() -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(WIDTH, WIDTH, 2, 2, bias=False), nn.BatchNorm2d(WIDTH, eps=1e-3))


class CenterFace(nn.Module):
    """RGB [B,3,H,W] in 0..255, H and W multiples of 32 -> maps of a quarter of the size.

    Returned: scores [B,1,h,w] in 0..1, log sizes [B,2,h,w] (height, width, in map cells), offsets [B,2,h,w]
    (y, x), landmarks [B,10,h,w] (five y, x pairs as shares of the box).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU())
        self.stages = nn.ModuleList()
        inside = 32
        for expansion, channels, count, stride in STAGES:
            first = [Block(inside, channels, expansion, stride)]
            rest = [Block(channels, channels, expansion, 1) for _ in range(count - 1)]
            self.stages.append(nn.Sequential(*first, *rest))
            inside = channels
        self.lat = nn.ModuleList(nn.Conv2d(STAGES[tap][1], WIDTH, 1) for tap in TAPS)
        self.up = nn.ModuleList(_up() for _ in TAPS[1:])
        self.head = nn.Conv2d(WIDTH, WIDTH, 3, 1, 1)
        self.out = nn.ModuleList(nn.Conv2d(WIDTH, channels, 1) for channels in (1, 2, 2, 10))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x, features = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        y = F.relu(self.lat[0](features[TAPS[0]]))
        for tap, lateral, up in zip(TAPS[1:], self.lat[1:], self.up, strict=True):
            y = F.relu(up(y)) + F.relu(lateral(features[tap]))
        y = F.relu(self.head(y))
        scores, sizes, offsets, landmarks = (layer(y) for layer in self.out)
        return torch.sigmoid(scores), sizes, offsets, landmarks
