"""Faces of one generation: found in the decoded pictures, decoded again, painted again where asked, and blended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image
from torch import Tensor

from lib_vaeface.face.boxes import parse_boxes
from lib_vaeface.face.detect import Setup, detector
from lib_vaeface.face.improve import improve
from lib_vaeface.face.job import Record, Result, Source
from lib_vaeface.face.passes import FacePass, parse_passes
from lib_vaeface.face.protocol import Detector, Face, Redecode, Resampler
from lib_vaeface.face.redecode import redecoder
from lib_vaeface.face.refine import at_once
from lib_vaeface.face.shown import EVERYTHING, NOTHING, shown
from lib_vaeface.settings import Settings
from lib_vaeface.vae.picked import SAME

from .face_vae import FaceVae
from .stage import Stage

if TYPE_CHECKING:
    from .generation import Session

PASS_FIELDS = {
    "detector": "face_detector", "search": "face_search", "score": "face_score", "smallest": "face_smallest",
    "largest": "face_largest", "count": "face_count", "order": "face_order", "strength": "face_strength",
    "adaptive": "face_adaptive", "prompt": "face_prompt", "negative": "face_negative", "steps": "face_steps",
    "cfg": "face_cfg", "seeds": "face_seeds", "tone": "face_tone", "guard": "face_guard",
}  # fmt: skip


class FaceStage(Stage):
    group = "faces"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.passes: list[FacePass] = []
        self.records: list[list[Record]] = []  # of the pictures of this iteration
        self.notes: list[str] = []
        self._lasting: tuple[str, ...] = ()  # of all iterations
        self.vae = FaceVae(session)
        self._made = 0  # pictures of earlier iterations
        self._shown: list[tuple[int, Image.Image]] = []

    def before_process(self, job: Any) -> None:
        first = first_pass(self.settings)
        try:
            more, warnings = parse_passes(self.settings.face_passes, first)
        except ValueError as error:
            more, warnings = (), [f"{error}. Only the first pass was made."]
        self.passes = [first, *more]
        for warning in warnings:
            self.say(job, warning)
        self._lasting = tuple(self.notes)

    def before_process_batch(self, job: Any) -> None:
        self.records, self.notes = [], list(self._lasting)

    def postprocess_batch_list(self, job: Any, pictures: Any) -> None:
        """A failure here costs this iteration's faces; schedule and VAE go on."""
        images = [image.float() for image in pictures.images]
        try:
            if images:
                self._improve(job, images, pictures)
        except Exception as error:
            note = f"the faces were left as they are ({type(error).__name__}: {error})"[:300]
            self.host.report_error(f"VAE Face: {note}")
            self.say(job, note)

    def _improve(self, job: Any, images: list[Tensor], pictures: Any) -> None:
        whole = not self.host.stopped()
        redecode = self._redecode(job, images)  # while the model is loaded that has painted them
        done = improve(
            images,
            self.passes,
            self._detector,
            redecode,
            self._resampler(job),
            [Source(*texts) for texts in self.host.texts(job)],
            [self._drawn(image) for image in images],
            at_once(self.host.compute_device()),
            views=self.settings.face_return in ("crops", EVERYTHING),
            stopped=self.host.stopped,
        )
        if whole and self.host.stopped():
            self.host.finished(job)
        self.records = done.records
        for note in done.notes:
            self.say(job, note)
        self._show(job, images, done)
        self._made += len(images)
        pictures.images = [new.to(old) for new, old in zip(done.pictures, pictures.images, strict=True)]

    def _show(self, job: Any, before: list[Tensor], done: Result) -> None:
        """Save and keep for the page what was asked for beside the pictures."""
        if self.settings.face_return == NOTHING:
            return
        for number, kinds in enumerate(shown(self.settings.face_return, before, done)):
            for kind, image in kinds:
                self.host.save_beside(job, number, image, f"-faces-{kind}")
                self._shown.append((self._made + number, image))

    def postprocess(self, job: Any, processed: Any) -> None:
        self.host.add_pictures(processed, self._shown)

    def _detector(self, settings: FacePass) -> Detector:
        setup = Setup(
            self.host.compute_device(),
            settings.score,
            settings.search,
            folders=tuple(self.host.face_folders()),
            yolo=self.host.face_models().get(self.settings.face_model),
            allow_pickle=bool(self.host.option("vaeface_allow_yolo")),
        )
        return detector(settings.detector, setup)

    def _drawn(self, image: Tensor) -> list[Face]:
        """The person's own boxes in a picture; none where they can't be read, which is told."""
        try:
            return parse_boxes(self.settings.face_boxes, image.shape[1:])
        except ValueError as error:
            self.say(self.session.job, f"{error}. The faces were searched instead.")
            return []

    def _resampler(self, job: Any) -> Resampler | None:
        if not any(one.strength > 0 for one in self.passes) or self.host.stopped():
            return None
        self.host.settle_model()
        return self.host.resampler(job, self.vae.coder(job), self.session.lend_schedule)

    def _redecode(self, job: Any, images: list[Tensor]) -> Redecode | None:
        codec = self.vae.for_decoding(job)
        if codec is None:
            return None
        latents, exact = self.session.vae.finals(len(images)), not self.settings.face_estimate
        owns = self.session.vae.owns[-len(images) :] if latents is not None else None
        return redecoder(codec, latents, images, owns, exact)

    def say(self, job: Any, note: str) -> None:
        if note and note not in self.notes:
            self.notes.append(note)
            self.session.tell(job, note)

    def found(self, index: int | None = None) -> dict[str, Any]:
        records = self.records[index] if index is not None and index < len(self.records) else []
        found: dict[str, Any] = {"used": self.vae.name, "hash": self.vae.weight_hash} if self.vae.name else {}
        if self.notes:
            found["notes"] = self.notes
        return {**found, "found": records}


def first_pass(settings: Settings) -> FacePass:
    """What the page's controls say."""
    chosen = {name: getattr(settings, field) for name, field in PASS_FIELDS.items()}
    sampler = "" if settings.face_sampler == SAME else settings.face_sampler
    return FacePass(**chosen, sampler=sampler)
