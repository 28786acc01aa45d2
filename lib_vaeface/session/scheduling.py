"""The schedule of one generation: conditioning before a pass, and what has to be written at each call."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lib_vaeface.host import ModelCall
from lib_vaeface.options import NATIVE_SYNTAX
from lib_vaeface.schedule.encodings import Encodings
from lib_vaeface.schedule.passes import Schedule
from lib_vaeface.schedule.protocol import Answer, Request
from lib_vaeface.schedule.trace import Trace

from .stage import Stage

if TYPE_CHECKING:
    from .generation import Session

ENCODINGS = Encodings()  # of all generations in this process


class ScheduleStage(Stage):
    group = "schedule"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.native = bool(self.host.option(NATIVE_SYNTAX))
        self.schedule = Schedule(self.settings.timing, ENCODINGS, extensions=not self.native)
        self.traces: dict[str, Trace] = {}
        self._top = 0.0  # the noise level that a pass began with

    def before_process(self, job: Any) -> None:
        self.host.redirect_conditioning()

    def before_process_batch(self, job: Any) -> None:
        self.traces = {}
        self.schedule.begin()

    def conditioning(self, job: Any, request: Request) -> Answer:
        """Conditioning for one pass's prompts, before it samples."""
        known = len(self.schedule.notes)
        answer = self.schedule.answer(request)
        self._tell(job, known)
        return answer

    def model_call(self, call: ModelCall) -> None:
        step, known = self._step(call), len(self.schedule.notes)
        for negative, rows in ((False, call.text_cond), (True, call.text_uncond)):
            where = (call.hires, negative, *call.variant)
            self.schedule.apply(where, step, call.total_steps, call.steps, rows, call.sigma, call.floor > 0.0)
        self._tell(call.job, known)
        name = "hires" if call.hires else "first"
        trace = self.traces.get(name) or self.traces.setdefault(name, Trace(self.settings.timing))
        meaning = tuple(
            self.schedule.meaning((call.hires, negative, *call.variant), step) for negative in (False, True)
        )
        trace.record(step, call.total_steps, call.steps, meaning)

    def _tell(self, job: Any, known: int) -> None:
        """Show the schedule's notes behind the first `known`."""
        for note in self.schedule.notes[known:]:
            self.session.tell(job, note)

    def _step(self, call: ModelCall) -> int:
        """The number of the call; in exact timing, for a sampler without a plan, how far the noise has gone instead."""
        if call.floor <= 0.0 or self.settings.timing != "exact":
            return call.step
        level = call.sigma()
        if call.step == 0:
            self._top = level
        done = math.log(self._top / level) / math.log(self._top / call.floor) if self._top > call.floor else 1.0
        return min(max(int(done * call.total_steps), 0), call.total_steps - 1)

    def found(self, index: int | None = None) -> dict[str, Any]:
        found: dict[str, Any] = {"notes": self.schedule.notes} if self.schedule.notes else {}
        if self.native:
            found["syntax"] = "webui"
        if self.host.option("vaeface_record_calls"):
            found.update({name: self._summary(name) for name in self.traces})
        return found

    def _summary(self, name: str) -> dict[str, Any]:
        """Calls and switches of one pass, and what it cost to keep the WebUI's own batches of texts."""
        groups = [found for (hires, *_), found in self.schedule.grouped.items() if hires == (name == "hires")]
        texts, distinct = (sum(column) for column in zip(*groups, strict=True)) if groups else (0, 0)
        return {**self.traces[name].summary(), **({"batches": [texts, distinct]} if texts > distinct else {})}
