"""Telling the person what happens, and running other programs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


_running: set[subprocess.Popen[bytes]] = set()


class Failed(Exception):
    """A command cannot go on; the message says what happened and what to do."""


def say(text: str) -> None:
    print(f"[dev] {text}", flush=True)


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> int:
    """The exit code of `command`, run in the checkout; `env` is added to the environment.

    Ctrl-C reaches the child too: it gets the time to stop by itself. A request to end is passed on to it. In a thread
    other than the first, what the command says comes when it is done, as a whole.
    """
    first = threading.current_thread() is threading.main_thread()
    with contextlib.nullcontext() if first else tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [str(part) for part in command], cwd=ROOT, env={**os.environ, **(env or {})}, stdout=said, stderr=said
        )
        _running.add(process)
        if first:
            signal.signal(signal.SIGTERM, _end)
        code = _wait(process)
        _running.discard(process)
        if said is not None:
            said.seek(0)
            print(said.read().decode(errors="replace"), end="", flush=True)
        return code


def _wait(process: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            say("stopping (Ctrl-C)")


def _end(number: int, frame: object) -> None:
    for process in tuple(_running):
        process.terminate()


def output_of(command: Sequence[str | Path]) -> str:
    """Standard output of `command`; empty when it cannot be run or fails."""
    try:
        done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def under_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def windows() -> bool:
    return sys.platform == "win32"
