"""A second opinion without learning: median colours at places found from the eyes, named by the nearest colour word."""

from __future__ import annotations

import torch
from torch import Tensor

from ..portraits import words
from . import views

EYE_DISTANCE = 0.69  # in head units (half a face height)
# Places in head units, right and down from the middle between the eyes.
SKIN = ((-0.34, 0.36), (0.34, 0.36), (0.0, 0.22))
HAIR = ((0.0, -0.84), (-0.25, -0.8), (0.25, -0.8))
TABLES = {
    "hair colour": words.HAIR,
    "background": words.SURFACES,
    "shirt": words.SURFACES,
    "skin": words.SKIN,
    "eyes": words.EYES,
}
SKIN_SHADE = 1.13  # lit skin is this much darker than its word's colour, by the renders
LIGHTNESS = 0.5  # weight of lightness against hue and chroma: shade changes it most


def to_lab(rgb: Tensor) -> Tensor:
    """sRGB [..., 3] in 0..1 -> CIE Lab (D65)."""
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    matrix = torch.tensor([[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0178, 0.1095, 0.8727]])
    xyz = linear @ matrix.T
    f = torch.where(xyz > 0.008856, xyz.clamp_min(1e-8) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def name_of(rgb: Tensor, table: dict[str, tuple[int, int, int]]) -> str:
    """The word of `table` whose colour is nearest to rgb [3] in 0..1."""
    weights = torch.tensor([LIGHTNESS, 1.0, 1.0])
    known = to_lab(torch.tensor(list(table.values())) / 255.0)
    return list(table)[int(((known - to_lab(rgb)) * weights).norm(dim=1).argmin())]


def _patches(picture: Tensor, points: Tensor, reach: int = 2) -> Tensor:
    """Pixels [n,3] of small squares around points [k,2] in pixels."""
    side = picture.shape[-1]
    parts = []
    for x, y in points.round().long().clamp(reach, side - 1 - reach).tolist():
        parts.append(picture[:, y - reach : y + reach + 1, x - reach : x + reach + 1].flatten(1))
    return torch.cat(parts, dim=1).T


def _at(eyes: Tensor, places: tuple[tuple[float, float], ...]) -> Tensor:
    """Pixels [k,2] of places in head units; eyes [2,2] in pixels."""
    along = (eyes[1] - eyes[0]) / EYE_DISTANCE
    down = torch.stack([-along[1], along[0]])
    return torch.stack([eyes.mean(0) + u * along + v * down for u, v in places])


def _eye_colour(strip: Tensor) -> Tensor:
    """Median of the irises in the eyes' view [3,32,64]: neither pupil nor catchlight, and the more colourful half of
    the rest, which leaves the whites out."""
    pixels = torch.cat([strip[:, 13:19, 13:19].flatten(1), strip[:, 13:19, 45:51].flatten(1)], 1).T
    brightness = pixels.mean(1)
    pixels = pixels[(brightness > brightness.quantile(0.35)) & (brightness < brightness.quantile(0.85))]
    chroma = pixels.amax(1) - pixels.amin(1)
    return pixels[chroma >= chroma.median()].median(0).values


def read(picture: Tensor, eyes: Tensor) -> dict[str, str]:
    """Five colours of a close-up [3,H,W] uint8; eyes [2,2] as x, y in shares of the sides."""
    small = views.resize(picture[None])
    x, points, side = small[0], eyes * views.SIDE, views.SIDE
    corners = torch.cat([x[:, : side // 3, :8].flatten(1), x[:, : side // 3, -8:].flatten(1)], 1).T
    across = eyes.mean(0)[0] * side
    bottom = torch.tensor([[float(across) + s * 0.22 * side, side - 4.0] for s in (-1.2, -0.8, 0.8, 1.2)])
    colours = {
        "hair colour": _patches(x, _at(points, HAIR)).median(0).values,
        "background": corners.median(0).values,
        "shirt": _patches(x, bottom).median(0).values,
        "skin": (_patches(x, _at(points, SKIN)).median(0).values * SKIN_SHADE).clamp(max=1.0),
        "eyes": _eye_colour(views.eye_strips(small, eyes[None])[0]),
    }
    return {name: name_of(rgb, TABLES[name]) for name, rgb in colours.items()}
