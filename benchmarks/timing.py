"""Times as every benchmark takes them: medians over repeats, and things that are compared take turns.

Where one thread does the work its CPU time is what is compared, because a busy machine lengthens everything else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Work = Callable[[], Any]


@dataclass(frozen=True)
class Times:
    """Seconds of the repeats of one thing."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def spread(self) -> str:
        """Least to most, in milliseconds."""
        least, most = (f"{one * 1e3:,.0f}" if one >= 0.1 else f"{one * 1e3:.2g}" for one in self._ends)
        return f"{least} .. {most}"

    @property
    def _ends(self) -> tuple[float, float]:
        return min(self.seconds), max(self.seconds)


def cpu_once(work: Work) -> float:
    """CPU seconds of this thread."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def process_once(work: Work) -> float:
    """CPU seconds of all threads of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def wall_once(work: Work) -> float:
    """Seconds by the clock until the work, a GPU's too, is done."""
    settle()
    start = time.perf_counter()
    work()
    settle()
    return time.perf_counter() - start


def settle() -> None:
    """Wait for what a GPU has been given."""
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def cpu_seconds(work: Work, runs: int = 5) -> float:
    """The median of some runs."""
    return median(cpu_once(work) for _ in range(runs))


def in_turn(works: Mapping[str, Work], runs: int = 5, once: Callable[[Work], float] = cpu_once) -> dict[str, Times]:
    """Each thing once, then each again, ...: what disturbs the machine disturbs all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            taken[name].append(once(work))
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The slope of the straight line through the points, both axes logarithmic (least squares): 1 is linear."""
    xs, ys = [math.log(size) for size in sizes], [math.log(one) for one in seconds]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)


def last_exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The same over the larger half of the sizes, where fixed costs weigh least."""
    half = max((len(sizes) + 1) // 2, 2)
    return exponent(sizes[-half:], seconds[-half:])
