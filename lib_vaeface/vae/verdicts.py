"""Verdicts on pairs of a VAE file and a checkpoint, and the memory of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from .header import Identity
from .jsonfile import JsonFile

Answer = Literal["fits", "does not fit", "unknown"]
FITS: Answer = "fits"
REFUSED: Answer = "does not fit"
UNKNOWN: Answer = "unknown"
ANSWERS = (FITS, REFUSED, UNKNOWN)
RULE = 2  # of kinship: verdicts of another rule are not believed


@dataclass(frozen=True)
class Evidence:
    """One thing that was found. level: "L0" header, "L1" identity, "L2" lineage, "L3" probe, "claim" (no proof)."""

    level: str
    text: str
    figures: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"level": self.level, "text": self.text, "figures": dict(self.figures)}


@dataclass(frozen=True)
class Verdict:
    """Whether a VAE fits a checkpoint. reason: one sentence for a person. allowed: the person said yes to this pair."""

    answer: Answer
    reason: str
    evidence: tuple[Evidence, ...] = ()
    allowed: bool = False

    @property
    def may_decode(self) -> bool:
        """Fits, or is unknown and was allowed. What does not fit is never allowed."""
        return self.answer == FITS or (self.answer == UNKNOWN and self.allowed)

    def to_json(self) -> dict[str, Any]:
        evidence = [found.to_json() for found in self.evidence]
        return {"answer": self.answer, "reason": self.reason, "evidence": evidence, "allowed": self.allowed}


class Verdicts:
    """What was decided, by the state of the file and the checkpoint's fingerprint. path: JSON; None: memory only."""

    def __init__(self, path: Path | str | None = None) -> None:
        self._file = JsonFile(path, limit=5000)

    def get(self, candidate: Identity, checkpoint: str) -> Verdict | None:
        """The verdict on a pair, if the same rule gave it before; a person's yes is added to what is unknown."""
        found = _read(self._file.get(_key("verdict", candidate, checkpoint)))
        if found is None or found.answer != UNKNOWN:
            return found
        return Verdict(found.answer, found.reason, found.evidence, self.allowed(candidate, checkpoint))

    def put(self, candidate: Identity, checkpoint: str, verdict: Verdict) -> None:
        """Remembers a verdict. A disk that can't be written costs the next start a second look, nothing else."""
        try:
            self._file.put(_key("verdict", candidate, checkpoint), {"rule": RULE, **verdict.to_json()})
        except OSError:
            pass  # kept in memory

    def allow(self, candidate: Identity, checkpoint: str, yes: bool = True) -> None:
        """The person's yes to a pair that is unknown, or its withdrawal. OSError: it can't be kept beyond this run."""
        self._file.put(_key("allowed", candidate, checkpoint), True if yes else None)

    def allowed(self, candidate: Identity, checkpoint: str) -> bool:
        """Whether the person said yes. A file that was written again must be asked about again."""
        return self._file.get(_key("allowed", candidate, checkpoint)) is True


def _key(kind: str, candidate: Identity, checkpoint: str) -> str:
    return json.dumps([kind, candidate.key(), checkpoint])


def _read(entry: Any) -> Verdict | None:
    """A verdict from JSON that anything may have happened to; None where it is none of this rule's."""
    if not isinstance(entry, dict) or entry.get("rule") != RULE or entry.get("answer") not in ANSWERS:
        return None
    listed = entry.get("evidence")
    evidence = tuple(
        Evidence(str(found.get("level", "")), str(found.get("text", "")), dict(found.get("figures") or {}))
        for found in (listed if isinstance(listed, list) else [])
        if isinstance(found, dict)
    )
    return Verdict(cast(Answer, entry["answer"]), str(entry.get("reason", "")), evidence)
