"""sRGB and CIE Lab in torch; and Gaussian filters, which match tones between two pictures of one place."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# IEC 61966-2-1, linear sRGB to XYZ, each row divided by the white point D65
TO_XYZ = torch.tensor(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
) / torch.tensor([[0.950456], [1.0], [1.088754]])
FROM_XYZ = torch.linalg.inv(TO_XYZ)
BEND = 6 / 29  # below its cube Lab is linear


def to_lab(rgb: Tensor) -> Tensor:
    """[3,...] sRGB in 0..1 -> L 0..100, a and b (CIE 1976)."""
    linear = torch.where(rgb > 0.04045, ((rgb.clamp(min=0.04) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = torch.tensordot(TO_XYZ.to(rgb), linear, dims=1)
    x, y, z = torch.where(xyz > BEND**3, xyz.clamp(min=1e-6) ** (1 / 3), xyz / (3 * BEND**2) + 4 / 29)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def to_rgb(lab: Tensor) -> Tensor:
    """The way back. Not clamped: colours that sRGB does not have come out below 0 or above 1."""
    y = (lab[0] + 16) / 116
    f = torch.stack([y + lab[1] / 500, y, y - lab[2] / 200])
    xyz = torch.where(f > BEND, f**3, 3 * BEND**2 * (f - 4 / 29))
    linear = torch.tensordot(FROM_XYZ.to(lab), xyz, dims=1)
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=0.003) ** (1 / 2.4) - 0.055, 12.92 * linear)


def gaussian(x: Tensor, sigma: float, zeros: bool = False) -> Tensor:
    """[C,H,W] low-passed. Beyond the edge lies the edge's value, or nothing with `zeros`. sigma in pixels."""
    reach = max(1, round(3 * sigma))
    taps = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    taps = torch.exp(-0.5 * (taps / max(sigma, 1e-3)) ** 2)
    taps = taps / taps.sum()
    mode = "constant" if zeros else "replicate"
    x = F.pad(x[:, None], (reach, reach, reach, reach), mode=mode)
    return F.conv2d(F.conv2d(x, taps[None, None, None]), taps[None, None, :, None])[:, 0]
