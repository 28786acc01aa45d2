"""docs/reliability.md: the figures of one whole run, and on which machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from .part import Part

PATH = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
HEAD = """# Reliability: what was tried to break it

Written by `python dev.py torture` from one run; do not edit it. What each part does is said in `tests/torture/`. A
failure is anything that is not as promised in the second column; a part that could not run counts as one.
"""


def line(part: Part) -> str:
    """One line for the console."""
    verdict = "well" if part.well else f"{part.failed} FAILURES"
    return f"{part.name:12} {verdict}, {part.seconds:.0f} s: {_figures(part)}"


def write(parts: list[Part], seed: int, scale: float, path: Path = PATH) -> None:
    """The table of these parts. scale: the share of the full counts that was run."""
    rows = ["| part | promise | figures | failures | seconds |", "| --- | --- | --- | --- | --- |"]
    for part in parts:
        cells = (part.name, part.promise, _figures(part), str(part.failed), f"{part.seconds:.0f}")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    failures = [f"- {part.name}: {text}" for part in parts for text in part.failures]
    system = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    share = "The full counts" if scale == 1 else f"{scale:.0%} of the full counts"
    machine = f"{share}, seed {seed}, on {system}."
    more = ["", "## Failures of this run", "", *failures] if failures else []
    path.write_text("\n".join([HEAD, machine, "", *rows, *more, ""]), encoding="utf8")


def _figures(part: Part) -> str:
    return ", ".join(f"{name} {value}" for name, value in part.figures.items())
