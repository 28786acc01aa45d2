"""One generation: its settings, what was found, and the hooks in the order the WebUI rings them.

A session hangs on the job it was opened for and refers to it weakly. It answers for that job only: copies of the job
and jobs that other extensions run inside it find no session. An error of ours ends the session's effect, never the
picture, and is said once on the page, in the infotext and on the console.
"""

from __future__ import annotations

import functools
import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from lib_vaeface import host, infotext
from lib_vaeface.host import Host, Listeners, ModelCall
from lib_vaeface.schedule.counting import longest
from lib_vaeface.schedule.encodings import Encodings
from lib_vaeface.schedule.passes import Schedule
from lib_vaeface.schedule.protocol import Answer, Request
from lib_vaeface.schedule.trace import Trace
from lib_vaeface.settings import OPTIONS, Settings
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.hashes import Hashes
from lib_vaeface.vae.jsonfile import JsonFile
from lib_vaeface.vae.library import BESIDE_CHECKPOINTS, Folder, Library
from lib_vaeface.vae.picked import AUTOMATIC, Pick, Picker
from lib_vaeface.vae.protocol import Coder, HostVae
from lib_vaeface.vae.verdicts import Verdicts
from lib_vaeface.version import __version__, stale_notice

ATTRIBUTE = "_vaeface_session"
ENCODINGS = Encodings()  # of all generations in this process
WITH_SUBJECT = frozenset(
    (
        "on_mask_blend",
        "post_sample",
        "postprocess",
        "postprocess_batch_list",
        "postprocess_image",
        "postprocess_image_after_composite",
        "postprocess_maskoverlay",
    )
)
"""Hooks that hand over one object before the script's arguments."""


class Session:
    """Hooks are the methods named as the WebUI names them, each called as hook(job, [subject], **keywords)."""

    _last: Session | None = None

    def __init__(self, job: Any, settings: Settings, notes: Sequence[str], webui: Host) -> None:
        self.settings = settings
        self.notes = tuple(notes)
        self.host = webui
        self.error = ""
        self.traces: dict[str, Trace] = {}
        self.schedule = Schedule(settings.timing, ENCODINGS)
        self.picks: dict[str, dict[str, Pick]] = {}  # by the identity of the model's own VAE, then by pass
        self.painted: Pick | None = None
        self._top = 0.0  # the noise level that a pass began with
        self._job = weakref.ref(job)

    def of(self, job: Any) -> bool:
        """Whether this session was opened for exactly this job and has neither failed nor ended."""
        return self._job() is job and not self.error

    @property
    def running(self) -> bool:
        job = self._job()
        return job is not None and self.host.running(job)

    def before_process(self, job: Any) -> None:
        for note in self.notes:
            self.host.comment(job, f"VAE Face: {note}")
        for key in infotext.write(self.settings, {}):
            job.extra_generation_params[key] = self._text_of(key)
        if self.settings.schedule:
            self.host.redirect_conditioning()

    def process(self, job: Any) -> None:
        """The WebUI's overrides are in force now, and nothing has been encoded yet."""
        self._point_vae(job)

    def before_process_batch(self, job: Any, **_: Any) -> None:
        self.traces = {}
        self.schedule.begin()
        self._point_vae(job)

    def model_loaded(self, job: Any) -> None:
        """A checkpoint for the hires pass or a refiner has taken over: the proof is made again for it."""
        self._point_vae(job)

    def _point_vae(self, job: Any) -> None:
        if not self.settings.vae:
            return
        own = self.host.vae(job)
        if own.identity in self.picks:
            return
        first = self._pick(job, own, self.settings.vae_name)
        hires = first if self.settings.vae_hires == "Same" else self._pick(job, own, self.settings.vae_hires)
        self.picks[own.identity] = {"first": first, "between": first, "hires": hires}
        self.painted = self.picks[own.identity][self.host.pass_of(job)]
        if first.codec is not None or hires.codec is not None:
            self.host.point_vae(job, self._coder(job, own))

    def _pick(self, job: Any, own: HostVae, name: str) -> Pick:
        chosen = self.settings
        pick = picker().pick(
            name,
            own,
            weight_hash=chosen.vae_hash,
            allow=chosen.vae_allow,
            precision=chosen.vae_precision,
            told=lambda climb: self.host.comment(job, f"VAE Face: {climb}"),
        )
        if pick.why and name != AUTOMATIC:
            self.host.comment(job, f"VAE Face: {pick.why}")
        return pick

    def _coder(self, job: Any, own: HostVae) -> Coder:
        """What the model decodes and encodes by: the codec of the pass that the job is in."""
        picks, owner = self.picks[own.identity], weakref.ref(job)

        def lent(work: Callable[[Autoencoder, str], Any]) -> Any:
            """What the codec of this pass gives; None, for the WebUI's own way, where there is none or it fails."""
            where = self.host.pass_of(owner())
            self.painted = picks[where]
            if self.error or self.painted.codec is None:
                return None
            try:
                return work(self.painted.codec, where)
            except Exception as error:
                self.painted = Pick()
                self.fail("vae", error, owner())
                return None

        def decode(codec: Autoencoder, where: str, raw: Any) -> Any:
            # A1111 cuts what lies between two passes to whole numbers; half a step makes that a rounding.
            return codec.decode_raw(raw) + (1.0 / 255.0 if where == "between" else 0.0)

        return Coder(
            lambda raw: lent(lambda codec, where: decode(codec, where, raw)),
            lambda images: lent(lambda codec, _: codec.moments(images)),
        )

    def conditioning(self, job: Any, request: Request) -> Answer:
        """Conditioning for one pass's prompts, before it samples."""
        known = len(self.schedule.notes)
        answer = self.schedule.answer(request)
        self._tell(job, known)
        return answer

    def _tell(self, job: Any, known: int) -> None:
        """Show the schedule's notes behind the first `known`."""
        for note in self.schedule.notes[known:]:
            self.host.comment(job, f"VAE Face: {note}")

    def model_call(self, call: ModelCall) -> None:
        if not self.settings.schedule:
            return
        step, known = self._step(call), len(self.schedule.notes)
        for negative, rows in ((False, call.text_cond), (True, call.text_uncond)):
            where = (call.hires, negative)
            self.schedule.apply(where, step, call.total_steps, call.steps, rows, call.sigma, call.floor > 0.0)
        self._tell(call.job, known)
        name = "hires" if call.hires else "first"
        trace = self.traces.get(name) or self.traces.setdefault(name, Trace(self.settings.timing))
        meaning = tuple(self.schedule.meaning((call.hires, negative), step) for negative in (False, True))
        trace.record(step, call.total_steps, call.steps, meaning)

    def _step(self, call: ModelCall) -> int:
        """The number of the call; in exact timing, for a sampler without a plan, how far the noise has gone instead."""
        if call.floor <= 0.0 or self.settings.timing != "exact":
            return call.step
        level = call.sigma()
        if call.step == 0:
            self._top = level
        done = math.log(self._top / level) / math.log(self._top / call.floor) if self._top > call.floor else 1.0
        return min(max(int(done * call.total_steps), 0), call.total_steps - 1)

    def postprocess(self, job: Any, processed: Any) -> None:
        self.host.release_vae()
        delattr(job, ATTRIBUTE)
        Session._last = None

    def found(self) -> dict[str, dict[str, Any]]:
        """What happened so far, as JSON values by group: the part of the infotext that is not settings."""
        main: dict[str, Any] = {"version": __version__, "host": self.host.name}
        if self.notes:
            main["notes"] = list(self.notes)
        if self.error:
            main["error"] = self.error
        schedule: dict[str, Any] = {"notes": self.schedule.notes} if self.schedule.notes else {}
        if self.host.option("vaeface_record_calls"):
            schedule.update({name: self._summary(name) for name in self.traces})
        return {"vaeface": main, "schedule": schedule, "vae": self._found_vae()}

    def _found_vae(self) -> dict[str, Any]:
        """The VAE that painted: its true name, the hash of its weights, and why it was this one."""
        if not self.picks:
            return {}
        pick = self.painted or [*self.picks.values()][-1]["first"]
        fit = {} if pick.verdict is None else {"fit": pick.verdict.answer}
        why = {"why": pick.why} if pick.why else {}
        return {"used": pick.name, "hash": pick.weight_hash, **fit, **why}

    def _summary(self, name: str) -> dict[str, Any]:
        """Calls and switches of one pass, and what it cost to keep the WebUI's own batches of texts."""
        groups = [found for (hires, _), found in self.schedule.grouped.items() if hires == (name == "hires")]
        texts, distinct = (sum(column) for column in zip(*groups, strict=True)) if groups else (0, 0)
        return {**self.traces[name].summary(), **({"batches": [texts, distinct]} if texts > distinct else {})}

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
        def text(**_: Any) -> str | None:
            try:
                found = self.found()
            except Exception as error:
                self.traces = {}
                self.fail("infotext", error, self._job())
                found = self.found()
            return infotext.write(self.settings, found).get(key)

        return text


def find(job: Any) -> Session | None:
    """The session that acts on this job, or None."""
    session = getattr(job, ATTRIBUTE, None)
    return session if session is not None and session.of(job) else None


def open_session(job: Any, args: Sequence[object], webui: Host) -> None:
    """Start a session on the job if the settings say so. A job inside a running session's job gets none."""
    if Session._last is not None and Session._last.running:
        return
    if Session._last is not None:  # it failed or died on the way
        Session._last = None
        webui.release_vae()
    for key in infotext.KEYS:  # a grid of jobs may share the dict in which an earlier job of ours wrote
        job.extra_generation_params.pop(key, None)
    settings, notes = Settings.from_args(args)
    if not settings.enabled:
        for note in (n for n in notes if n.startswith("enabled:")):
            webui.comment(job, f"VAE Face: {note}")
        return
    session = Session._last = Session(job, settings, notes, webui)
    setattr(job, ATTRIBUTE, session)
    session.ring("before_process", job)


def on_model_call(call: ModelCall) -> None:
    """The one listener of the sampler callback."""
    session = find(call.job)
    if session is None:
        return
    try:
        session.model_call(call)
    except Exception as error:
        session.fail("model_call", error, call.job)


def on_conditioning(job: Any, make: Callable[[], Request]) -> Answer | None:
    """The one listener for conditioning: None leaves a job to the WebUI."""
    session = find(job)
    if session is None or not session.settings.schedule:
        return None
    try:
        return session.conditioning(job, make())
    except Exception as error:
        session.fail("conditioning", error, job)
        return None


def on_model_loaded() -> None:
    """Another checkpoint: whose generation it is in, if in any of ours, is told."""
    session = Session._last
    job = session._job() if session is not None else None
    if session is not None and not session.error and job is not None and session.running:
        session.ring("model_loaded", job)


def on_count(prompt: str, steps: int, negative: bool, count: Callable[[str], int]) -> str:
    """The text whose tokens the WebUI's counter shows: the longest that the prompt's schedule gives."""
    if not host.current().option("vaeface_count_tokens"):
        return prompt
    return longest(prompt, steps, negative, count)


@functools.lru_cache(maxsize=1)
def picker() -> Picker:
    """The one picker of this process, with its files in the WebUI's data folder."""
    webui = host.current()
    folder = webui.data_folder()
    hashes = Hashes(folder / "vae-hashes.json")
    beside = (Folder(path, BESIDE_CHECKPOINTS) for path in webui.checkpoint_folders())
    library = Library([*webui.vae_folders(), *beside], hashes)
    return Picker(library, Verdicts(folder / "vae-verdicts.json"), JsonFile(folder / "vae-chosen.json"))


def opener(script_version: str) -> Callable[..., None]:
    """The doorbell's `before_process`; while script and library differ it opens nothing and says so when asked to."""
    notice = stale_notice(script_version)

    def before_process(script: Any, job: Any, *args: Any) -> None:
        if not notice:
            open_session(job, args, host.current())
        elif Settings.from_args(args)[0].enabled:
            host.current().comment(job, notice)

    return before_process


def hook(name: str) -> Callable[..., None]:
    """A method for the doorbell's Script that rings `Session.<name>` where a session acts on the job."""

    def method(script: Any, job: Any, *args: Any, **keywords: Any) -> None:
        session = find(job)
        if session is not None:
            session.ring(name, job, *(args[:1] if name in WITH_SUBJECT else ()), **keywords)

    return method


def listen() -> None:
    """Register with the WebUI; safe to repeat after "Reload UI"."""
    host.current().listen(Listeners(on_model_call, on_conditioning, on_count, on_model_loaded), OPTIONS)
