"""What the face stage is made of: faces, detectors, and what it asks of a WebUI."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

Point = tuple[float, float]
FloatBox = tuple[float, float, float, float]


@dataclass(frozen=True)
class Face:
    """box: left, top, right, bottom in pixels, right and bottom outside. score: 0..1.

    landmarks: right eye, left eye, nose, right and left corner of the mouth (of the person, so the right eye is on the
    picture's left in an upright face) as (x, y) in pixels, or () where the detector has none.
    """

    box: FloatBox
    score: float
    landmarks: tuple[Point, ...] = ()


class Detector(Protocol):
    """Finds faces. Any error it raises is caught by the caller: the pictures stay and the reason is told."""

    @property
    def name(self) -> str: ...

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        """images: [3,H,W] in 0..1 each, of any sizes. Gives the faces of each, best score first."""


@dataclass(frozen=True)
class Resample:
    """Crops to be painted again by the WebUI's img2img, all in one batch.

    images [n,3,H,W] in 0..1, H and W multiples of 64. masks [n,1,H,W] in 0..1: 1 is painted anew, 0 stays.
    strengths: denoising strength of each, 0..1. steps, sampler, scheduler, cfg: 0 and "" mean those of the picture.
    """

    images: Tensor
    masks: Tensor
    prompts: tuple[str, ...]
    negatives: tuple[str, ...]
    seeds: tuple[int, ...]
    strengths: tuple[float, ...]
    steps: int = 0
    sampler: str = ""
    scheduler: str = ""
    cfg: float = 0.0


class Resampler(Protocol):
    """The WebUI's img2img for faces."""

    native: int
    """The size in pixels that the loaded model paints best: 512 for SD1, 1024 for SDXL."""

    def stopped(self) -> bool:
        """Whether the person asked to interrupt or to skip: what is finished stays, nothing new begins."""

    def progress(self, done: int, total: int) -> None:
        """Show that `done` of `total` faces are finished; nothing any more when it is all of them."""

    def __call__(self, request: Resample) -> Sequence[Tensor | None] | Tensor | None:
        """Painted crops, [3,H,W] in 0..1 each; None for those that were not painted any more when the person
        interrupted or skipped, or for all of them.

        Out of memory raises torch.cuda.OutOfMemoryError, after which a smaller batch may be tried.
        """


Redecode = Callable[[int, Sequence[tuple[int, int, int, int]]], "Redecoded"]
"""(number of the picture, boxes inside it) -> the pixels of the boxes as the face VAE decodes them."""


@dataclass(frozen=True)
class Redecoded:
    """images: [3,height,width] in 0..1 for each box. note: how, and exact or with which error, for people."""

    images: list[Tensor]
    note: str


@dataclass(frozen=True)
class LatentCoder:
    """The face VAE at both ends of the sampler.

    encode: pictures [n,3,H,W] in 0..1 -> latents [n,C,h,w] as the model's sampler has them; decode: the way back.
    """

    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]
