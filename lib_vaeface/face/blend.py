"""Puts a new face into its picture so that no edge and no step of tone is seen.

What surrounds a face is right as it is; a face from another decode or another sampling is off by a tone. On a ring
around the outline both show the same skin, so the difference there is the error: a gain and an offset per Lab channel,
and what is left of it as a smooth field that is carried inwards. Then a soft-edged paste in float. docs/faces.md has
the measure of seams and what this and other ways reach.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .colour import gaussian, to_lab, to_rgb
from .outline import FEATHER, Outline, outline, soft
from .protocol import Face

RING = 0.18  # reach of the ring to both sides of the outline, in heights of the face
FINE = 0.02  # sigma below which differences are detail, not tone
GAIN = (0.8, 1.25)
FIELD = ((0.06, 1.0), (0.15, 0.1), (0.4, 0.01))  # sigma in heights and weight: near the ring exact, inside smooth
FIELD_HEIGHT = 96  # the field is smooth: it is computed with the face at most this high
CUT_OFF = 0.002  # black and white were cut off at the end of the range: their tone tells nothing
FEW = 16  # fewer pixels of ring than this tell nothing


@torch.no_grad()
def blend(
    picture: Tensor,
    new: Tensor,
    box: tuple[int, int, int, int],
    face: Face,
    tone: float = 1.0,
    opacity: float = 1.0,
    feather: float = FEATHER,
    mask: Tensor | None = None,
) -> Tensor:
    """A copy of the picture, [3,H,W] in 0..1, with the face taken from `new`.

    new: [3,h,w] in 0..1, what belongs into `box` (left, top, right, bottom; inside the picture); with a margin around
    the face, see `regions`, or the ring finds nothing to compare. tone: how much of the difference of tone to the
    surround is taken away, 0..1; a wanted change goes with it. opacity: 0 is the picture as it was. feather: width of
    the soft edge in heights of the face. mask: [h,w] in 0..1 in place of the face's outline.

    The picture outside the soft edge stays bit for bit, and so does all of it where `new` shows the same. Values of
    `new` that are no numbers are not taken. ValueError: sizes that do not belong together.
    """
    left, top, right, bottom = _fitting(picture, new, box, mask)
    old = picture[:, top:bottom, left:right].float()
    shape = outline(face)
    new = new.to(old)
    new = torch.where(torch.isfinite(new), new, old)
    distance = shape.distance(bottom - top, right - left, left, top, old.device)
    alpha = soft(distance, feather * shape.height) if mask is None else mask.to(old).clamp(0, 1)
    alpha = alpha * min(max(opacity, 0.0), 1.0)
    if tone > 0:
        new = match_tone(old, new, distance, shape, min(tone, 1.0))
    result = picture.clone()
    result[:, top:bottom, left:right] = torch.where(alpha > 0, old + alpha * (new - old), old)
    return result


@torch.no_grad()
def match_tone(old: Tensor, new: Tensor, distance: Tensor, shape: Outline, strength: float = 1.0) -> Tensor:
    """`new` in the tones of `old`, both [3,h,w] in 0..1, compared on the ring around the outline.

    distance: signed pixels to the outline, [h,w]. Equal pictures give `new`, bit for bit.
    """
    reach = max(RING * shape.height, 1.0)
    whole = ((old > CUT_OFF) & (old < 1 - CUT_OFF) & (new > CUT_OFF) & (new < 1 - CUT_OFF)).all(0)
    ring = (distance.abs() < reach) & whole
    if int(ring.sum()) < FEW:
        return new
    there, here = to_lab(old), to_lab(new)
    matched = _affine(there, here, ring, FINE * shape.height)
    weight = soft(distance.abs() - reach, reach / 2)
    matched = matched + _field((there - matched) * weight, weight, shape.height)
    return (new + strength * (to_rgb(matched) - to_rgb(here))).clamp(0, 1)


def _affine(there: Tensor, here: Tensor, ring: Tensor, fine: float) -> Tensor:
    """A gain and a plane per channel so that mean, slope and spread on the ring agree; of low-passed pictures, since
    new detail is not contrast. Slopes are taken out before spreads are compared, since other light is not contrast."""
    where = _coordinates(ring)
    inside = where[:, ring]
    wanted, given = (gaussian(lab, fine)[:, ring] for lab in (there, here))
    planes = [_plane(inside, part) for part in (wanted, given)]
    spread = [
        (part - plane @ inside).std(1, correction=0) + 1e-3 for part, plane in zip((wanted, given), planes, strict=True)
    ]
    gain = (spread[0] / spread[1]).clamp(*GAIN)[:, None, None]
    level, offset = (torch.einsum("cn,nhw->chw", part, where) for part in (planes[1], planes[0] - planes[1]))
    return here + (here - level) * (gain - 1) + offset


def _coordinates(ring: Tensor) -> Tensor:
    """1, x and y of every pixel, the latter in -1..1: [3,h,w]."""
    height, width = ring.shape
    y = torch.linspace(-1, 1, height, device=ring.device)[:, None].expand(height, width)
    x = torch.linspace(-1, 1, width, device=ring.device)[None].expand(height, width)
    return torch.stack([torch.ones_like(x), x, y])


def _plane(where: Tensor, values: Tensor) -> Tensor:
    """Least squares of values [C,n] over coordinates [3,n], as [C,3]; nearly none of a slope where n lie on a line."""
    square, mixed = (where @ where.T).double().cpu(), (where @ values.T).double().cpu()
    damping = 1e-4 * where.shape[1] * torch.diag(torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64))
    found: Tensor = torch.linalg.solve(square + damping, mixed).to(where)  # not every device has a solver
    return found.T


def _field(difference: Tensor, ring: Tensor, height: float) -> Tensor:
    """The smooth field that equals the difference on the ring: normalised convolution (Knutsson and Westin 1993)."""
    size = difference.shape[1:]
    both = torch.cat([difference, ring[None]])
    scale = min(1.0, FIELD_HEIGHT / height)
    if scale < 1:
        small = [max(1, round(side * scale)) for side in size]
        both = F.interpolate(both[None], size=small, mode="area")[0]
    parts = [weight * gaussian(both, sigma * height * scale, zeros=True) for sigma, weight in FIELD]
    total = torch.stack(parts).sum(0)
    field = total[:3] / total[3:].clamp(min=1e-6)
    return F.interpolate(field[None], size=size, mode="bicubic", align_corners=False)[0] if scale < 1 else field


def _fitting(picture: Tensor, new: Tensor, box: Sequence[int], mask: Tensor | None) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    if picture.ndim != 3 or picture.shape[0] != 3:
        raise ValueError(f"a picture of shape {list(picture.shape)}; blending takes [3,H,W]")
    if not (0 <= left < right <= picture.shape[2] and 0 <= top < bottom <= picture.shape[1]):
        raise ValueError(f"box {tuple(box)} is not inside the picture of {picture.shape[2]}x{picture.shape[1]} pixels")
    if new.shape != (3, bottom - top, right - left):
        raise ValueError(f"a new face of shape {list(new.shape)} for a box of {right - left}x{bottom - top} pixels")
    if mask is not None and mask.shape != new.shape[1:]:
        raise ValueError(f"a mask of shape {list(mask.shape)} for a box of {right - left}x{bottom - top} pixels")
    return left, top, right, bottom
