"""The VAE files for a person who is to pick one: which of them fit the loaded model, and what "Automatic" comes to.

It rests on headers, slices of weights and what was proved before: no picture is decoded, no file is read whole. What
only a test picture can tell is "unknown" here, and is proved when the file is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .errors import VaeFileError
from .finest import candidates
from .kinship import CheckpointFacts, judge
from .library import Entry, VaeNameError
from .picked import BUILT_IN, NOTHING_ELSE, SAME, Habits, Picker
from .verdicts import FITS, REFUSED, UNKNOWN, Verdict

UNUSABLE = "can't be used"
OPEN = "Header and weights don't tell. A test picture does, when the file is used or tested."


@dataclass(frozen=True)
class Line:
    """One file. answer: "fits", "does not fit", "unknown" or "can't be used"; reason: a sentence."""

    entry: Entry
    answer: str
    reason: str

    @property
    def can_be_picked(self) -> bool:
        return self.answer in (FITS, UNKNOWN)


@dataclass(frozen=True)
class Listing:
    """All files, as they stand to one checkpoint. automatic, faces: name and reason of what "Automatic" takes for the
    picture and for faces; the name is "Built-in" or "Same" where it takes no file."""

    checkpoint: str
    lines: tuple[Line, ...]
    automatic: tuple[str, str]
    faces: tuple[str, str]

    @property
    def names(self) -> list[str]:
        """What may be picked: files that fit first, then those whose fit can't be told yet."""
        fit = [line.entry.name for line in self.lines if line.answer == FITS]
        return fit + [line.entry.name for line in self.lines if line.answer == UNKNOWN]

    def of(self, entry: Entry) -> Line | None:
        """The line of an entry; None where it came later."""
        return next((line for line in self.lines if line.entry.name == entry.name), None)


def listing(picker: Picker, facts: CheckpointFacts, habits: Habits) -> Listing:
    """Looks at the folders again; files that were looked at before cost next to nothing."""
    entries = picker.library.refresh()
    # A list first: reForge walks all objects of the process while it unloads a model, and trips over half a tuple.
    lines = [_line(picker, entry, facts) for entry in entries]
    found = Listing(facts.name, tuple(lines), ("", ""), ("", ""))
    automatic = _first(found, picker.for_automatic(facts, habits), BUILT_IN, NOTHING_ELSE)
    tuned = [(entry, f"{kind.upper()} fine-tune") for kind, entry in candidates(picker)]
    faces = _first(found, tuned, SAME, "no MSE or EMA fine-tune is known to fit")
    return Listing(facts.name, found.lines, automatic, faces)


def find(picker: Picker, found: Listing, name: str) -> Line | None:
    """The line of a name that was typed, pasted or picked, by any spelling that a generation takes; None: no file."""
    try:
        return found.of(picker.library.find(name))
    except VaeNameError:
        return None


def _line(picker: Picker, entry: Entry, facts: CheckpointFacts) -> Line:
    info = entry.info
    if info is None or not entry.usable:
        return Line(entry, UNUSABLE, entry.problem or "It holds no decoder.")
    verdict = _verdict(lambda: judge(entry.path, facts, sha256=info.sha256, memory=picker.memory))
    if verdict.answer == UNKNOWN and verdict.allowed:
        return Line(entry, UNKNOWN, "You allowed it, although its fit can't be told.")
    tested = any(found.level == "L3" for found in verdict.evidence)
    return Line(entry, verdict.answer, verdict.reason if tested or verdict.answer != UNKNOWN else OPEN)


def _verdict(work: Callable[[], Verdict]) -> Verdict:
    try:
        return work()
    except VaeFileError as error:
        return Verdict(REFUSED, str(error))


def _first(found: Listing, wanted: Iterable[tuple[Entry, str]], otherwise: str, why: str) -> tuple[str, str]:
    """The first that fits; one before it that is unknown is named too, for a test picture may prove it."""
    maybe = ""
    for entry, reason in wanted:
        line = found.of(entry)
        if line and line.answer == FITS:
            return entry.name, reason + maybe
        if line and line.answer == UNKNOWN and not maybe:
            maybe = f"; or {entry.name}, if a test picture proves that it fits"
    return otherwise, why + maybe
