"""Faces out of the picture's latent again, in full precision, with the VAE that is best at them.

With the picture's own VAE and what its decode left, only the faces are computed; another VAE needs one pass over the
whole picture, which is kept for later passes over the faces. Where memory is short the work is cut up, then done by the
CPU; and if nothing helps the faces stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from lib_vaeface.vae.decode import Autoencoder, Own, cheap_faces, decode_with_room, encode_with_room, out_of_memory

from .protocol import Redecoded

Boxes = Sequence[tuple[int, int, int, int]]
# What docs/faces.md has measured of the two ways that are not exact.
ERRORS = {
    "approximate: statistics estimated at the faces": "at most 4.5/255 off in measured pictures",
    "approximate: statistics of a pass in bf16": "at most 6.5/255 off in measured pictures",
    "approximate: statistics of a pass in fp16": "at most 0.7/255 off in measured pictures",
}
ENCODED = "from the picture, which was encoded first"


def redecoder(
    codec: Autoencoder,
    latents: Sequence[Tensor | None] | None,
    pictures: Sequence[Tensor],
    owns: Sequence[Own | None] | None = None,
    exact: bool = True,
    encoder: Autoencoder | None = None,
) -> Redecoder:
    """The `Redecode` of some pictures, [3,H,W] in 0..1.

    codec: the face VAE; whatever its precision, fp32 is computed with. latents: of each picture, [1,C,h,w] or [C,h,w],
    as the codec takes them; where one is None or has not the picture's size, the picture is encoded first, by `encoder`
    (the same kind of latents) or the face VAE itself. owns: the VAE that painted each picture and what it kept, where
    known. exact: False allows the cheaper estimates of `cheap_faces`.
    """
    nothing = [None] * len(pictures)
    given, painters = [*(nothing if latents is None else latents)], [*(nothing if owns is None else owns)]
    if not len(given) == len(painters) == len(pictures):
        raise ValueError(f"{len(given)} latents and {len(painters)} memories for {len(pictures)} pictures")
    full = codec if codec.dtype == torch.float32 else codec.in_precision(torch.float32)
    return Redecoder(full, list(pictures), given, painters, exact, encoder or full)


@dataclass
class Redecoder:
    """Made by `redecoder`. Keeps one decoded picture for each that was asked for."""

    codec: Autoencoder
    pictures: list[Tensor]
    latents: list[Tensor | None]
    owns: list[Own | None]
    exact: bool
    encoder: Autoencoder
    _whole: dict[int, tuple[Tensor, str]] = field(default_factory=dict)

    def __call__(self, number: int, boxes: Boxes) -> Redecoded:
        """The pixels of boxes inside picture `number`. Out of memory gives those of the picture, and a note."""
        try:
            return self._cheaply(number, boxes) or self._wholly(number, boxes)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            return Redecoded(_cut(self.pictures[number], boxes), "left as they were: not enough memory to decode again")

    def _cheaply(self, number: int, boxes: Boxes) -> Redecoded | None:
        """From what the painting VAE kept; None where there is nothing, or not the memory for it."""
        own, latent = self.owns[number], self._fitting(number)
        if own is None or latent is None or number in self._whole or not boxes:
            return None
        try:
            found = cheap_faces(self.codec, latent, boxes, own, self.exact)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            return None
        if found is None:
            return None
        note = found.note if found.exact else f"{found.note}, {ERRORS.get(found.note, 'error not measured')}"
        return Redecoded([image[0] for image in found.images], note)

    def _wholly(self, number: int, boxes: Boxes) -> Redecoded:
        if number not in self._whole:
            image, note = self._decoded(number)
            self._whole[number] = image.to(self.pictures[number].device), note
        image, note = self._whole[number]
        return Redecoded(_cut(image, boxes), note)

    def _decoded(self, number: int) -> tuple[Tensor, str]:
        """Picture `number` as the face VAE sees it, of the picture's size."""
        height, width = self.pictures[number].shape[1:]
        latent = self._fitting(number)
        if latent is not None:
            image, note = decode_with_room(self.codec, latent)
        else:
            image, note = decode_with_room(self.codec, self._encoded(number))
            note = f"{note}, {ENCODED}"
        return image[0, :, :height, :width], note

    def _fitting(self, number: int) -> Tensor | None:
        """The picture's latent [1,C,h,w], if it has one of its size."""
        latent, (height, width) = self.latents[number], self.pictures[number].shape[1:]
        if latent is None:
            return None
        latent = latent if latent.ndim == 4 else latent[None]
        factor = self.codec.downscale
        return latent if (latent.shape[2] * factor, latent.shape[3] * factor) == (height, width) else None

    def _encoded(self, number: int) -> Tensor:
        """The picture's latent, its sides filled up to the latent's grid with what is at the edge."""
        picture, grid = self.pictures[number][None].float(), self.encoder.downscale
        picture = F.pad(picture, (0, -picture.shape[3] % grid, 0, -picture.shape[2] % grid), mode="replicate")
        return encode_with_room(self.encoder, picture)


def _cut(image: Tensor, boxes: Boxes) -> list[Tensor]:
    return [image[:, top:bottom, left:right] for left, top, right, bottom in boxes]
