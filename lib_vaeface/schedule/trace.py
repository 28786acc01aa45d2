"""What the schedule did in one sampling pass: how many model calls, how many conditionings, where they switched.

The conditioning is compared by two sums that stay on its device, so that no call waits for the device; they are read
when the pass is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any


@dataclass
class Trace:
    """The model calls of one pass, in order. `timing` is "webui" or "exact", see `switches`."""

    timing: str
    calls: list[tuple[int, tuple[Any, ...]]] = field(default_factory=list)

    def record(self, step: int, total_steps: int, steps: int, *conditionings: Any) -> None:
        """Note one model call.

        `step` counts calls from 0 and `total_steps` is how many the sampler plans (twice `steps` for second-order
        samplers). A conditioning is a tensor [rows, tokens, width], a mapping of tensors (SDXL), or None.
        """
        position = step if self.timing == "webui" else ui_step(step, total_steps, steps)
        self.calls.append((position, tuple(s for c in conditionings for s in _sums(c))))

    def summary(self) -> dict[str, Any]:
        """{"calls": n, "conditionings": how many differ, "switches": [positions]} as plain JSON values.

        A switch is the first call of another conditioning. Its position is the host's step counter (from 0, each
        call counts) in "webui" timing, and the step of the Steps slider (from 1) in "exact" timing.
        """
        seen = [(position, tuple(float(s) for s in sums)) for position, sums in self.calls]
        switches = [position for (_, before), (position, now) in pairwise(seen) if before != now]
        return {"calls": len(seen), "conditionings": len({sums for _, sums in seen}), "switches": switches}


def ui_step(step: int, total_steps: int, steps: int) -> int:
    """The step of the Steps slider (1..steps) that model call `step` of `total_steps` belongs to."""
    if total_steps < 1 or steps < 1:
        return step + 1
    return min(step * steps // total_steps + 1, steps)


def _sums(conditioning: Any) -> Iterator[Any]:
    if conditioning is None:
        return
    tensors = conditioning.values() if isinstance(conditioning, Mapping) else (conditioning,)
    for tensor in tensors:
        values = tensor.float()  # sums in half precision would overflow
        yield values.sum()
        yield (values * values).sum()
