"""The face stage: find, decode again, paint again, blend; for all faces of all pictures of a batch, pass after pass.

Whatever fails, fails for one face: it stays as it was, its record says why, and everything else goes on. No error of a
part comes out of here. What is finished when the person interrupts is in its picture and stays there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import torch
from torch import Tensor

from .blend import blend
from .filters import choose
from .guard import LOWEST, overlap
from .job import DECODED, REFINED, Job, Record, Result, Source, View, reason
from .masks import adjusted, mask_over
from .passes import FacePass
from .protocol import Detector, Face, FloatBox, Redecode, Resampler
from .refine import CHUNK, Refiner
from .regions import region
from .search import NORMAL

Detectors = Callable[[FacePass], Detector]


@torch.no_grad()
def improve(
    pictures: Sequence[Tensor],
    passes: Sequence[FacePass],
    detector: Detectors,
    redecode: Redecode | None = None,
    resampler: Resampler | None = None,
    sources: Sequence[Source] = (),
    own: Sequence[Sequence[Face]] = (),
    chunk: int = CHUNK,
    views: bool = False,
    stopped: Callable[[], bool] | None = None,
) -> Result:
    """Better faces, or the pictures as they were; never an exception.

    pictures: [3,H,W] in 0..1, float, of any sizes; they are not written to. detector: gives the one a pass wants; it is
    asked once for each pass, and once more for the guard. redecode, resampler: None leaves that part out. sources:
    prompts and seed of each picture. own: the person's faces in each picture, in place of a search; empty where they
    drew none. chunk: most faces in one batch of the sampler. views: keep crops before and after. stopped: whether to
    end early; the resampler's by default.
    """
    stage = _Stage(list(pictures), redecode, resampler, _filled(sources, len(pictures)), chunk, views)
    stage.own = list(own)
    stage.stopped = stopped or (resampler.stopped if resampler else lambda: False)
    for step, settings in enumerate(passes):
        try:
            stage.run(step, settings, detector)
        except Exception as error:
            stage.notes.append(f"faces, pass {step + 1}: {reason(error)}")
    return Result(stage.pictures, stage.records, stage.notes, stage.views, stage.masks())


def _filled(sources: Sequence[Source], count: int) -> list[Source]:
    """A source for each picture; the last serves where there are too few."""
    last = sources[-1] if sources else Source()
    return [*sources, *[last] * count][:count]


@dataclass
class _Stage:
    """The state of one `improve`."""

    pictures: list[Tensor]
    redecode: Redecode | None
    resampler: Resampler | None
    sources: list[Source]
    chunk: int
    keep_views: bool
    own: list[Sequence[Face]] = field(default_factory=list)
    stopped: Callable[[], bool] = lambda: False
    notes: list[str] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    painted: list[tuple[int, FloatBox]] = field(default_factory=list)

    @property
    def records(self) -> list[list[Record]]:
        """Of every picture."""
        return [[job.record for job in self.jobs if job.picture == number] for number in range(len(self.pictures))]

    def run(self, step: int, settings: FacePass, detectors: Detectors) -> None:
        """One pass over all pictures."""
        if self.stopped():
            self.notes.append(f"faces, pass {step + 1}: interrupted before it began")
            return
        detector = detectors(settings)
        jobs = self._found(step, settings, detector)
        self.jobs += jobs
        if self.redecode and settings.redecode:
            for number, group in groupby(jobs, key=lambda job: job.picture):
                self._decode(number, list(group), settings)
        if self.resampler and settings.strength > 0:
            seen = self.views.append if self.keep_views else None
            parts = self.resampler, self.sources, self.stopped, self.chunk, seen
            # The guard looks at faces in sizes of its own, upright, and wants to know of the ones it is less sure of.
            keen = replace(settings, search=NORMAL, score=min(settings.score, LOWEST))
            Refiner(self.pictures, step, settings, detectors(keen) if settings.guard else detector, *parts).run(jobs)
        self.painted += [(job.picture, job.face.box) for job in jobs if job.record["done"] == REFINED]

    def _found(self, step: int, settings: FacePass, detector: Detector) -> list[Job]:
        """The faces of all pictures in the person's order."""
        drawn = [list(self.own[number]) if number < len(self.own) else [] for number in range(len(self.pictures))]
        blank = [number for number, faces in enumerate(drawn) if not faces]
        found = detector.detect([self.pictures[number] for number in blank]) if blank else []
        for number, faces in zip(blank, found, strict=True):
            height, width = self.pictures[number].shape[1:]
            drawn[number] = choose([face for face in faces if _sound(face)], (width, height), settings)
        jobs = []
        for number, faces in enumerate(drawn):
            pairs = [(f, adjusted(f, settings.grow, settings.right, settings.down)) for f in faces if _sound(f)]
            there = [pair for pair in pairs if _inside(pair[1], *self.pictures[number].shape[1:])]
            jobs += [Job.start(number, place, step, *pair) for place, pair in enumerate(there)]
        return jobs

    def _decode(self, number: int, jobs: list[Job], settings: FacePass) -> None:
        """Faces of one picture from its latent, but those that an earlier pass has painted: they would be lost."""
        done = [box for picture, box in self.painted if picture == number]
        jobs = [job for job in jobs if not any(overlap(job.face.box, box) > 0 for box in done)]
        if not jobs or not self.redecode or self.stopped():
            return
        height, width = self.pictures[number].shape[1:]
        try:
            boxes = [region(job.face, (width, height)) for job in jobs]
            decoded = self.redecode(number, boxes)
            for job, box, image in zip(jobs, boxes, decoded.images, strict=True):
                if not bool(torch.isfinite(image).all()):
                    job.say("decoded again it had values that are no numbers")
                    continue
                self.pictures[number] = blend(self.pictures[number], image, box, job.face, settings.tone)
                job.record |= {"done": DECODED, "decode": decoded.note}
        except Exception as error:
            for job in jobs:
                if "decode" not in job.record:
                    job.say(f"not decoded again: {reason(error)}")

    def masks(self) -> list[Tensor]:
        """Where each picture was changed."""
        made = []
        for number, picture in enumerate(self.pictures):
            height, width = picture.shape[1:]
            mask = torch.zeros(height, width, device=picture.device)
            for job in self.jobs:
                if job.picture == number and job.record["done"] in (DECODED, REFINED):
                    mask = torch.maximum(mask, mask_over(job.face, (0, 0, width, height), device=picture.device))
            made.append(mask)
        return made


def _sound(face: Face) -> bool:
    """Whether the box is made of numbers and not empty."""
    left, top, right, bottom = face.box
    return all(map(math.isfinite, face.box)) and right - left >= 1 and bottom - top >= 1


def _inside(face: Face, height: int, width: int) -> bool:
    """Whether anything of the box lies in the picture."""
    left, top, right, bottom = face.box
    return left < width and top < height and right > 0 and bottom > 0
