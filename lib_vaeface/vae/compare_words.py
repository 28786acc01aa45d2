"""A comparison in words: only what was measured, and only what is large enough to speak of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .compare import Comparison, Entry, Figures

PICTURE = "picture"
DECIBELS = 0.1  # smaller differences are called equal
DETAIL = 0.02  # share of the fine detail
LEVELS = 0.5  # of 0..255, mean colour
CHANNELS = ("red", "green", "blue")


def lines(comparison: Comparison) -> list[str]:
    """One line per VAE, the nearest to the true picture first; without a true picture in the order given."""
    measured = list(comparison.measured)
    first = measured[0]
    if comparison.has_truth:
        ranked = sorted(measured, key=lambda entry: entry.figures().error)
        found = [f"{place}. {_to_truth(entry, first)}" for place, entry in enumerate(ranked, 1)]
    else:
        found = [_to_first(entry, first) for entry in measured[1:]]
        found.append(f"Compared with {first.name}, not with a true picture: this tells how they differ, not which is "
                     "better.")  # fmt: skip
    found += [f"{entry.name}: not measured: {entry.problem}" for entry in comparison.entries if entry.images is None]
    return found


def _to_truth(entry: Entry, first: Entry) -> str:
    figures = entry.figures()
    if figures.error == 0:
        return f"{entry.name}: equal to the true picture in every pixel."
    said = [f"{figures.psnr:.2f} dB to the true picture" + _likeness(figures)]
    if entry is not first:
        said += [
            _nearer(kind, entry.figures(kind), first.figures(kind), first.name, kind == PICTURE) for kind in entry.kinds
        ]
    else:
        said += [f"{kind} {entry.figures(kind).psnr:.2f} dB" for kind in entry.kinds if kind != PICTURE]
    said += _detail(figures, "the true picture has") + _colour(figures)
    return f"{entry.name}: {'; '.join(said)}."


def _to_first(entry: Entry, first: Entry) -> str:
    figures = entry.figures()
    if figures.error == 0:
        return f"{entry.name}: equal to {first.name} in every pixel."
    said = [f"{figures.psnr:.2f} dB from {first.name}" + _likeness(figures)]
    said += [f"{kind} {_decibels(entry.figures(kind))}" for kind in entry.kinds if kind != PICTURE]
    said += _detail(figures, f"{first.name} has") + _colour(figures)
    return f"{entry.name}: {'; '.join(said)}."


def _likeness(figures: Figures) -> str:
    return "" if figures.ssim is None else f" (SSIM {figures.ssim:.3f})"


def _decibels(figures: Figures) -> str:
    return "equal" if figures.error == 0 else f"{figures.psnr:.2f} dB"


def _nearer(kind: str, figures: Figures, there: Figures, name: str, short: bool) -> str:
    gain = figures.psnr - there.psnr
    what = "" if short else f"{kind} "
    if math.isnan(gain) or abs(gain) < DECIBELS:
        return f"{what}as near as {name}"
    if math.isinf(gain):
        return f"{what}{'equal to it, unlike' if gain > 0 else 'changed, unlike'} {name}"
    return f"{what}{abs(gain):.1f} dB {'nearer' if gain > 0 else 'farther'} than {name}"


def _detail(figures: Figures, whose: str) -> list[str]:
    change = figures.detail_change
    if math.isinf(change):
        return ["fine detail or noise where there is none"]
    if abs(change) < DETAIL:
        return [f"as much fine detail as {whose}"]
    if change < 0:
        return [f"smoother: {-change:.0%} less fine detail than {whose}"]
    return [f"{change:.0%} more fine detail or noise than {whose}"]


def _colour(figures: Figures) -> list[str]:
    shifts = [
        f"{value:+.1f} {name}" for name, value in zip(CHANNELS, figures.shift, strict=True) if abs(value) >= LEVELS
    ]
    return [f"mean colour shifted by {', '.join(shifts)} (levels of 255)"] if shifts else []
