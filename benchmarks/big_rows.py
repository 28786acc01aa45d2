"""Rows of the tables of big pictures: each way with what it took and how far it is from the whole decode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from benchmarks.decoders import Measured
from benchmarks.tables import table

TILES_OF_OURS = "tiles, "


@dataclass(frozen=True)
class Row:
    """most, mean: difference to the whole decode in levels of 255. taken: None where memory was short."""

    name: str
    taken: Measured | None
    most: float | None = None
    mean: float | None = None

    @property
    def seconds(self) -> float:
        return median(self.taken.seconds) if self.taken else float("nan")

    def beside(self, whole: Row) -> str:
        """In words for a finding."""
        if not self.taken or not whole.taken:
            return "out of memory" if not self.taken else "fits, the whole does not"
        off = "" if self.most is None else f", {self.most:.3f}/255 off"
        return (
            f"{self.taken.peak / whole.taken.peak:.2f} of the memory at {self.seconds / whole.seconds:.2f} x"
            f" the time{off}"
        )

    def within(self, whole: Row) -> bool:
        """The bar: under a quarter of the memory at under twice the time, and under one level off."""
        if not self.taken or not whole.taken:
            return False
        cheap = self.taken.peak < whole.taken.peak / 4 and self.seconds < 2 * whole.seconds
        return cheap and self.most is not None and self.most < 1


def row(name: str, taken: Measured | None, file: str, whole: str) -> Row:
    """file, whole: what came out, and what the whole decode gave, where they could be had."""
    if not taken or not Path(whole).exists():
        return Row(name, taken)
    off = (torch.load(file) - torch.load(whole)).abs_().mul_(255)
    return Row(name, taken, float(off.max()), float(off.mean(dtype=torch.float64)))


def told(title: str, rows: Sequence[Row]) -> bool:
    """The table of one side, the whole decode first; whether one of our tiles is within the bar."""
    whole = rows[0]
    table(
        (title, "seconds", "of the whole", "peak, MiB", "of the whole", "max. difference, 1/255", "mean"),
        (_cells(one, whole) for one in rows),
    )
    return any(one.within(whole) for one in rows if one.name.startswith(TILES_OF_OURS))


def _cells(one: Row, whole: Row) -> list[str]:
    if not one.taken:
        return [one.name, *["out of memory"] * 2, *[""] * 4]
    base = whole.taken
    share = f"{one.taken.peak / base.peak:.2f}" if base and base.peak else ""
    off = ["", ""] if one.most is None or one.mean is None else [f"{one.most:.4f}", f"{one.mean:.5f}"]
    ratio = f"{one.seconds / whole.seconds:.2f}" if base else ""
    return [one.name, f"{one.seconds:.2f}", ratio, f"{one.taken.peak / 2**20:,.0f}", share, *off]
