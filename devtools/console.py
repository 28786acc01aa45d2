"""Telling the person what happens, and running other programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Failed(Exception):
    """A command cannot go on; the message says what happened and what to do."""


def say(text: str) -> None:
    print(f"[dev] {text}", flush=True)


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> int:
    """The exit code of `command`, run in the checkout; `env` is added to the environment.

    Ctrl-C reaches the child too: it gets the time to stop by itself. A request to end is passed on to it.
    """
    process = subprocess.Popen([str(part) for part in command], cwd=ROOT, env={**os.environ, **(env or {})})
    signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            say("stopping (Ctrl-C)")


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
