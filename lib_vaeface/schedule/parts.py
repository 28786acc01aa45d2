"""Prompts composed with AND: parts, and their weights over time.

prompt ::= part ("AND" part)*                                 cut at every word AND, inside brackets too
part   ::= text [":" NUMBER]                                  the hosts' form: digits and a point
         | text ":" weights [":" CURVE]                       ours, where there are at least two parts
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .curves import CURVES
from .nodes import Time
from .tails import weights

_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(r"\s*([-+]?(?:\d+\.?|\d*\.\d+))")


@dataclass(frozen=True)
class Part:
    """One part: its text, its offset in the prompt, and one constant weight or several at times (see nodes.Ramp)."""

    text: str
    offset: int = 0
    weights: tuple[float, ...] = (1.0,)
    times: tuple[Time, ...] = ()
    curve: str = ""

    @property
    def by_sigma(self) -> bool:
        """Whether the weight depends on the noise level."""
        return any(time.unit == "s" for time in self.times)


def split(prompt: str, extensions: bool = True) -> list[Part]:
    """The parts as the hosts cut them: spaces before a text stay, spaces behind it go."""
    ends = list(_AND.finditer(prompt))
    starts = [0, *(found.end() for found in ends)]
    stops = [*(found.start() for found in ends), len(prompt)]
    ours = extensions and len(starts) > 1
    return [_part(prompt[start:stop], start, ours) for start, stop in zip(starts, stops, strict=True)]


def _part(written: str, offset: int, ours: bool) -> Part:
    text = written.rstrip()
    head, colon, tail = text.rpartition(":")
    if colon and (found := _WEIGHT.fullmatch(tail)):
        return Part(head.rstrip(), offset, (float(found[1]),))
    if not (colon and ours):
        return Part(text, offset)
    curve = tail.strip() if tail.strip() in CURVES else ""
    if curve:
        head, colon, tail = head.rpartition(":")
    keys = weights(tail) if colon and not _escaped(head) else None
    if keys is None or len({time.unit == "s" for time in keys[1]}) > 1:
        return Part(text, offset)
    return Part(head.rstrip(), offset, tuple(map(float, keys[0])), keys[1], curve)


def _escaped(head: str) -> bool:
    return (len(head) - len(head.rstrip("\\"))) % 2 == 1
