"""Finds faces. This detector measures; the extension has its own, so that neither can flatter the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from .centerface import CenterFace

WEIGHTS = Path(__file__).with_name("centerface.safetensors")
CELL = 4  # picture pixels to a cell of the maps


@dataclass(frozen=True)
class Face:
    """In pixels of the picture: box (left, top, right, bottom), score 0..1, five landmarks [5,2] as x, y.

    The landmarks are the eye on the picture's left, the eye on its right, nose, and the corners of the mouth.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: Tensor


@cache
def network() -> CenterFace:
    """The detector with its weights, in float32."""
    net = CenterFace()
    state = {key: value.float() for key, value in load_file(WEIGHTS).items()}
    counters = {key: value for key, value in net.state_dict().items() if key.endswith("num_batches_tracked")}
    net.load_state_dict(state | counters)
    return net.eval().requires_grad_(False)


def suppress(boxes: Tensor, scores: Tensor, overlap: float = 0.3) -> Tensor:
    """Indices of the boxes [n,4] to keep, best first: those that no better box overlaps by more than `overlap`."""
    order, keep = scores.argsort(descending=True), []
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    while len(order):
        best = order[0]
        keep.append(best)
        low, high = torch.maximum(boxes[best, :2], boxes[order, :2]), torch.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = (high - low).clamp(min=0).prod(1)
        order = order[shared / (areas[best] + areas[order] - shared + 1e-9) <= overlap]
    return torch.stack(keep) if keep else order


@torch.no_grad()
def detect(picture: Tensor, threshold: float = 0.35, max_side: int = 1280) -> list[Face]:
    """Faces in a picture [3,H,W] uint8 RGB, best first. Larger pictures are looked at in `max_side` pixels."""
    if picture.ndim != 3 or picture.shape[0] != 3:
        raise ValueError(f"detect wants one picture [3,H,W], got {list(picture.shape)}")
    height, width = picture.shape[1:]
    shrink = min(1.0, max_side / max(height, width))
    h, w = (max(32, math.ceil(side * shrink / 32) * 32) for side in (height, width))
    x = F.interpolate(picture[None].float(), size=(h, w), mode="bilinear", antialias=True, align_corners=False)
    scores, sizes, offsets, marks = (maps[0] for maps in network()(x))
    rows, columns = torch.where(scores[0] > threshold)
    found = scores[0, rows, columns]
    box_h, box_w = sizes[:, rows, columns].exp() * CELL
    off_y, off_x = offsets[:, rows, columns]
    left = ((columns + off_x + 0.5) * CELL - box_w / 2).clamp(0, w)
    top = ((rows + off_y + 0.5) * CELL - box_h / 2).clamp(0, h)
    boxes = torch.stack([left, top, (left + box_w).clamp(max=w), (top + box_h).clamp(max=h)], 1)
    shares = marks[:, rows, columns]
    points = torch.stack([shares[1::2] * box_w + left, shares[0::2] * box_h + top], -1).transpose(0, 1)
    scale = torch.tensor([width / w, height / h])
    return [
        Face(tuple((boxes[i] * scale.repeat(2)).tolist()), float(found[i]), points[i] * scale)  # type: ignore[arg-type]
        for i in suppress(boxes, found).tolist()
    ]


def central_face(picture: Tensor, reach: float = 0.2) -> Face | None:
    """The best face whose centre lies within `reach` of the picture's sides from its middle and that fills a
    fifth of the width or more, as the face of a close-up must; None when there is none."""
    height, width = picture.shape[1:]
    for face in detect(picture):
        left, top, right, bottom = face.box
        off_x, off_y = (left + right) / 2 / width - 0.5, (top + bottom) / 2 / height - 0.5
        if max(abs(off_x), abs(off_y)) <= reach and right - left >= width / 5:
            return face
    return None
