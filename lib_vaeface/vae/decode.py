"""Faces of a picture out of a VAE that need not be the picture's own: exactly, or cheaply and labelled so.

From the VAE that decoded the picture, regions are exact and cheap (`regions`). Another VAE has other statistics, which
only a pass of its own over the whole picture gives. Where that may be approximate, `decode_faces` can instead run the
other VAE's first stage whole (its statistics are exact) and estimate later statistics at the faces alone:

    whole picture, other VAE  =  whole picture, own VAE  *  faces, other VAE  /  faces, own VAE

(means: differences in place of ratios), since both VAEs saw the same faces. docs/decoding.md has the measured error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .budget import Job, TooFewBytes, norms_within
from .codec import Autoencoder
from .crops import Box, Crop, crop, crop_macs
from .execute import Norms, Statistics, measure, run
from .precision import NAMES, is_finite
from .program import Norm
from .regions import FIRST_STAGE, Memory, cut_position, pooled

__all__ = [
    "Autoencoder", "Faces", "Own", "cheap_faces", "decode_faces", "decode_with_room", "encode_with_room",
    "out_of_memory", "same_weights",
]  # fmt: skip

FULL = "exact: a full pass of this VAE"
ON_CPU = ", in tiles on the CPU"
SHARES = (1 / 2, 1 / 4, 1 / 8)  # of a whole pass's bytes, tried one after the other where memory is short
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

    latent: the picture's, [1,C,h,w]. exact: False allows what `cheap_faces` may only estimate.
    """
    cheap = cheap_faces(codec, latent, boxes, own, exact)
    if cheap is not None:
        return cheap
    picture = codec.decode(latent)
    return Faces([crop(picture, Box(*box)) for box in boxes], True, FULL, _full_macs(codec, own.memory.size))


@torch.no_grad()
def cheap_faces(
    codec: Autoencoder, latent: Tensor, boxes: Sequence[tuple[int, int, int, int]], own: Own, exact: bool = True
) -> Faces | None:
    """`decode_faces` where it does not take a full pass of `codec`, else None.

    exact: False allows an estimate, which is taken where it is cheaper than a full pass and comes out finite: for the
    picture's own VAE in a higher precision the statistics of its pass, for another one those of the faces.
    """
    precise = own.memory.dtype == codec.dtype or codec is own.codec
    if (precise or not exact) and same_weights(codec, own.codec):
        images = [codec.decode_region(latent, box, [own.memory]) for box in boxes]
        note = "exact: statistics of the picture" if precise else f"approximate: statistics of a pass in {_name(own)}"
        return Faces(images, precise, note, _regions_macs(codec, own.memory.size, boxes))
    full, estimate = _full_macs(codec, own.memory.size), _estimate_macs(codec, own.memory.size, boxes)
    if exact or estimate >= full or not _same_shape(codec, own.codec):
        return None
    found = _estimated(codec, latent, boxes, own)
    return Faces(found, False, "approximate: statistics estimated at the faces", estimate) if found else None


@torch.no_grad()
def decode_with_room(codec: Autoencoder, latent: Tensor) -> tuple[Tensor, str]:
    """The whole picture [1,3,H,W] of a latent [1,C,h,w] in the memory that there is, and how, for people.

    Where all at once does not fit: in tiles, the largest that fit, then on the CPU. All are the exact picture, up to
    the rounding of sums. Out of memory even so: the allocator's error.
    """
    raw = next(codec.raws(latent))[1]
    job = Job(codec.decoder, (raw.shape[2], raw.shape[3]), codec.dtype.itemsize)
    image, how = _with_room(codec, job, lambda by, room: by.decode_tiled(latent, room) if room else by.decode(latent))
    return image, FULL + how


@torch.no_grad()
def encode_with_room(codec: Autoencoder, image: Tensor) -> Tensor:
    """The latent of a picture [1,3,H,W], whose sides are multiples of the codec's downscale, as `decode_with_room`."""
    factor = codec.architecture.downscale
    job = Job(codec.encoder, (image.shape[2] // factor, image.shape[3] // factor), codec.dtype.itemsize)
    return _with_room(codec, job, lambda by, room: by.encode(image, max_bytes=room or None))[0]


def _with_room(codec: Autoencoder, job: Job, run: Callable[[Autoencoder, int], Tensor]) -> tuple[Tensor, str]:
    """The first that succeeds, and how. run: with a codec, within a number of bytes (0: any)."""
    cpu = torch.device("cpu")
    slow = replace(codec, device=cpu, scaling=codec.scaling.to(cpu), nets={}).in_precision(torch.float32)
    bytes_of = [int(job.whole().nbytes * share) for share in SHARES]
    ways = [(codec, 0, ""), *((codec, room, ", in tiles") for room in bytes_of), (slow, bytes_of[-1], ON_CPU)]
    for by, room, how in ways:
        try:
            return run(by, room), how
        except TooFewBytes:
            continue
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        if codec.device.type == "cuda":
            torch.cuda.empty_cache()
    return run(slow, 0), ON_CPU


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device or the machine has no memory left."""
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def same_weights(codec: Autoencoder, other: Autoencoder) -> bool:
    """Whether two codecs decode by the same weights, as far as the lower of their precisions can tell."""
    if codec is other or codec.source is other.source:
        return True
    if not _same_shape(codec, other):
        return False
    low = min(codec.dtype, other.dtype, key=lambda dtype: dtype.itemsize)
    ours, theirs = codec.net(codec.dtype).weights, other.net(other.dtype).weights
    names = [name for name in ours if name in theirs]
    return all(torch.equal(ours[name].to(low), theirs[name].to(ours[name].device, low)) for name in names)


def _name(own: Own) -> str:
    return NAMES.get(own.memory.dtype, str(own.memory.dtype))


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
