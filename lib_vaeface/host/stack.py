"""Whose generation is running, told by the stack: A1111 runs no hook after an error, so nothing else can know."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any


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
