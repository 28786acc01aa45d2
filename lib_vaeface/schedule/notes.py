"""Notes to the person: which bracket stays text although it looks like a schedule, why, and what to write instead."""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """One remark about a prompt. line and column count from 1; instead is "" when there is nothing better to write."""

    line: int
    column: int
    reason: str
    instead: str = ""

    def __str__(self) -> str:
        advice = f" Write {self.instead} instead." if self.instead else ""
        return f"line {self.line}, column {self.column}: {self.reason}.{advice}"

    def to_json(self) -> dict[str, int | str]:
        """The four fields as plain JSON values."""
        return {"line": self.line, "column": self.column, "reason": self.reason, "instead": self.instead}


class Places:
    """Turns character offsets of a text, or of a part of it, into lines and columns of the text."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(i + 1 for i, character in enumerate(text) if character == "\n")]
        self._offset = 0

    def behind(self, offset: int) -> Places:
        """The places of the part that begins at `offset`."""
        part = copy(self)
        part._offset = offset
        return part

    def line_column(self, at: int) -> tuple[int, int]:
        """(line, column), both from 1, of the character at `at` of the part."""
        at += self._offset
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1

    def note(self, at: int, reason: str, instead: str = "") -> Note:
        """A note about the character at `at` of the part."""
        return Note(*self.line_column(at), reason, instead)
