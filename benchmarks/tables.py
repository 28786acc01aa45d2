"""What every benchmark prints: Markdown tables, the machine it ran on, and CPU time.

CPU time of the calling thread is what is compared, because a busy machine lengthens everything else.
"""

from __future__ import annotations

import datetime
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def table(head: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1) -> None:
    """Print rows as they come; the first `words` columns are text, the others are numbers."""
    print(f"\n| {' | '.join(head)} |\n|{' --- |' * words}{' ---: |' * (len(head) - words)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)
    print(flush=True)


def machine(*packages: str) -> str:
    """One line: date, processor, Python and the packages' versions."""
    versions = [f"{name} {metadata.version(name)}" for name in packages]
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    parts = [f"{_processor()}, {os.cpu_count()} cores{load}", f"Python {sys.version.split()[0]}", *versions]
    return f"*{today}; {'; '.join(parts)}.*"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def code(text: str) -> str:
    """Text in a table's cell, as it is written in a prompt."""
    return f"`{text}`".replace("|", "\\|")


def cpu_seconds(work: Callable[[], Any], runs: int = 3) -> float:
    """The best of some runs."""
    best = float("inf")
    for _ in range(runs):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return best
