"""One pass over the faces: how they are found, painted and blended; and lists of passes as JSON says them."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .crops import PADDING
from .filters import ORDERS, Filters
from .guard import MARGIN
from .search import NORMAL, SEARCHES

SAME, PER_FACE = "same", "per face"


@dataclass(frozen=True)
class FacePass(Filters):
    """Settings of one pass. Build it from what people wrote with `parse_passes`, which checks kinds and ranges.

    detector, search: which, and how. What is worked on and in which order: see `Filters`.
    redecode: whether faces are decoded again by the face VAE before. grow, right, down: the face is this many times as
    large, moved by shares of its width and height in its own directions.
    strength: denoising strength at the reference size, see `strength`; 0: nothing is painted. adaptive: it follows the
    enlargement. padding: window to the longer side of the face. prompt, negative: see `prompts`. steps, sampler,
    scheduler, cfg: 0 and "" are the picture's. seeds: "per face" is the picture's seed plus the face's number from 0.
    tone: match of tone in blending, 0..1. guard, margin: see `guard`.
    """

    detector: str = "centerface"
    search: str = NORMAL
    score: float = 0.35
    redecode: bool = True
    grow: float = 1.0
    right: float = 0.0
    down: float = 0.0
    strength: float = 0.0
    adaptive: bool = True
    padding: float = PADDING
    prompt: str = ""
    negative: str = ""
    steps: int = 0
    sampler: str = ""
    scheduler: str = ""
    cfg: float = 0.0
    seeds: str = PER_FACE
    tone: float = 1.0
    guard: bool = True
    margin: float = MARGIN


RANGES: dict[str, tuple[float, float]] = {
    "score": (0.01, 1), "smallest": (0, 100), "largest": (0, 100), "main": (0, 100), "count": (0, 1000),
    "merge": (0, 1), "grow": (0.25, 4), "right": (-2, 2), "down": (-2, 2), "strength": (0, 1), "padding": (1.2, 6),
    "steps": (0, 1000), "cfg": (0, 100), "tone": (0, 1), "margin": (0, 1),
}  # fmt: skip
CHOICES = {"search": SEARCHES, "order": ORDERS, "seeds": (PER_FACE, SAME)}
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
FIELDS = {field.name: type(field.default) for field in dataclasses.fields(FacePass)}


def parse_passes(given: object, base: FacePass | None = None) -> tuple[tuple[FacePass, ...], list[str]]:
    """Passes from a list of dictionaries, or from JSON text of one; and warnings. "" and None are no passes.

    What a dictionary leaves out is as in `base`. A key that is not known gives a warning and changes nothing else.
    ValueError, which says the pass, the key and what would be right: no list, a value of the wrong kind or range.
    """
    if isinstance(given, str):
        given = _json(given)
    if given is None:
        return (), []
    if isinstance(given, Mapping):
        given = [given]
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ValueError(f"passes: a list of objects is wanted, not {given!r:.60}")
    warnings: list[str] = []
    made = [_pass(entry, f"pass {number}", base or FacePass(), warnings) for number, entry in enumerate(given, 1)]
    return tuple(made), warnings


def _json(text: str) -> object:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f'passes: this is no JSON ({error}); an example: [{{"strength": 0.3}}]') from None


def _pass(entry: object, name: str, base: FacePass, warnings: list[str]) -> FacePass:
    if not isinstance(entry, Mapping):
        raise ValueError(f"{name}: an object such as {{'strength': 0.3}} is wanted, not {entry!r:.60}")
    taken: dict[str, Any] = {}
    for key, value in entry.items():
        if key in FIELDS:
            taken[key] = _value(key, value, name)
        else:
            close = difflib.get_close_matches(str(key), FIELDS, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            warnings.append(f"{name}: no setting {str(key)[:60]!r}, ignored{hint}")
    return dataclasses.replace(base, **taken)


def _value(key: str, value: object, name: str) -> bool | int | float | str:
    """The value if it is of the right kind and in its range."""
    kind = FIELDS[key]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind or not isinstance(value, (bool, int, float, str)):
        raise ValueError(f"{name}: {key!r} must be {KINDS[kind]}, not {value!r:.60}")
    if key in CHOICES and value not in CHOICES[key]:
        raise ValueError(f"{name}: {key!r} must be one of {', '.join(CHOICES[key])}, not {value!r:.60}")
    if key in RANGES and not isinstance(value, str):
        low, high = RANGES[key]
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f"{name}: {key!r} must lie in {low:g}..{high:g}, not {value!r}")
    return value
