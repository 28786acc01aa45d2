"""Timelines: what a prompt says at each model call of one pass, as {text: weight}."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .evaluate import LIMIT, Bound, Key, mix_at
from .grammar import Reading, harmless
from .notes import Note
from .parts import Part
from .switches import switches
from .times import FOREVER, Clock

Weights = dict[str, float]


@dataclass(frozen=True)
class Timeline:
    """One prompt, or one part of a prompt composed with AND, over one pass.

    ends, pieces: piece i holds for the steps behind ends[i-1] up to ends[i], its weights sum to 1. by_sigma: something
    depends on the noise level, then `at` wants it and the pieces tell of the start. geometry: "slerp" where a blend
    asked to be mixed on the sphere, else "linear". extended: it says what no host says. uncertain: see `Reading`.
    """

    prompt: str
    part: Part
    clock: Clock
    ends: tuple[int, ...]
    pieces: tuple[Weights, ...]
    notes: tuple[Note, ...]
    geometry: str
    extended: bool
    bound: Bound
    part_keys: tuple[Key, ...]
    uncertain: bool = False

    @property
    def by_sigma(self) -> bool:
        """Whether the texts depend on the noise level."""
        return bool(self.bound.levels)

    def at(self, call: int, sigma: float | None = None) -> tuple[Weights, int]:
        """({text: weight}, the last call for which this holds) at model call `call`, from 0.

        sigma: the noise level, for prompts that name one ("5s"); unknown means the start. It is looked at each time
        and nothing is remembered, so samplers that add noise again (Restart) go back in the prompt as well.
        """
        index, until = self._piece(call)
        if not self.by_sigma:
            return dict(self.pieces[index]), until
        level = -math.inf if sigma is None else -sigma
        return _harmless(self.bound.at(self.ends[index], level)), call

    def _piece(self, call: int) -> tuple[int, int]:
        step = self.clock.step(call)
        if step is None:
            return 0, FOREVER
        index = bisect_left(self.ends, step)
        return index, self.clock.last_call(self.ends[index])

    def reclocked(self, clock: Clock) -> Timeline:
        """The same prompt over a pass of other steps or calls."""
        bound = Bound(self.bound.nodes, clock, self.bound.weight_step)
        ends = _ends(bound)
        pieces = _shared([bound.at(end) for end in ends])
        part_keys = tuple(Bound((), clock).keys(self.part.times)) if self.part.times else ()
        return replace(self, clock=clock, ends=ends, pieces=pieces, bound=bound, part_keys=part_keys)

    def read_as(self, entries: Iterable[tuple[int, str]]) -> Timeline:
        """With the pieces (end, text) that the WebUI itself reads, in steps of this pass."""
        ends, texts = zip(*entries, strict=True)
        return replace(self, ends=ends, pieces=_shared([{text: 1.0} for text in texts]))

    def texts(self) -> list[str]:
        """Every text that `at` can give, each once, in order of appearance."""
        found = dict.fromkeys(text for piece in self.pieces for text in piece)
        if self.by_sigma:
            for level in self.bound.probes():
                for end in self.ends:
                    found.update(dict.fromkeys(map(harmless, self.bound.at(end, level))))
        return list(found)

    def weight_at(self, call: int, sigma: float | None = None) -> float:
        """The part's weight in its AND composition at model call `call`; 1 for a prompt without."""
        part = self.part
        if not part.times:
            return part.weights[0]
        level = -math.inf if sigma is None else -sigma
        shares = mix_at(self.part_keys, part.curve, self.clock.step(call) or 1, level)
        return sum(part.weights[i] * share for i, share in shares)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: what the page's timeline draws.

        {"v": 1, "prompt", "timing", "steps", "calls", "geometry", "by_sigma", "extended", "texts": [...],
        "pieces": [{"from": call, "until": call, "weights": [[index of the text, weight], ...]}],
        "part_weights": [one per call, or one for all], "switches": [see switches.py], "notes": [...]}. Calls past the
        planned ones are left out.
        """
        texts = self.texts()
        index = {text: i for i, text in enumerate(texts)}
        pieces = [
            {"from": start, "until": end, "weights": [[index[text], round(w, 6)] for text, w in piece.items()]}
            for start, end, piece in self._spans()
        ]
        constant = not self.part.times
        weights = [round(self.weight_at(call), 6) for call in range(1 if constant else self.clock.calls)]
        return {
            "v": 1,
            "prompt": self.prompt,
            "timing": "exact" if self.clock.exact else "webui",
            "steps": self.clock.steps,
            "calls": self.clock.calls,
            "geometry": self.geometry,
            "by_sigma": self.by_sigma,
            "extended": self.extended,
            "texts": texts,
            "pieces": pieces,
            "part_weights": weights,
            "switches": switches(self.bound),
            "notes": [note.to_json() for note in self.notes],
        }

    def _spans(self) -> Iterable[tuple[int, int, Weights]]:
        """(first call, last call, weights), equal neighbours made one."""
        spans: list[tuple[int, int, Weights]] = []
        start = 0
        for end, piece in zip(self.ends, self.pieces, strict=True):
            last = min(self.clock.last_call(end), self.clock.calls - 1)
            if last < start:
                continue
            if spans and spans[-1][2] == piece:
                start = spans.pop()[0]
            spans.append((start, last, piece))
            start = last + 1
        return spans


def build(part: Part, reading: Reading, clock: Clock, weight_step: float | None = None) -> Timeline:
    """Binds what was read to the clock of one pass."""
    bound = Bound(reading.nodes, clock, weight_step)
    ends = _ends(bound)
    raw = [bound.at(end) for end in ends]
    pieces = _shared(raw)
    notes = reading.notes + _late_notes(reading, raw, pieces, bound)
    geometry = "slerp" if "slerp" in bound.geometries else "linear"
    extended = reading.extended or bool(part.times)
    part_keys = tuple(Bound((), clock).keys(part.times)) if part.times else ()
    return Timeline(
        part.text, part, clock, ends, pieces, notes, geometry, extended, bound, part_keys, reading.uncertain
    )


def _ends(bound: Bound) -> tuple[int, ...]:
    return tuple(step for step in range(1, bound.clock.steps + 1) if bound.cuts[step])


def _shared(raw: list[Weights]) -> tuple[Weights, ...]:
    """The pieces with harmless texts, each distinct text kept in memory once."""
    known: dict[str, str] = {}
    return tuple(_harmless(piece, known) for piece in raw)


def _harmless(weights: Weights, known: dict[str, str] | None = None) -> Weights:
    """Texts that no host's emphasis parser raises on; `known` remembers them by how they were."""
    known = {} if known is None else known
    found: Weights = {}
    for text, weight in weights.items():
        safe = known.get(text) or known.setdefault(text, harmless(text))
        found[safe] = found.get(safe, 0.0) + weight
    return found


def _late_notes(reading: Reading, raw: list[Weights], pieces: tuple[Weights, ...], bound: Bound) -> tuple[Note, ...]:
    notes = []
    if bound.most:
        reason = f"{bound.most} transitions run at once: mixed to first order, from at most {LIMIT} texts"
        notes.append(Note(1, 1, reason))
    if len(bound.geometries) > 1:
        notes.append(Note(1, 1, "a blend asks for slerp, so all blends of this prompt are mixed on the sphere"))
    changed = any(list(a) != list(b) for a, b in zip(raw, pieces, strict=True))
    if changed and not any("is no number" in note.reason for note in reading.notes):
        notes.append(Note(1, 1, "at some step a weight is no number: the WebUI would stop; it stays text"))
    return tuple(notes)
