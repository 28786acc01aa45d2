"""What is measured between two pictures, and of one. Pictures are [B,3,H,W] or [3,H,W], fp32, 0..1.

    mse, psnr        10 log10(1 / mean square error), in dB; infinite for equal pictures
    ssim_map         Wang, Bovik, Sheikh, Simoncelli 2004: Gaussian window of 11 pixels, sigma 1.5, per colour channel
    colour_shift     mean of a picture minus that of another, per channel, in levels of 0..255
    detail           root mean square of what a Gaussian blur (sigma 1.5) takes from the luma, in levels of 0..255

Maps are per pixel, so that a part of a picture is measured with what surrounds it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

SIGMA, RADIUS = 1.5, 5  # of SSIM's window; a Gaussian cut off at 3.5 sigma
C1, C2 = 0.01**2, 0.03**2
LUMA = (0.299, 0.587, 0.114)  # Rec. 601
LEVELS = 255.0
PIECE = 2**17  # pixels that are blurred at once: a processor's caches hold that many
BoxOf = tuple[float, float, float, float]


def mse(one: Tensor, other: Tensor, inside: Tensor | None = None) -> float:
    """Mean square error; inside: bool [H,W], the pixels that count."""
    return mean((one.float() - other.float()).square(), inside)


def psnr(error: float) -> float:
    """dB of a mean square error of pictures in 0..1."""
    return math.inf if error == 0 else -10.0 * math.log10(error)


def ssim(one: Tensor, other: Tensor) -> float:
    """The mean of `ssim_map` where the window lies inside the picture. Sides must be above 10 pixels."""
    return float(ssim_map(one, other)[..., RADIUS:-RADIUS, RADIUS:-RADIUS].mean())


def ssim_map(one: Tensor, other: Tensor) -> Tensor:
    """Structural similarity of every pixel and channel, shaped as the pictures; 1 where they are equal."""
    return likeness(windows(one), windows(other)).to(one.dtype)


@dataclass(frozen=True)
class Windows:
    """A picture, and the mean and variance in SSIM's window around each of its pixels; all fp64, shaped as it is."""

    picture: Tensor
    mean: Tensor
    variance: Tensor


def windows(picture: Tensor) -> Windows:
    """What `likeness` needs of a picture; made once for one that many are compared with."""
    _at_least(picture, 2 * RADIUS + 1)
    # Sums are of products near 1 whose differences are near 1e-4: single precision would show.
    x = picture.double()
    around = blur(x)
    return Windows(x, around, blur(x * x).addcmul_(around, around, value=-1))


def likeness(one: Windows, other: Windows) -> Tensor:
    """`ssim_map` in fp64."""
    means = one.mean * other.mean
    both = blur(one.picture * other.picture).sub_(means)
    above = means.mul_(2).add_(C1).mul_(both.mul_(2).add_(C2))
    below = (one.mean * one.mean).addcmul_(other.mean, other.mean).add_(C1)
    return above.div_(below.mul_((one.variance + other.variance).add_(C2)))


def colour_shift(one: Tensor, other: Tensor, inside: Tensor | None = None) -> tuple[float, float, float]:
    """Mean of `one` minus mean of `other`, red, green and blue, in levels of 0..255."""
    difference = (one.float() - other.float()) * LEVELS
    red, green, blue = (mean(difference[..., channel, :, :], inside) for channel in range(3))
    return red, green, blue


def detail(picture: Tensor, inside: Tensor | None = None) -> float:
    """Fine detail and noise alike, in levels of 0..255: 0 for a flat picture. Says how much there is, not how good."""
    return math.sqrt(mean(detail_map(picture), inside))


def detail_map(picture: Tensor) -> Tensor:
    """The square of what a blur takes from the luma, in squared levels of 0..255: [...,H,W]."""
    weights = torch.tensor(LUMA, device=picture.device).view(3, 1, 1)
    luma = (picture.float() * weights).sum(-3, keepdim=True) * LEVELS
    return (luma - blur(luma)).square().squeeze(-3)


def blur(picture: Tensor, sigma: float = SIGMA, radius: int = RADIUS) -> Tensor:
    """Gaussian blur of [...,H,W]; at the edges the outermost pixel goes on."""
    window = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(radius + 1)]
    total = 2 * sum(window) - window[0]
    weights = [weight / total for weight in window]
    planes = picture.reshape(-1, *picture.shape[-2:])
    height, rows = picture.shape[-2], max(1, PIECE // picture.shape[-1])
    blurred = torch.empty_like(planes)
    for number, top in product(range(len(planes)), range(0, height, rows)):
        above = min(top, radius)
        piece = planes[number, top - above : top + rows + radius]
        done = _weighted(_weighted(piece, -1, weights), -2, weights)
        blurred[number, top : top + rows] = done[above : above + rows]
    return blurred.view(picture.shape)


def _weighted(picture: Tensor, axis: int, weights: Sequence[float]) -> Tensor:
    """Each pixel's neighbours on one axis, summed. weights: of the pixel itself and of those 1, 2, ... away.

    Sums of shifted pictures: a convolution in double precision takes several times as long.
    """
    length, radius = picture.shape[axis], len(weights) - 1
    sides = list(picture.shape)
    sides[axis] = radius
    first, last = (picture.narrow(axis, at, 1).expand(sides) for at in (0, length - 1))
    wide = torch.cat([first, picture, last], axis)
    found = wide.narrow(axis, radius, length) * weights[0]
    both = torch.empty_like(found)
    for away, weight in enumerate(weights[1:], 1):
        torch.add(wide.narrow(axis, radius - away, length), wide.narrow(axis, radius + away, length), out=both)
        found.add_(both, alpha=weight)
    return found


def inside_of(boxes: Sequence[BoxOf], height: int, width: int) -> Tensor:
    """bool [H,W]: the pixels whose centres lie in one of the boxes (left, top, right, bottom in pixels)."""
    inside = torch.zeros(height, width, dtype=torch.bool)
    for box in boxes:
        left, top, right, bottom = (max(0, math.ceil(edge - 0.5)) for edge in box)
        inside[top:bottom, left:right] = True
    return inside


def mean(values: Tensor, inside: Tensor | None = None) -> float:
    """In fp64. inside: bool [H,W], the pixels that count; NaN where none does."""
    chosen = values if inside is None else values[..., inside.to(values.device)]
    return float(chosen.double().mean()) if chosen.numel() else math.nan


def _at_least(picture: Tensor, side: int) -> None:
    if min(picture.shape[-2:]) < side:
        raise ValueError(f"a picture of {picture.shape[-1]}x{picture.shape[-2]} pixels; sides of {side} are the least")
