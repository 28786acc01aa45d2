"""What the WebUI rings, and which session answers.

A session hangs on the job it was opened for and refers to it weakly. It answers for that job only: copies of the job
and jobs that other extensions run inside it find no session. An error of ours ends the session's effect, never the
picture, and is said once on the page, in the infotext and on the console.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from lib_vaeface import host, infotext
from lib_vaeface.host import Host, Listeners, ModelCall
from lib_vaeface.options import NATIVE_SYNTAX, OPTIONS, TIMING
from lib_vaeface.schedule.compile import beyond_native
from lib_vaeface.schedule.counting import longest
from lib_vaeface.schedule.protocol import Answer, Request
from lib_vaeface.settings import AXES, PLOT, Settings
from lib_vaeface.version import stale_notice

from .asked import with_preset
from .cells import KEPT
from .generation import ATTRIBUTE, Session

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
    KEPT.of(getattr(job, PLOT, None))  # latents of a plot that is over are let go
    for key in (*infotext.KEYS, infotext.NOTE):  # a grid's jobs may share the dict that an earlier one wrote
        job.extra_generation_params.pop(key, None)
    defaults = {"timing": webui.option(TIMING)}
    args, missing = with_preset(args, webui)
    settings, notes = Settings.from_args(args, getattr(job, AXES, {}), defaults)
    if not settings.enabled:
        wrong = [note for note in notes if note.startswith("enabled:")]
        for note in wrong:
            webui.comment(job, f"VAE Face: {note}")
        job.extra_generation_params.update(infotext.stayed_off(wrong))
        return
    session = Session._last = Session(job, settings, [*missing, *notes], webui)
    setattr(job, ATTRIBUTE, session)
    session.ring("before_process", job)


def on_model_call(call: ModelCall) -> None:
    """The one listener of the sampler callback."""
    session = find(call.job)
    if session is None or not session.schedule.on:
        return
    try:
        session.schedule.model_call(call)
    except Exception as error:
        session.fail("model_call", error, call.job)


def guest(job: Any, make: Callable[[], Request]) -> Session | None:
    """A session lent to a job that another extension runs inside ours, where its prompts hold forms that the WebUI
    would paint as words (ADetailer repeats the picture's prompt). Where they hold none the job stays the WebUI's."""
    lender = Session._last
    if lender is None or lender.error or not lender.schedule.on or lender.schedule.native or not lender.running:
        return None
    if getattr(job, ATTRIBUTE, lender) is not lender:
        return None
    with suppress(Exception):  # what can't be read is the WebUI's to report
        if any(map(beyond_native, make().prompts)):
            lender.lend_schedule(job, "a picture inside this one")
    return find(job)


def on_conditioning(job: Any, make: Callable[[], Request]) -> Answer | None:
    """The one listener for conditioning: None leaves a job to the WebUI."""
    session = find(job) or guest(job, make)
    if session is None or not session.schedule.on:
        return None
    try:
        return session.schedule.conditioning(job, make())
    except Exception as error:
        session.fail("conditioning", error, job)
        return None


def on_model_loaded() -> None:
    """Another checkpoint: whose generation it is in, if in any of ours, is told."""
    session = Session._last
    if session is not None and not session.error and session.running:
        session.ring("model_loaded", session.job)


def on_image_saved(job: Any, filename: str, infotext: str) -> None:
    """A picture of a job has been written."""
    session = find(job)
    if session is not None and session.latents in session.stages:
        session.latents.saved(filename, infotext)


def on_failed(job: Any, where: str, error: Exception) -> None:
    """An adapter failed for a job of ours."""
    session = find(job)
    if session is not None:
        session.fail(where, error, job)


def on_count(prompt: str, steps: int, negative: bool, count: Callable[[str], int]) -> str:
    """The text whose tokens the WebUI's counter shows: the longest that the prompt's schedule gives."""
    webui = host.current()
    if not webui.option("vaeface_count_tokens"):
        return prompt
    return longest(prompt, steps, negative, count, extensions=not webui.option(NATIVE_SYNTAX))


LISTENERS = Listeners(on_model_call, on_conditioning, on_count, on_model_loaded, on_image_saved, on_failed)


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
    host.current().listen(LISTENERS, OPTIONS)
