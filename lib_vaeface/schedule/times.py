"""Clocks: from the numbers in a prompt to steps of a pass, and from model calls to steps.

Two clocks. "webui" counts as the hosts do: every model call is a step, the text of step t holds for call t (and call 0
has that of step 1), a call past the end gets the first text again. "exact" counts UI steps: step t is the t-th of the
calls really made, and the last text stays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .nodes import Time

FOREVER = 2**31 - 1
_LARGE = 1e9


@dataclass(frozen=True)
class Clock:
    """One pass of `steps` steps (>= 1), which the sampler makes in `calls` model calls.

    base: the first pass's steps when this is the second pass, else None. old: `use_old_scheduling` of the hosts.
    """

    steps: int
    calls: int
    base: int | None = None
    old: bool = False
    exact: bool = False

    def position(self, time: Time) -> float:
        """Where a time lies, in steps of this pass; below 0 and above `steps` are outside of it. Not for sigmas."""
        value = time.value
        if time.unit == "%":
            value = value * self.steps / 100.0
        elif self.old:
            value = value * self.steps if value < 1 else value
        elif "." in time.text:
            value = (value - (0.0 if self.base is None else 1.0)) * self.steps
        else:
            value -= self.base or 0
        return min(max(value, -_LARGE), _LARGE)

    def when(self, time: Time) -> int:
        """The last step before a hard switch; below 1 the switch is over from the start."""
        return self.whole(self.position(time))

    def whole(self, position: float) -> int:
        """The step of a hard switch at `position`. The hosts cut float errors off (1.2 of 10 is 1); exact time not."""
        return min(self.steps, int(position + 1e-9 if self.exact else position))

    def hold(self, time: Time) -> float:
        """A length in steps, at least 1: a length has no offset in the second pass."""
        if time.unit == "%":
            length = time.value * self.steps / 100.0
        elif (self.old and time.value < 1) or (not self.old and "." in time.text):
            length = time.value * self.steps
        else:
            length = time.value
        return min(max(length, 1.0), _LARGE)

    def positions(self, times: Sequence[Time], inner: bool = False) -> list[float]:
        """Positions with left-out ones spread evenly; the ends are the pass's. inner: its ends are not among them."""
        known: list[float | None] = [None if time.unit == "?" else self.position(time) for time in times]
        if inner:
            known = [0.0, *known, float(self.steps)]
        known[0] = 0.0 if known[0] is None else known[0]
        known[-1] = float(self.steps) if known[-1] is None else known[-1]
        filled = _spread(known)
        return filled[1:-1] if inner else filled

    def step(self, call: int) -> int | None:
        """The step (1 .. steps) whose text call `call` (from 0) gets; None past the end, on the hosts' clock only."""
        if self.exact:
            return min(max(call, 0) * self.steps // self.calls + 1, self.steps)
        return max(call, 1) if call <= self.steps else None

    def last_call(self, step: int) -> int:
        """The last call that gets step `step`'s text; FOREVER for the last step in exact time."""
        if not self.exact:
            return step
        return FOREVER if step >= self.steps else math.ceil(step * self.calls / self.steps) - 1


def _spread(known: Sequence[float | None]) -> list[float]:
    anchors = [(i, value) for i, value in enumerate(known) if value is not None]
    filled = [anchors[0][1]]
    for (i, start), (j, end) in pairwise(anchors):
        filled += [start + (end - start) * (n - i) / (j - i) for n in range(i + 1, j)] + [end]
    return filled
