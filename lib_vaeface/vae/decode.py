"""Faces of a picture out of a VAE that need not be the picture's own: exactly, or cheaply and labelled so.

From the VAE that decoded the picture, regions are exact and cheap (`regions`). Another VAE has other statistics, which
only a pass of its own over the whole picture gives. Where that may be approximate, `decode_faces` can instead run the
other VAE's first stage whole (its statistics are exact) and estimate later statistics at the faces alone:

    whole picture, other VAE  =  whole picture, own VAE  *  faces, other VAE  /  faces, own VAE

(means: differences in place of ratios), since both VAEs saw the same faces. docs/decoding.md has the measured error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .budget import norms_within
from .codec import Autoencoder
from .crops import Box, Crop, crop, crop_macs
from .execute import Norms, Statistics, measure, run
from .precision import is_finite
from .program import Norm
from .regions import FIRST_STAGE, Memory, cut_position, pooled

CONTEXT = 4  # latent pixels around a face that its statistics are measured on


@dataclass(frozen=True)
class Own:
    """The VAE that decoded the picture, and what it kept of it (with the cut FIRST_STAGE)."""

    codec: Autoencoder
    memory: Memory


@dataclass(frozen=True)
class Faces:
    """images: of every box, [1,3,height,width] in 0..1. exact: equal to the crops of a full decode with this VAE.

    note: how they were made, for people. macs: multiply-adds that it took.
    """

    images: list[Tensor]
    exact: bool
    note: str
    macs: int


@torch.no_grad()
def decode_faces(
    codec: Autoencoder, latent: Tensor, boxes: Sequence[tuple[int, int, int, int]], own: Own, exact: bool = True
) -> Faces:
    """The pixels of `boxes` (left, top, right, bottom; inside the picture) as `codec` decodes them.

    latent: the picture's, [1,C,h,w]. exact: False allows the estimate, which is taken where it is cheaper than a full
    pass and comes out finite.
    """
    if codec is own.codec:
        images = [codec.decode_region(latent, box, [own.memory]) for box in boxes]
        return Faces(images, True, "exact: statistics of the picture", _regions_macs(codec, own.memory.size, boxes))
    full, estimate = _full_macs(codec, own.memory.size), _estimate_macs(codec, own.memory.size, boxes)
    if not exact and estimate < full and _same_shape(codec, own.codec):
        found = _estimated(codec, latent, boxes, own)
        if found:
            return Faces(found, False, "approximate: statistics estimated at the faces", estimate)
    picture = codec.decode(latent)
    return Faces([crop(picture, Box(*box)) for box in boxes], True, "exact: a full pass of this VAE", full)


def _estimated(
    codec: Autoencoder, latent: Tensor, boxes: Sequence[tuple[int, int, int, int]], own: Own
) -> list[Tensor] | None:
    """The faces with estimated statistics; None where they are not finite."""
    program, size = codec.decoder, own.memory.size
    start, end = cut_position(program, FIRST_STAGE), len(program.ops)
    net, donor = codec.net(codec.dtype), own.codec.net(own.memory.dtype)
    _, raw = next(codec.raws(latent))
    norms = Norms()
    state = run(net, program, (raw.to(net.dtype),), 0, start, norms)
    windows = [Box(*box).latent(codec.architecture.downscale).grown(CONTEXT) for box in boxes]
    windows = [window.meet(Box(0, 0, size[1], size[0])) for window in windows]
    theirs = [Crop(net, program, state, start, end, window, size) for window in windows]
    ours = [Crop(donor, program, (own.memory.features[FIRST_STAGE],), start, end, window, size) for window in windows]
    for position in norms_within(program, start, end):
        here = _at_faces(theirs, position, norms)
        there = _at_faces(ours, position, own.memory.norms)
        whole = own.memory.norms.known[position]
        mean = whole.mean + here.mean - there.mean
        norms.known[position] = Statistics(mean, whole.variance * here.variance / there.variance)
    images = [part.advance(end, norms)[0] for part in theirs]
    if not all(map(is_finite, images)):
        return None
    factor = codec.architecture.downscale
    pairs = zip(images, boxes, windows, strict=True)
    return [codec.to_image(crop(x, Box(*box).within(window.times(factor)))) for x, box, window in pairs]


def _at_faces(crops: list[Crop], position: int, norms: Norms) -> Statistics:
    parts = []
    for part in crops:
        x, op = part.advance(position, norms)[0], part.program.ops[position]
        assert isinstance(op, Norm)
        parts.append((x.shape[2] * x.shape[3], measure(x, op.groups)))
    return pooled(parts)


def _same_shape(codec: Autoencoder, other: Autoencoder) -> bool:
    """Whether statistics of one belong to norms of the other, and both see the same latent."""
    return codec.decoder == other.decoder and codec.scaling.packed == other.scaling.packed


def _full_macs(codec: Autoencoder, size: tuple[int, int]) -> int:
    return codec.decoder.macs(0, len(codec.decoder.ops), *size)


def _regions_macs(codec: Autoencoder, size: tuple[int, int], boxes: Sequence[tuple[int, int, int, int]]) -> int:
    start, factor = cut_position(codec.decoder, FIRST_STAGE), codec.architecture.downscale
    return sum(crop_macs(codec.decoder, start, Box(*box).latent(factor), size) for box in boxes)


def _estimate_macs(codec: Autoencoder, size: tuple[int, int], boxes: Sequence[tuple[int, int, int, int]]) -> int:
    """The first stage whole, and the faces with both VAEs."""
    start, factor = cut_position(codec.decoder, FIRST_STAGE), codec.architecture.downscale
    windows = [Box(*box).latent(factor).grown(CONTEXT) for box in boxes]
    return codec.decoder.macs(0, start, *size) + 2 * sum(
        crop_macs(codec.decoder, start, window, size) for window in windows
    )
