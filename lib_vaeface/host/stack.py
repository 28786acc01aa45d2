"""Whose generation is running, told by the stack: A1111 runs no hook after an error, so nothing else can know."""

from __future__ import annotations

import sys
import threading
from collections.abc import Hashable
from types import FrameType
from typing import Any

COUNTERS = ("i", "index")  # what the WebUIs call the number of the latent in the batch


def running(job: Any, thread: int | None = None) -> bool:
    """Whether a thread (this one, or the one of that number) is inside `process_images` of exactly this job."""
    frame: FrameType | None
    if thread is None or thread == threading.get_ident():
        frame = sys._getframe()
    else:
        frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_code.co_name == "process_images" and frame.f_locals.get("p") is job:
            return True
        frame = frame.f_back
    return False


def current() -> Any:
    """The job that this thread is processing, the inner one of several; None outside of any."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "process_images":
            return frame.f_locals.get("p")
        frame = frame.f_back
    return None


def decoding() -> Hashable | None:
    """Which latent of a finished batch this thread is decoding: equal where the same one is decoded again. None for
    previews, and for decodes of other extensions."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "decode_latent_batch":
            known = frame.f_locals
            return id(frame), next((known[name] for name in COUNTERS if name in known), object())
        frame = frame.f_back
    return None
