"""L3 of kinship: the host encodes a fixed picture, the candidate decodes it, and what comes out is measured.

Latents of another family decode to something no better than a flat colour. So the measure is the gain in PSNR over the
flat colour, after an affine fit of every colour channel, which forgives a VAE that changes contrast or tint on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

SIDE = 128
# A contrast that is still taken for deliberate. A negative slope (a negative picture) is never forgiven.
SLOPES = (0.5, 2.0)


@dataclass(frozen=True)
class Probe:
    """What came out. Pictures are [1,3,SIDE,SIDE] in 0..1; figures in dB over all channels.

    psnr: of the decoded picture after the fit. flat: of the best flat colour. slopes: contrast per channel by which the
    fit multiplied, after clamping. finite: False where there were NaNs or infinities; then psnr is 0.
    """

    picture: Tensor
    decoded: Tensor
    psnr: float
    flat: float
    slopes: tuple[float, float, float]
    finite: bool

    @property
    def gain(self) -> float:
        return self.psnr - self.flat

    def to_json(self) -> dict[str, object]:
        return {
            "psnr": round(self.psnr, 2), "flat": round(self.flat, 2), "gain": round(self.gain, 2),
            "slopes": [round(slope, 3) for slope in self.slopes], "finite": self.finite,
        }  # fmt: skip


def picture() -> Tensor:
    """The fixed picture [1,3,SIDE,SIDE] in 0..1: a simple portrait of strong contrast; always the same.

    What every image VAE can draw, also one trained on little: plain areas, soft edges, few colours.
    """
    axis = (torch.arange(SIDE, dtype=torch.float32) + 0.5) / SIDE
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    image = torch.tensor(BACKGROUND).view(3, 1, 1).expand(3, SIDE, SIDE)
    for cx, cy, rx, ry, colour in ELLIPSES:
        inside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2
        cover = torch.sigmoid((1.0 - inside.sqrt()) * min(rx, ry) * SIDE * SHARPNESS)
        image = image + (torch.tensor(colour).view(3, 1, 1) - image) * cover
    return image[None]


BACKGROUND = (0.2, 0.35, 0.7)
SHARPNESS = 1.5
# centre and radii as parts of the side, colour
ELLIPSES = (
    (0.5, 1.02, 0.42, 0.28, (0.1, 0.1, 0.14)),  # shoulders
    (0.5, 0.4, 0.27, 0.33, (0.12, 0.07, 0.05)),  # hair
    (0.5, 0.47, 0.21, 0.27, (0.9, 0.74, 0.64)),  # face
    (0.42, 0.43, 0.045, 0.03, (0.97, 0.97, 0.97)),  # eyes
    (0.58, 0.43, 0.045, 0.03, (0.97, 0.97, 0.97)),
    (0.42, 0.43, 0.02, 0.025, (0.1, 0.2, 0.15)),
    (0.58, 0.43, 0.02, 0.025, (0.1, 0.2, 0.15)),
    (0.5, 0.6, 0.07, 0.025, (0.75, 0.25, 0.25)),  # mouth
)


def probe(encode: Callable[[Tensor], Tensor], decode: Callable[[Tensor], Tensor]) -> Probe:
    """Runs the host's `encode` (images -> latents) and the candidate's `decode` (latents -> images) once.

    Images are [1,3,H,W] in 0..1. What the two raise is passed on.
    """
    source = picture()
    with torch.no_grad():
        found = decode(encode(source)).detach().float().cpu()
    if found.shape != source.shape:
        raise ValueError(f"the decoder gave {list(found.shape)} for {list(source.shape)}")
    flat_error = _error(source, source.mean((2, 3), keepdim=True))
    if not bool(torch.isfinite(found).all()):
        return Probe(source, torch.nan_to_num(found).clamp(0, 1), 0.0, _psnr(flat_error), (0.0, 0.0, 0.0), False)
    slopes = _slopes(found, source)
    fitted = (found - found.mean((2, 3), keepdim=True)) * slopes.view(1, 3, 1, 1) + source.mean((2, 3), keepdim=True)
    red, green, blue = slopes.tolist()
    return Probe(source, found, _psnr(_error(source, fitted)), _psnr(flat_error), (red, green, blue), True)


def _slopes(found: Tensor, source: Tensor) -> Tensor:
    """Least squares per channel, held within SLOPES: a small or negative slope would make any picture a flat colour."""
    ours, theirs = (image - image.mean((2, 3), keepdim=True) for image in (found, source))
    slopes = (ours * theirs).sum((0, 2, 3)) / (ours * ours).sum((0, 2, 3)).clamp_min(1e-12)
    return slopes.clamp(*SLOPES)


def _error(one: Tensor, other: Tensor) -> float:
    return float((one - other).square().mean())


def _psnr(error: float) -> float:
    return -10.0 * math.log10(max(error, 1e-10))
