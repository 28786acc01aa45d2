"""The two views a judge sees of a close-up: all of it, small, and the eyes, levelled and enlarged."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from . import detector

SIDE = 128  # pictures are looked at in this size
STRIP = (32, 64)  # height and width of the eyes' view, which is twice the distance of the eyes wide
USUAL_EYES = ((0.392, 0.49), (0.608, 0.49))  # where a close-up has them, as shares of the sides


def resize(pictures: Tensor) -> Tensor:
    """[B,3,H,W] uint8 -> [B,3,128,128] in 0..1. Wider pictures lose their left and right margins."""
    height, width = pictures.shape[-2:]
    margin = max(0, (width - height) // 2)
    square = pictures[..., margin : width - margin].float() / 255.0
    return F.interpolate(square, size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)


def find_eyes(picture: Tensor) -> Tensor:
    """Eyes [2,2] (left, right; x, y as shares of the sides) of a square picture [3,H,W] uint8, by the detector;
    where a close-up usually has them if no face is found."""
    face = detector.central_face(picture)
    if face is None:
        return torch.tensor(USUAL_EYES)
    return face.landmarks[:2] / torch.tensor([picture.shape[2], picture.shape[1]])


def eye_strips(pictures: Tensor, eyes: Tensor) -> Tensor:
    """The eyes' view [B,3,32,64] of square pictures [B,3,S,S]; eyes [B,2,2] as shares of the sides."""
    middle, along = eyes.mean(1), eyes[:, 1] - eyes[:, 0]
    down = torch.stack([-along[:, 1], along[:, 0]], 1) * (STRIP[0] / STRIP[1])
    # grid_sample counts in -1..1 over the picture: twice the shares, less one.
    theta = torch.stack([2 * along, 2 * down, 2 * middle - 1], 2)
    grid = F.affine_grid(theta, [len(pictures), 3, *STRIP], align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def whole(pictures: Tensor) -> Tensor:
    """The view of everything: [B,3,128,128] -> [B,3,64,64]."""
    return F.avg_pool2d(pictures, 2)
