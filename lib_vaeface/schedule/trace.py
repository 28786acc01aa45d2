"""What the schedule did in one sampling pass: how many model calls, how many conditionings, where they switched."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any


@dataclass
class Trace:
    """The model calls of one pass, in order. `timing` is "webui" or "exact", see `switches`."""

    timing: str
    calls: list[tuple[int, Hashable]] = field(default_factory=list)

    def record(self, step: int, total_steps: int, steps: int, meaning: Hashable) -> None:
        """Note one model call and what the prompts say at it, equal for two calls when they say the same.

        `step` counts calls from 0 and `total_steps` is how many the sampler plans (twice `steps` for second-order
        samplers).
        """
        position = step if self.timing == "webui" else ui_step(step, total_steps, steps)
        self.calls.append((position, meaning))

    def summary(self) -> dict[str, Any]:
        """{"calls": n, "conditionings": how many differ, "switches": [positions]} as plain JSON values.

        A switch is the first call of another conditioning. Its position is the host's step counter (from 0, each
        call counts) in "webui" timing, and the step of the Steps slider (from 1) in "exact" timing.
        """
        switches = [position for (_, before), (position, now) in pairwise(self.calls) if before != now]
        return {"calls": len(self.calls), "conditionings": len({m for _, m in self.calls}), "switches": switches}


def ui_step(step: int, total_steps: int, steps: int) -> int:
    """The step of the Steps slider (1..steps) that model call `step` of `total_steps` belongs to."""
    if total_steps < 1 or steps < 1:
        return step + 1
    return min(step * steps // total_steps + 1, steps)
