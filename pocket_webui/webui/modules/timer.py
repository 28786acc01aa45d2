"""How long each part of the start takes. Standard library only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from modules import command_line


class Timer:
    """Sums seconds per category; `record(name)` books the time since the last call."""

    def __init__(self, print_log: bool = False) -> None:
        self.print_log = print_log
        self.start = time.time()
        self.records: dict[str, float] = {}
        self.total = 0.0
        self.base_category = ""
        self.subcategory_level = 0

    def elapsed(self) -> float:
        """Seconds since the last call of this method."""
        now = time.time()
        passed, self.start = now - self.start, now
        return passed

    def add_time_to_record(self, category: str, amount: float) -> None:
        self.records[category] = self.records.get(category, 0.0) + amount

    def record(self, category: str, extra_time: float = 0, disable_log: bool = False) -> None:
        """Book the time since the last call, plus `extra_time` seconds, under `category`."""
        seconds = self.elapsed() + extra_time
        self.add_time_to_record(self.base_category + category, seconds)
        self.total += seconds
        if self.print_log and not disable_log:
            print(f"{'  ' * self.subcategory_level}{category}: {seconds:.3f}s")

    @contextmanager
    def subcategory(self, name: str) -> Iterator[None]:
        """What is recorded inside the block is booked as `name/...`, and its sum as `name`."""
        self.elapsed()
        outer, begun = self.base_category, time.time()
        self.base_category, self.subcategory_level = f"{outer}{name}/", self.subcategory_level + 1
        try:
            yield
        finally:
            self.base_category, self.subcategory_level = outer, self.subcategory_level - 1
            self.add_time_to_record(outer + name, time.time() - begun)
            self.elapsed()

    def summary(self) -> str:
        """The total and all top categories of at least 0.1 s, in one line."""
        parts = [f"{name}: {s:.1f}s" for name, s in self.records.items() if s >= 0.1 and "/" not in name]
        return f"{self.total:.1f}s" + (f" ({', '.join(parts)})" if parts else "")

    def dump(self) -> dict[str, Any]:
        return {"total": self.total, "records": self.records}

    def reset(self) -> None:
        self.__init__(self.print_log)  # type: ignore[misc]


startup_timer = Timer(print_log="--log-startup" in command_line.arguments())
startup_record: dict[str, Any] | None = None
