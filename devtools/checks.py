"""`dev.py test`: everything that CI runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devtools import chromium, environments, interpreters, plain
from devtools.console import ROOT, run, say, under_ci

Step = tuple[str, Callable[[], int]]
GRADIO4_FILES = ["tests/browser/test_both_gradios.py"]
NO_TESTS = 5  # pytest's exit code when it has found none


def test(slow: bool, quick: bool, install_chromium: bool, pytest_flags: list[str]) -> int:
    """Runs every step even after one has failed, says which failed, and returns 1 if any did.

    Two at a time: the tests, and beside them all that mostly waits.
    """
    python = environments.ensure(environments.ENVIRONMENTS["dev"])
    browser = not quick and chromium.ensure(install_chromium)
    apart = (browser or under_ci()) and not pytest_flags
    selected = selection(slow, browser)
    tests: Step = ("tests", lambda: _pytest(python, both(selected, "not browser") if apart else selected, pytest_flags))
    beside: list[Step] = [
        ("ruff", lambda: run([python, "-m", "ruff", "check", "--no-cache", "."])),
        ("mypy", lambda: run([python, "-m", "mypy"])),
    ]
    if apart:
        beside.append(("tests in a browser", lambda: _pytest(python, both(selected, "browser"), [])))
    if browser or (under_ci() and not quick):
        beside.append(("the page under gradio 4, as Forge", _gradio4))
    if not quick:
        beside.append(("tests without torch on Python 3.10", _plain))
    with ThreadPoolExecutor(1) as second:
        others = second.submit(lambda: [(name, *_timed(name, step)) for name, step in beside])
        done = (tests[0], *_timed(*tests))
    return _report([*others.result(), done])


def _pytest(python: Path, selected: str, flags: list[str]) -> int:
    threads = str(max((os.cpu_count() or 2) // 2, 1))  # the other half is for what runs beside
    env = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", threads)}
    return run([python, "-m", "pytest", "-m", selected, *flags], env)


def both(*expressions: str) -> str:
    return " and ".join(expression for expression in expressions if expression)


def selection(slow: bool, browser: bool) -> str:
    """pytest's -m expression. Under CI browser tests stay in, so that a missing browser fails them."""
    left_out = [*([] if slow else ["slow"]), *([] if browser or under_ci() else ["browser"])]
    return both(*(f"not {mark}" for mark in left_out))


def _timed(name: str, step: Callable[[], int]) -> tuple[int, float]:
    say(f"--- {name}")
    started = time.monotonic()
    return step(), time.monotonic() - started


def _gradio4() -> int:
    """The pocket WebUI behaves as Forge there."""
    python = environments.ensure(environments.ENVIRONMENTS["gradio4"])
    return run([python, "-m", "pytest", "-q", *GRADIO4_FILES])


def _plain() -> int:
    environment = environments.ENVIRONMENTS["plain"]
    if interpreters.find(environment.python or "") is None:
        say(f"No Python {environment.python} found on this machine: left out. It is the oldest that is supported.")
        return 0
    files = plain.test_files(ROOT)
    if not files:
        say("No test file needs neither torch nor gradio.")
        return 1
    return _pytest_plain(environments.ensure(environment), files)


def _pytest_plain(python: Path, files: list[Path]) -> int:
    code = run([python, "-m", "pytest", "-q", "-m", "not slow and not torch and not browser", *files])
    return 0 if code == NO_TESTS else code


def _report(results: list[tuple[str, int, float]]) -> int:
    say("--- summary")
    for name, code, seconds in results:
        say(f"{'ok    ' if code == 0 else 'FAILED'}  {seconds:5.0f} s  {name}{f'  (exit code {code})' if code else ''}")
    return 1 if any(code for _, code, _ in results) else 0
