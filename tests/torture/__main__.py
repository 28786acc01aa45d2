"""`python -m tests.torture`, or `python dev.py torture`: everything that must not break, and docs/reliability.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from . import concurrency, endurance, faults, files, overflow, page, presets, prompts, report
from .part import Part, Told

NAMES = ("prompts", "files", "faults", "forge", "overflow", "presets", "page", "endurance", "concurrency")
SHORT = 0.02  # of the full counts


def table(scale: float) -> dict[str, Callable[[int, Told], Part]]:
    """The parts with this share of their full counts; never of what is measured at the end: shapes, headers, depths."""

    def of(full: int, least: int = 4) -> int:
        return max(round(full * scale), min(full, least))

    step = min(round(1 / scale), 500)
    sizes, depth = (prompts.SIZES, prompts.DEPTH) if scale > SHORT else (prompts.SIZES[:2], 200)
    return {
        "prompts": lambda seed, told: prompts.torture(of(200_000), seed, told, sizes, depth),
        "files": lambda seed, told: files.torture(step, seed, told, of(50)),
        "faults": lambda seed, told: faults.torture(of(1_000), seed, told),
        "forge": lambda seed, told: faults.forge(of(200), seed, told),
        "overflow": lambda seed, told: overflow.torture(of(30), seed, told),
        "presets": lambda seed, told: preset_writers(of(500), seed, told),
        "page": lambda seed, told: page.torture(of(300), seed, told),
        "endurance": lambda seed, told: endurance.torture(of(300, 12), seed, told),
        "concurrency": lambda seed, told: concurrency.torture(of(200, 9), 4, seed, told),
    }


WIDTH = 30


def preset_writers(kills: int, seed: int, told: Told) -> Part:
    """Presets under kill -9, see presets.py, as a part."""
    import tempfile

    part = Part("presets", "no preset lost or half-written when writers are killed in the middle of a write")
    with part.timed(), tempfile.TemporaryDirectory() as folder:
        found = presets.torture(Path(folder, "presets"), kills, 4, seed, lambda done: told(done, kills))
    part.figures |= {"kills": found.kills, "writers": 4, "saves acknowledged": found.acknowledged, "reads": found.reads}
    for text in (*found.lost, *found.damaged, *found.changed):
        part.fail(text)
    return part


def bar(name: str) -> Told:
    """Draws how far a part has come, on a terminal."""

    def told(done: int, total: int) -> None:
        if sys.stderr.isatty():
            full = WIDTH * done // max(total, 1)
            print(f"\r{name:12} [{'#' * full:{WIDTH}}] {done}/{total} ", end="", file=sys.stderr, flush=True)

    return told


def run(known: dict[str, Callable[[int, Told], Part]], names: list[str], seed: int) -> list[Part]:
    """The parts one after the other; one that can't run at all has failed."""
    parts = []
    for name in names:
        try:
            part = known[name](seed, bar(name))
        except Exception as error:
            part = Part(name, "it runs")
            part.fail(f"{type(error).__name__}: {error}")
        parts.append(part)
        print(f"\r{report.line(part)}", flush=True)
        for text in part.failures:
            print(f"    {text}", flush=True)
    return parts


def main(arguments: list[str]) -> int:
    """Exit code 1 if anything was not as promised. The table is written by a whole, full run alone."""
    parser = argparse.ArgumentParser(prog="dev.py torture", description=__doc__)
    parser.add_argument("--short", action="store_true", help="few of everything; writes no table")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full counts, which the table then says")
    parser.add_argument("--only", action="append", choices=NAMES, help="this part; may be given again; no table")
    parser.add_argument("--seed", type=int, default=0, help="of all chance (default: 0)")
    chosen = parser.parse_args(arguments)
    scale = SHORT if chosen.short else min(max(chosen.scale, SHORT), 1.0)
    parts = run(table(scale), chosen.only or list(NAMES), chosen.seed)
    if not chosen.short and not chosen.only:
        report.write(parts, chosen.seed, scale)
    return 0 if all(part.well for part in parts) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
