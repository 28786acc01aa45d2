"""Paints faces again, many at once, and puts back what came out better.

Chunks of faces with one size of canvas go to the WebUI together. A chunk that runs out of memory or fails is halved, so
that one face can't take the others with it; what is finished is in its picture before the next chunk begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from .blend import blend
from .crops import Window, back, cut, longest, window_of
from .guard import Verdict, finite, guard
from .job import REFINED, Job, Source, View, reason
from .masks import AROUND, mask_of
from .passes import SAME, FacePass
from .prompts import FacePrompt, face_prompts
from .protocol import Detector, Resample, Resampler
from .strength import strength_for

CHUNK = 8


def at_once(device: torch.device) -> int:
    """Most faces in one batch. On a CPU one: more gain little there (benchmarks/face_batches.py) and take as many times
    the memory."""
    return 1 if device.type == "cpu" else CHUNK


@dataclass
class Planned:
    """A face that will be painted: with what, and where."""

    job: Job
    text: FacePrompt
    window: Window
    strength: float
    seed: int
    told: bool = False

    def leave(self, why: str) -> None:
        """The face stays as it is, and the record says why."""
        self.job.say(why)
        self.told = True


@dataclass
class Refiner:
    """One pass of painting over pictures, which it replaces in its list as faces are finished.

    chunk: most faces at once. seen: called with every view; None where nobody wants them.
    """

    pictures: list[Tensor]
    step: int
    settings: FacePass
    detector: Detector
    resampler: Resampler
    sources: Sequence[Source]
    stopped: Callable[[], bool]
    chunk: int = CHUNK
    seen: Callable[[View], None] | None = None

    def run(self, jobs: Sequence[Job]) -> None:
        """Paint the faces; every job's record says what became of it."""
        todo = sorted(self._plan(jobs), key=lambda plan: plan.window.canvas)
        done = 0
        if todo:
            self.resampler.progress(0, len(todo))
        try:
            for _, group in groupby(todo, key=lambda plan: plan.window.canvas):
                for finished in self._chunks(list(group)):
                    done += finished
                    self.resampler.progress(done, len(todo))
        finally:  # a line on the page that nobody takes off would stay
            if done < len(todo):
                self.resampler.progress(len(todo), len(todo))
        for plan in todo:
            if not plan.told:
                plan.leave("interrupted before it was painted again")

    def _plan(self, jobs: Sequence[Job]) -> Iterator[Planned]:
        """The faces that are to be painted; the others' records say why not."""
        native, settings = self.resampler.native, self.settings
        for picture, group in groupby(jobs, key=lambda job: job.picture):
            source, faces = self.sources[picture], list(group)
            main = source.prompt, source.negative
            texts = face_prompts(settings.prompt, settings.negative, *main, len(faces))
            for job, text in zip(faces, texts, strict=True):
                if text.skip:
                    job.say("not painted again: [SKIP]")
                elif longest(job.face) > native:
                    job.say(f"not painted again: larger than the model's {native} pixels")
                else:
                    yield self._planned(job, text, source.seed)

    def _planned(self, job: Job, text: FacePrompt, seed: int) -> Planned:
        settings, native = self.settings, self.resampler.native
        height, width = self.pictures[job.picture].shape[1:]
        window = window_of(job.face, height, width, native, settings.padding)
        strength = strength_for(settings.strength, window.side, native, settings.adaptive)
        return Planned(job, text, window, strength, seed if settings.seeds == SAME else seed + job.number)

    def _chunks(self, todo: list[Planned]) -> Iterator[int]:
        """Paints faces of one canvas size; gives the number of faces behind us after every chunk."""
        size = max(1, self.chunk)
        while todo and not self.stopped():
            part = todo[:size]
            try:
                if not self._paint(part):
                    return
            except Exception as error:
                if len(part) > 1:
                    size = len(part) // 2
                    for plan in part:
                        plan.job.record["halved"] = reason(error)
                    continue
                memory = isinstance(error, torch.cuda.OutOfMemoryError)
                # What one face had no room for, the next of this size has none for either.
                part = todo if memory else part
                for plan in part:
                    plan.leave("not enough memory to paint it" if memory else f"could not be painted: {reason(error)}")
            todo = todo[len(part) :]
            yield len(part)

    def _paint(self, part: list[Planned]) -> bool:
        """One chunk through the WebUI and back into the pictures; False where it was interrupted."""
        before = [cut(self.pictures[plan.job.picture], plan.window) for plan in part]
        request = self._request(part, before)
        painted = self.resampler(request)
        if painted is None:
            return False
        if len(painted) != len(part):
            raise ValueError(f"asked for {len(part)} faces, painted {len(painted)}")
        crops = {n: view.to(before[n]) for n, view in enumerate(painted) if view is not None}
        for n, view in crops.items():
            if view.shape != before[n].shape:
                raise ValueError(f"asked for {list(before[n].shape)}, painted {list(view.shape)}")
        self._take([part[n] for n in crops], [before[n] for n in crops], list(crops.values()))
        return len(crops) == len(part)

    def _take(self, part: list[Planned], before: list[Tensor], after: list[Tensor]) -> None:
        """Judge what was painted and put back what may stay."""
        for plan, verdict, old, new in zip(part, self._judged(part, before, after), before, after, strict=True):
            try:
                self._keep(plan, verdict, old, new)
            except Exception as error:
                plan.leave(f"could not be put back: {reason(error)}")

    def _request(self, part: list[Planned], crops: list[Tensor]) -> Resample:
        settings = self.settings
        return Resample(
            torch.stack(crops),
            torch.stack([self._mask(plan).to(crop.device) for plan, crop in zip(part, crops, strict=True)]),
            tuple(plan.text.prompt for plan in part),
            tuple(plan.text.negative for plan in part),
            tuple(plan.seed for plan in part),
            tuple(plan.strength for plan in part),
            settings.steps,
            settings.sampler,
            settings.scheduler,
            settings.cfg,
        )

    def _mask(self, plan: Planned) -> Tensor:
        canvas = plan.window.canvas
        return mask_of(plan.window.outline(plan.job.face), canvas, canvas, grow=AROUND)

    def _judged(self, part: list[Planned], before: list[Tensor], after: list[Tensor]) -> list[Verdict]:
        """What may stay, judged by what would be in the picture."""
        sound = [finite(new) for new in after]
        verdicts = [Verdict(ok, reason="" if ok else "the pixels were no numbers") for ok in sound]
        if self.settings.guard and any(sound):
            chosen = [n for n, ok in enumerate(sound) if ok]
            looked = self._looked([part[n] for n in chosen], [before[n] for n in chosen], [after[n] for n in chosen])
            for n, verdict in zip(chosen, looked, strict=True):
                verdicts[n] = verdict
        return verdicts

    def _looked(self, part: list[Planned], before: list[Tensor], after: list[Tensor]) -> list[Verdict]:
        """The guard's verdicts; where it fails nothing is taken."""
        try:
            made = [self._pasted(plan, old, new) for plan, old, new in zip(part, before, after, strict=True)]
            faces, pictures = [plan.job.found for plan in part], [self.pictures[plan.job.picture] for plan in part]
            return guard(self.detector, faces, pictures, made, self.settings.margin)
        except Exception as error:
            return [Verdict(False, reason=f"it could not be looked at: {reason(error)}")] * len(part)

    def _pasted(self, plan: Planned, before: Tensor, after: Tensor) -> Tensor:
        """The picture, as it is now, with the painted face."""
        picture = self.pictures[plan.job.picture]
        new, box = back(picture, before, after, plan.window)
        return blend(picture, new, box, plan.job.face, self.settings.tone)

    def _keep(self, plan: Planned, verdict: Verdict, before: Tensor, after: Tensor) -> None:
        """Put the face into its picture if it may stay, and write down what was done."""
        found: dict[str, object] = {"strength": round(plan.strength, 3), "seed": plan.seed}
        found |= {"window": plan.window.side, "canvas": plan.window.canvas, "kept": verdict.keep}
        for name, score in (("before", verdict.before), ("after", verdict.after)):
            if score is not None:
                found[name] = round(score, 3)
        if verdict.keep:
            self.pictures[plan.job.picture] = self._pasted(plan, before, after)
            plan.job.record["done"] = REFINED
        else:
            plan.leave(f"the painted face was not taken: {verdict.reason}")
        plan.job.record["refine"] = found
        plan.told = True
        if self.seen:
            now = cut(self.pictures[plan.job.picture], plan.window) if verdict.keep else after
            self.seen(View(plan.job.picture, plan.job.number, self.step, before, now, self._mask(plan), verdict.keep))
