"""One generation: its settings, its stages, what was found, and what happens when one of them fails."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from lib_vaeface import infotext
from lib_vaeface.host import Host
from lib_vaeface.settings import Settings
from lib_vaeface.version import __version__

from .cells import CellStage
from .comparing import CompareStage
from .faces import FaceStage
from .latents import LatentStage
from .scheduling import ScheduleStage
from .stage import Stage
from .vaes import VaeStage

ATTRIBUTE = "_vaeface_session"


class Session:
    """Hooks are the methods named as the WebUI names them, each called as hook(job, [subject], **keywords)."""

    _last: Session | None = None

    def __init__(self, job: Any, settings: Settings, notes: Sequence[str], webui: Host) -> None:
        self.settings = settings
        self.notes = tuple(notes)
        self.host = webui
        self.error = ""
        self.schedule = ScheduleStage(self)
        self.latents = LatentStage(self)
        self.vae = VaeStage(self)
        self.compare = CompareStage(self)
        self.faces = FaceStage(self)
        self.cells = CellStage(self, job)
        self._job = weakref.ref(job)

    @property
    def stages(self) -> list[Stage]:
        """Those that have something to do, in the order in which they act."""
        stages: list[tuple[Stage, bool]] = [
            (self.schedule, self.schedule.on),
            (self.vae, self.vae.on or self.vae.watching),
            (self.latents, self.latents.on),
            (self.compare, self.compare.on),
            (self.faces, self.faces.on),
            (self.cells, self.cells.on),
        ]
        return [stage for stage, wanted in stages if wanted]

    @property
    def job(self) -> Any:
        """The WebUI's job; None when it is gone."""
        return self._job()

    def of(self, job: Any) -> bool:
        """Whether this session was opened for exactly this job and has neither failed nor ended."""
        return self._job() is job and not self.error

    @property
    def running(self) -> bool:
        job = self._job()
        return job is not None and self.host.running(job)

    def before_process(self, job: Any) -> None:
        for note in self.notes:
            self.tell(job, note)
        for key in infotext.write(self.settings, {}):
            job.extra_generation_params[key] = self._text_of(key)
        for stage in self.stages:
            stage.before_process(job)

    def process(self, job: Any) -> None:
        for stage in self.stages:
            stage.process(job)

    def before_process_batch(self, job: Any, **_: Any) -> None:
        for stage in self.stages:
            stage.before_process_batch(job)

    def model_loaded(self, job: Any) -> None:
        for stage in self.stages:
            stage.model_loaded(job)

    def process_before_every_sampling(self, job: Any, x: Any = None, noise: Any = None, **_: Any) -> None:
        for stage in self.stages:
            stage.before_sampling(job, x, noise)

    def postprocess_batch_list(self, job: Any, pictures: Any, **_: Any) -> None:
        for stage in self.stages:
            stage.postprocess_batch_list(job, pictures)

    def postprocess_image_after_composite(self, job: Any, picture: Any) -> None:
        self.latents.saving(getattr(job, "batch_index", 0))

    def postprocess(self, job: Any, processed: Any) -> None:
        self.host.release_vae()
        delattr(job, ATTRIBUTE)
        Session._last = None
        for stage in self.stages:
            stage.postprocess(job, processed)

    def lend_schedule(self, job: Any, whose: str = "faces") -> None:
        """Let a job inside this one have its prompts read as this one's are."""
        if self.schedule.on:
            session = LentSession(job, self, whose)
            setattr(job, ATTRIBUTE, session)
            session.schedule.before_process_batch(job)

    def found(self, index: int | None = None) -> dict[str, dict[str, Any]]:
        """What happened so far, as JSON values by group: the part of the infotext that is not settings.

        index: of a picture in this iteration's batch, where it differs between them.
        """
        main: dict[str, Any] = {"version": __version__, "host": self.host.name}
        if self.notes:
            main["notes"] = list(self.notes)
        if self.error:
            main["error"] = self.error
        if self.cells.reused:
            main["latents"] = "of an earlier cell"
        return {"vaeface": main, **{stage.group: stage.found(index) for stage in self.stages if stage.group}}

    def tell(self, job: Any, note: str) -> None:
        """Show a line under the picture, once."""
        self.host.comment(job, f"VAE Face: {note}")

    def ring(self, hook: str, job: Any, *subject: Any, **keywords: Any) -> None:
        """Run one hook; a failure ends the session's effect and is said once."""
        try:
            getattr(self, hook)(job, *subject, **keywords)
        except Exception as error:
            self.fail(hook, error, job, subject[0] if hook == "postprocess" else None)

    def fail(self, where: str, error: Exception, job: Any, processed: Any = None) -> None:
        self.error = f"{where}: {type(error).__name__}: {error}"[:300]
        self.host.release_vae()
        text = f"VAE Face failed and was dropped, the picture is the WebUI's own ({self.error})"
        self.host.report_error(text)
        self.host.comment(job, text, processed)
        job.extra_generation_params[infotext.KEYS[0]] = self._text_of(infotext.KEYS[0])

    def _text_of(self, key: str) -> Callable[..., str | None]:
        # Evaluated by the WebUI for every picture, so each iteration's picture tells of its own sampling.
        def text(index: int | None = None, **_: Any) -> str | None:
            try:
                found = self.found(index)
            except Exception as error:
                self.schedule.traces = {}
                self.fail("infotext", error, self._job())
                found = self.found()
            return infotext.write(self.settings, found).get(key)

        return text


class LentSession(Session):
    """The schedule alone, for a job inside another session's. Its failure is that one's, told there."""

    def __init__(self, job: Any, lender: Session, whose: str) -> None:
        super().__init__(job, lender.settings, (), lender.host)
        self.lender, self.whose = lender, whose

    @property
    def stages(self) -> list[Stage]:
        return [self.schedule]

    def postprocess_image_after_composite(self, job: Any, picture: Any) -> None:
        """The lender's latents are not this job's."""

    def postprocess(self, job: Any, processed: Any) -> None:
        delattr(job, ATTRIBUTE)

    def fail(self, where: str, error: Exception, job: Any, processed: Any = None) -> None:
        self.error = f"{where}: {type(error).__name__}: {error}"[:300]
        note = f"the schedule failed for {self.whose} ({self.error})"
        self.host.report_error(f"VAE Face: {note}")
        self.lender.faces.say(self.lender.job, note)
