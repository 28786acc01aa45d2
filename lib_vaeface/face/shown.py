"""Pictures about the faces of a picture, for people: before, numbered overlay, mask, and crops before and after."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from .job import Record, Result, View
from .overlay import overlay
from .protocol import Face

NOTHING, EVERYTHING = "nothing", "everything"
KINDS = ("before", "overlay", "masks", "crops")
WANTED = (NOTHING, *KINDS, EVERYTHING)
Shown = tuple[str, Image.Image]


def shown(wanted: str, before: Sequence[Tensor], done: Result) -> list[list[Shown]]:
    """(kind, picture) in the order of KINDS, for each picture in which a face was found.

    wanted: one of WANTED. before: [3,H,W] in 0..1 each, as `improve` got them.
    """
    kinds = KINDS if wanted == EVERYTHING else (wanted,)
    return [
        [made for kind in kinds for made in _made(kind, number, before[number], done)] if done.records[number] else []
        for number in range(len(before))
    ]


def _made(kind: str, number: int, before: Tensor, done: Result) -> list[Shown]:
    if kind == "before":
        return [(kind, to_image(before))]
    if kind == "overlay":
        faces = [_face(record) for record in done.records[number] if record["pass"] == 1]
        return [(kind, overlay(to_image(before), faces))]
    if kind == "masks":
        return [(kind, to_image(done.masks[number][None]))]
    views = [view for view in done.views if view.picture == number]
    return [(f"crop-{view.step + 1}-{view.number + 1}", _pair(view)) for view in views]


def _face(record: Record) -> Face:
    left, top, right, bottom = record["box"]
    return Face((left, top, right, bottom), record["score"])


def _pair(view: View) -> Image.Image:
    """Before and after, side by side."""
    return to_image(torch.cat((view.before, view.after), dim=2))


def to_image(picture: Tensor) -> Image.Image:
    """[3,H,W] or [1,H,W] in 0..1 -> an RGB picture of 8 bits, rounded."""
    values = (picture.detach().float().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    return Image.fromarray(values.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy())
