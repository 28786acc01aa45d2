"""Counts how often what is read from pictures is what was meant."""

from __future__ import annotations

from dataclasses import dataclass

from .attributes import ATTRIBUTES, YES_NO

Values = dict[str, str | None]


@dataclass(frozen=True)
class Score:
    """For one attribute: share that agrees, and how many could be judged.

    For yes/no attributes `on_yes` and `on_no` are the shares where it was and was not meant, and `balanced` is
    their mean, which saying "no" to everything can't lift above one half; for colours all of them are None but
    `balanced`, which is the plain share.
    """

    agreement: float
    judged: int
    balanced: float
    on_yes: float | None = None
    on_no: float | None = None


def _share(hits: list[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None


def score(name: str, meant: list[Values], seen: list[dict[str, str]]) -> Score | None:
    """Agreement of one attribute; None if no picture could show it."""
    pairs = [(m[name], s[name]) for m, s in zip(meant, seen, strict=True) if m[name] is not None and name in s]
    plain = _share([m == s for m, s in pairs])
    if plain is None:
        return None
    if ATTRIBUTES[name] != YES_NO:
        return Score(plain, len(pairs), plain)
    no, yes = (_share([m == s for m, s in pairs if m == value]) for value in YES_NO)
    sides = [side for side in (no, yes) if side is not None]
    return Score(plain, len(pairs), sum(sides) / len(sides), on_yes=yes, on_no=no)


def scores(meant: list[Values], seen: list[dict[str, str]]) -> dict[str, Score]:
    """All attributes that could be judged at all."""
    found = {name: score(name, meant, seen) for name in ATTRIBUTES}
    return {name: value for name, value in found.items() if value is not None}


def summary(found: dict[str, Score]) -> dict[str, float | str]:
    """Mean and worst over attributes, plain and balanced."""
    worst = min(found, key=lambda name: found[name].agreement)
    worst_balanced = min(found, key=lambda name: found[name].balanced)
    return {
        "mean": sum(s.agreement for s in found.values()) / len(found),
        "worst": found[worst].agreement,
        "worst attribute": worst,
        "mean balanced": sum(s.balanced for s in found.values()) / len(found),
        "worst balanced": found[worst_balanced].balanced,
        "worst balanced attribute": worst_balanced,
    }


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def table(rows: list[list[str]]) -> str:
    """Rows of cells as a Markdown table; the first row is the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])
