"""Wrappers for functions behind buttons: one job at a time, errors shown on the page, time taken below the image."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from modules import devices, errors, fifo_lock, progress, shared

queue_lock = fifo_lock.FIFOLock()

_LOGGED_ARGUMENTS = 131072


def wrap_queued_call(func: Callable) -> Callable:
    """`func`, waiting for the job that runs."""

    def f(*args: Any, **kwargs: Any) -> Any:
        with queue_lock:
            return func(*args, **kwargs)

    return f


def _task_id(args: tuple) -> str | None:
    first = args[0] if args else None
    is_id = isinstance(first, str) and first.startswith("task(") and first.endswith(")")
    return first if is_id else None


def wrap_gradio_gpu_call(func: Callable, extra_outputs: list[Any] | None = None) -> Callable:
    """`func` as a job of the queue. A first argument like "task(...)" is the id under which the page asks for
    progress."""

    @wraps(func)
    def f(*args: Any, **kwargs: Any) -> Any:
        id_task = _task_id(args)
        if id_task is not None:
            progress.add_task_to_queue(id_task)
        with queue_lock:
            shared.state.begin(job=id_task)
            progress.start_task(id_task)
            try:
                res = func(*args, **kwargs)
                progress.record_results(id_task, res)
            finally:
                progress.finish_task(id_task)
            shared.state.end()
        return res

    return wrap_gradio_call(f, extra_outputs=extra_outputs, add_stats=True)


def wrap_gradio_call(func: Callable, extra_outputs: list[Any] | None = None, add_stats: bool = False) -> Callable:
    """`func`, after which no interrupt or skip is pending and no job is shown."""

    @wraps(func)
    def f(*args: Any, **kwargs: Any) -> Any:
        try:
            return func(*args, **kwargs)
        finally:
            shared.state.skipped = shared.state.interrupted = shared.state.stopping_generation = False
            shared.state.job_count = 0
            shared.state.job = ""

    return wrap_gradio_call_no_job(f, extra_outputs, add_stats)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return (f"{int(minutes)} min. " if minutes else "") + f"{rest:.1f} sec."


def wrap_gradio_call_no_job(
    func: Callable, extra_outputs: list[Any] | None = None, add_stats: bool = False
) -> Callable:
    """`func`, whose exception becomes `extra_outputs` (default [None, ""]) and a message in the last output; with
    `add_stats` the time taken is appended to the last output, which must be HTML."""

    @wraps(func)
    def f(*args: Any, extra_outputs_array: list[Any] | None = extra_outputs, **kwargs: Any) -> tuple:
        begun = time.perf_counter()
        try:
            res = list(func(*args, **kwargs))
        except Exception as e:
            given = f"Arguments: {args} {kwargs}"[:_LOGGED_ARGUMENTS]
            errors.report(f"Error completing request\n{given}", exc_info=True)
            shown = html.escape(f"{type(e).__name__}: {e}")
            others = [None, ""] if extra_outputs_array is None else extra_outputs_array
            res = [*others, f"<div class='error'>{shown}</div>"]
        devices.torch_gc()
        if add_stats:
            taken = _duration(time.perf_counter() - begun)
            res[-1] += ("<div class='performance'><p class='time'>Time taken: <wbr>"
                        f"<span class='measurement'>{taken}</span></p></div>")
        return tuple(res)

    return f
