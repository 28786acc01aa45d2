"""What each part of the torture tells: plain figures, and what was not as promised."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .child import run

Told = Callable[[int, int], None]
MOST = 40  # failures that are kept in words
MOST_LETTERS = 1200  # of each: what an error says stands at the end


def nobody(done: int, total: int) -> None:
    """For those who don't want to hear of progress."""


@dataclass
class Part:
    """One part. figures: what was measured, by name. failures: what was not as promised, the first of `failed`."""

    name: str
    promise: str
    figures: dict[str, int | float | str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0

    @property
    def well(self) -> bool:
        return not self.failed

    def fail(self, text: str) -> None:
        self.failed += 1
        if len(self.failures) < MOST:
            self.failures.append(text if len(text) < MOST_LETTERS else f"{text[:300]} ... {text[300 - MOST_LETTERS :]}")

    def count(self, name: str, more: int = 1) -> None:
        self.figures[name] = int(self.figures.get(name, 0)) + more

    @contextmanager
    def timed(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds = round(time.monotonic() - began, 1)


def slope(values: list[float]) -> float:
    """Change per step of the straight line nearest to the values (least squares)."""
    count = len(values)
    if count < 2:
        return 0.0
    middle, mean = (count - 1) / 2, sum(values) / count
    above = sum((i - middle) * (value - mean) for i, value in enumerate(values))
    return above / sum((i - middle) ** 2 for i in range(count))


def of_child(name: str, promise: str, arguments: dict[str, object], told: Told, *flags: str) -> Part:
    """The part `name` as the pocket WebUI's process tells it."""
    part = Part(name, promise)
    with part.timed():
        found = run({name: arguments}, told, *flags)[name]
    return taken(part, found)


def taken(part: Part, found: dict[str, Any]) -> Part:
    """The part with what its process found."""
    part.figures.update(found["figures"])
    for text in found["wrong"]:
        part.fail(text)
    return part
