"""A lock that is handed over in the order in which threads asked for it."""

from __future__ import annotations

import threading
from collections import deque


class FIFOLock:
    """Not re-entrant. A plain lock makes no promise about the order of waiting threads; jobs in the page's queue
    would overtake each other."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._held = False

    def acquire(self, blocking: bool = True) -> bool:
        """Take the lock; False only if not `blocking` and another thread has it."""
        with self._guard:
            if not self._held:
                self._held = True
                return True
            if not blocking:
                return False
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()
        return True

    def release(self) -> None:
        """Hand the lock to the thread that has waited longest. RuntimeError if nobody holds it."""
        with self._guard:
            if not self._held:
                raise RuntimeError("release of a lock that is not held")
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False

    __enter__ = acquire

    def __exit__(self, *exc_info: object) -> None:
        self.release()
