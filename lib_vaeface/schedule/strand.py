"""One prompt (or one part of it) over one pass, with its texts encoded: a timeline and the conditionings it mixes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from .conditioning import mixed, padded, tokens
from .encodings import Encodings
from .protocol import Cond, Request, joined
from .timeline import Timeline, Weights
from .times import FOREVER


@dataclass
class Strand:
    """timeline says which texts count at a call, conds holds the conditioning of each, all of one length.

    schedule: what the WebUI itself walks, entries (end, conditioning). written: the WebUI's walk cannot say it all
    (mixtures, noise levels), so the sampler callback writes this strand's rows.
    """

    timeline: Timeline
    conds: Mapping[str, Cond]
    schedule: tuple[tuple[int, Cond], ...]
    written: bool
    remarks: Mapping[str, str]
    _value: Cond = None
    _mixed: Weights = field(default_factory=dict)
    _weights: Weights = field(default_factory=dict)
    _meaning: frozenset[tuple[str, float]] = frozenset()
    _from: int = 0
    _until: int = -1

    @property
    def tokens(self) -> int:
        return tokens(next(iter(self.conds.values())))

    def value(self, call: int, sigma: float | None) -> Cond:
        """The conditioning at model call `call`; the same object for as long as nothing changes."""
        weights = self._at(call, sigma)
        if weights is not self._mixed:
            self._value, self._mixed = self._mix(weights), weights
        return self._value

    def meaning(self, call: int, sigma: float | None) -> tuple[frozenset[tuple[str, float]], float]:
        """What the prompt says at a call and how much it weighs, to compare calls by."""
        self._at(call, sigma)
        return self._meaning, self.timeline.weight_at(call, sigma)

    def holds_until(self, call: int, sigma: float | None) -> int:
        """The last call with the meaning of call `call`."""
        self._at(call, sigma)
        return call if self.timeline.part.times else self._until

    def _at(self, call: int, sigma: float | None) -> Weights:
        """{text: weight}, looked up again only where it may have changed; the same object while it is the same."""
        if self._from <= call <= self._until and not self.timeline.by_sigma:
            return self._weights
        weights, self._until = self.timeline.at(call, sigma)
        self._from = call
        if weights != self._weights:
            self._weights, self._meaning = weights, frozenset(weights.items())
        return self._weights

    def _mix(self, weights: Weights) -> Cond:
        known = {text: weight for text, weight in weights.items() if text in self.conds}
        total = sum(known.values())
        if not known or total == 0.0:
            return self._value if self._value is not None else next(iter(self.conds.values()))
        shares = [weight / total for weight in known.values()] if len(known) < len(weights) else [*known.values()]
        return mixed([self.conds[text] for text in known], shares, self.timeline.geometry)

    def reclocked(self, calls: int, steps: int) -> Strand:
        """The same texts on another clock. A text that was never encoded has no say, the others share its weight."""
        timeline = self.timeline.reclocked(replace(self.timeline.clock, calls=calls, steps=steps))
        return Strand(timeline, self.conds, self.schedule, True, self.remarks)


def is_native(timeline: Timeline) -> bool:
    """Whether the timeline is exactly the WebUI's own reading and counting."""
    return not timeline.extended and not timeline.clock.exact


def strand(timeline: Timeline, request: Request, bank: Encodings) -> Strand:
    """Encode a timeline's texts: as the WebUI's own parser would for native timelines, each alone for others."""
    if is_native(timeline):
        texts = [next(iter(piece)) for piece in timeline.pieces]
        encoded = bank.native(request, texts)
        schedule = tuple((end, one.cond) for end, one in zip(timeline.ends, encoded, strict=True))
    else:
        texts = timeline.texts()
        encoded = bank.texts(request, texts)
        conds = {text: one.cond for text, one in zip(texts, encoded, strict=True)}
        schedule = tuple((end, conds[text]) for end, text in heaviest(timeline))
    conds = {text: one.cond for text, one in zip(texts, encoded, strict=True)}
    written = timeline.by_sigma or any(len(piece) > 1 for piece in timeline.pieces)
    return Strand(timeline, conds, schedule, written, joined(one.remarks for one in encoded))


def even_out(strands: Iterable[Strand], empty: Callable[[], Cond]) -> None:
    """Give the conditionings of all strands the tokens of the longest, in place."""
    strands = list(strands)
    longest = max(one.tokens for one in strands)
    for one in strands:
        if one.tokens < longest:
            one.conds = {text: padded(cond, longest, empty) for text, cond in one.conds.items()}
            one.schedule = tuple((end, padded(cond, longest, empty)) for end, cond in one.schedule)


def heaviest(timeline: Timeline) -> list[tuple[int, str]]:
    """Entries (end, text) by which a WebUI without us comes nearest: the heaviest text of each piece."""
    clock = timeline.clock
    entries = [
        (min(clock.last_call(end), FOREVER), max(piece, key=lambda text: piece[text]))
        for end, piece in zip(timeline.ends, timeline.pieces, strict=True)
    ]
    return [entry for i, entry in enumerate(entries) if i == 0 or entry[0] > entries[i - 1][0]]
