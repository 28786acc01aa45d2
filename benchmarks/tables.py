"""What every benchmark prints: Markdown tables and the machine it ran on."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from benchmarks.flags import ROOT

__all__ = ["ROOT", "code", "lines", "machine", "table"]


def table(head: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1) -> None:
    """Print rows as they come; the first `words` columns are text, the others are numbers."""
    print()
    for line in lines(head, rows, words):
        print(line, flush=True)
    print(flush=True)


def lines(head: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1) -> Iterable[str]:
    """A table's lines, each as soon as its row is known."""
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * words}{' ---: |' * (len(head) - words)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def machine(*packages: str, device: str = "cpu") -> str:
    """One line: date, processor, memory, GPU where one is used, Python and the packages' versions."""
    versions = [f"{name} {metadata.version(name)}" for name in packages]
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    parts = [f"{_processor()}, {os.cpu_count()} cores{_memory()}{load}", *_gpu(device)]
    return f"*{today}; {'; '.join([*parts, f'Python {sys.version.split()[0]}', *versions])}.*"


def _memory() -> str:
    try:
        return f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, ValueError, OSError):
        return ""


def _gpu(device: str) -> list[str]:
    if device != "cuda":
        return []
    import torch

    return [f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"]


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
