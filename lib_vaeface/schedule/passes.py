"""The schedule of one generation: prompts in before a pass samples, conditioning out at every model call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from .compile import compile_prompt, segments
from .conditioning import text_of, tokens, write_rows
from .encodings import Encodings, coupled
from .protocol import Answer, Part, Request, joined
from .strand import Strand, even_out, is_native, strand
from .timeline import Timeline

MOST_MARKS = 200  # the hosts' parser takes a second for so many strays, and eight times as long for twice as many
Pass = tuple[int, ...]
"""(second pass, negative prompt), and behind them the variant, see `Request`."""


@dataclass
class Lines:
    """What was answered to one request. strands and parts: one for every row of a model call, in the WebUI's order;
    distinct: each strand once."""

    request: Request
    strands: list[Strand]
    parts: list[Part]
    distinct: list[Strand]
    by_level: bool = False
    writes: bool = False
    checked: bool = False
    level: float | None = None
    _meaning: tuple[object, ...] = ()
    _from: int = 0
    _until: int = -1

    def __post_init__(self) -> None:
        self.by_level = any(one.timeline.by_sigma or one.timeline.part.by_sigma for one in self.distinct)
        self.writes = any(one.written for one in self.distinct)
        self.tokens = max(one.tokens for one in self.distinct)
        self.weighted = any(one.timeline.part.times for one in self.distinct)

    def written(self) -> Iterator[tuple[slice, Strand]]:
        """Neighbouring rows of one strand that the sampler callback writes."""
        first = 0
        for _, same in groupby(self.strands, key=id):
            behind = first + len(list(same))
            if self.strands[first].written:
                yield slice(first, behind), self.strands[first]
            first = behind

    def meaning(self, call: int) -> tuple[object, ...]:
        """Equal for two calls for which the prompts say the same."""
        if self.by_level or not self._from <= call <= self._until:
            self._meaning = tuple(one.meaning(call, self.level) for one in self.distinct)
            self._from, self._until = call, min(one.holds_until(call, self.level) for one in self.distinct)
        return self._meaning

    def weigh(self, call: int, level: float | None) -> None:
        """Give the WebUI's objects the weights of the next call, which it reads when that begins."""
        for one, part in zip(self.strands, self.parts, strict=True):
            if part.carrier is not None:
                part.carrier.weight = one.timeline.weight_at(call, level)

    def reclocked(self, calls: int, steps: int) -> None:
        """Put all strands on the clock of the plan that the sampler really has."""
        again = {id(one): one.reclocked(calls, steps) for one in self.distinct}
        self.strands = [again[id(one)] for one in self.strands]
        self.distinct = [*again.values()]
        self.writes, self._until = True, -1


@dataclass
class Schedule:
    """`answer` before each pass, `apply` at each model call of it. timing: "webui" or "exact". extensions: read also
    forms that the WebUI does not know.

    notes: what the person should know, each once. grouped: by pass, (texts encoded, how many of them differ) where the
    WebUI's own batches were kept for the picture's sake.
    """

    timing: str
    bank: Encodings
    extensions: bool = True
    notes: list[str] = field(default_factory=list)
    grouped: dict[Pass, tuple[int, int]] = field(default_factory=dict)
    _lines: dict[Pass, Lines] = field(default_factory=dict)
    _reached: dict[Pass, tuple[int, float | None]] = field(default_factory=dict)
    """The call that comes next in a pass that has begun, and the noise level of the last one."""

    def begin(self) -> None:
        """Before each iteration, which samples all its passes anew."""
        self._reached = {}

    def answer(self, request: Request) -> Answer:
        """Conditioning for a request, each of its texts encoded once. ValueError: steps below 1."""
        compiled = {prompt: self._compile(prompt, request) for prompt in dict.fromkeys(request.prompts)}
        self._note(request, (timeline for lines in compiled.values() for timeline in lines))
        known: dict[str, Strand] = {}
        for timeline in (timeline for lines in compiled.values() for timeline in lines):
            if _name(timeline) not in known:
                known[_name(timeline)] = strand(timeline, request, self.bank)
        if request.negative:  # rows of unequal negative prompts make the WebUI fail
            even_out(known.values(), lambda: self.bank.empty(request))
        rows = [[known[_name(timeline)] for timeline in compiled[prompt]] for prompt in request.prompts]
        where = (request.hires_steps is not None, request.negative, *request.variant)
        now = self._reached.get(where, (0, None))  # a refiner asks again in the middle of a pass
        images = tuple(tuple(Part(one.schedule, one.timeline.weight_at(*now)) for one in row) for row in rows)
        flat, parts = [one for row in rows for one in row], [part for image in images for part in image]
        self._lines[where] = Lines(request, flat, parts, [*known.values()])
        self.grouped[where] = grouped(known.values(), request)
        return Answer(images, joined(one.remarks for one in known.values()), _old_differs(request, self.extensions))

    def apply(
        self,
        where: Pass,
        call: int,
        calls: int,
        steps: int,
        rows: Any,
        sigma: Callable[[], float],
        unplanned: bool = False,
    ) -> None:
        """Write over the rows [row, tokens, width] of this model call what the WebUI could not know.

        call counts from 0; calls and steps are what the sampler plans for this pass, steps as on the slider. sigma is
        asked for only where a prompt names noise levels. unplanned: `call` is not the WebUI's own count, which it walks
        by. Rows of another shape than was answered are left alone.
        """
        lines = self._lines.get(where)
        if lines is None:
            return
        if not lines.checked:
            self._check(lines, calls, steps, unplanned)
        level = lines.level = sigma() if lines.by_level else None
        self._reached[where] = (call + 1, level)
        if rows is not None and lines.writes:
            self._write(lines, rows, call, level)
        if lines.weighted:
            for every in (lines for known, lines in self._lines.items() if known[:2] == where[:2]):
                every.weigh(call + 1, level)

    def meaning(self, where: Pass, call: int) -> tuple[object, ...]:
        """Equal for two calls of a pass for which the prompt says the same; the noise level is that of `apply`."""
        lines = self._lines.get(where)
        return () if lines is None else lines.meaning(call)

    def _write(self, lines: Lines, rows: Any, call: int, level: float | None) -> None:
        skip = tokens(rows) - lines.tokens  # ControlNet puts one marker token in front
        if text_of(rows).shape[0] != len(lines.strands) or skip not in (0, 1):
            self._say("another extension changed the conditioning's shape, so mixtures are left out")
            return
        for where, one in lines.written():
            write_rows(rows, where, one.value(call, level), skip)

    def _check(self, lines: Lines, calls: int, steps: int, unplanned: bool) -> None:
        """Exact time counts what is really made: on another plan than foreseen the timelines are made anew."""
        lines.checked = True
        request = lines.request
        foreseen = request.ui_steps if request.hires_ui_steps is None else request.hires_ui_steps
        if self.timing == "exact" and ((foreseen, request.calls) != (steps, calls) or unplanned):
            lines.reclocked(calls, steps)

    def _compile(self, prompt: str, request: Request) -> list[Timeline]:
        exact = self.timing == "exact"
        timelines = compile_prompt(
            prompt,
            request.ui_steps if exact else request.steps,
            request.hires_ui_steps if exact else request.hires_steps,
            negative=request.negative,
            old=request.old,
            timing=self.timing,
            calls=request.calls if exact else None,
            extensions=self.extensions,
        )
        return timelines if exact else [_as_native(timeline, request) for timeline in timelines]

    def _note(self, request: Request, timelines: Iterable[Timeline]) -> None:
        name = "negative prompt" if request.negative else "prompt"
        for note in (note for timeline in timelines for note in timeline.notes):
            self._say(f"{name}, {note}")

    def _say(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _as_native(timeline: Timeline, request: Request) -> Timeline:
    """The WebUI's own reading of a text that its grammar leaves open; ours where its parser fails or takes long."""
    text = timeline.part.text
    if request.read is None or not timeline.uncertain or sum(map(text.count, "[]():|")) > MOST_MARKS:
        return timeline
    with suppress(Exception):
        return timeline.read_as(request.read(text))
    return timeline


def _name(timeline: Timeline) -> str:
    """What tells strands of one request apart: the text of the part and its weights over time."""
    part = timeline.part
    return f"{part.weights} {part.times} {part.curve} {part.text}"


def _old_differs(request: Request, extensions: bool) -> bool:
    """Whether the option for old prompt editing timelines is on and matters."""
    return request.old and any(
        segments(prompt, request.steps, request.hires_steps, True, extensions)
        != segments(prompt, request.steps, request.hires_steps, False, extensions)
        for prompt in dict.fromkeys(request.prompts)
    )


def grouped(strands: Iterable[Strand], request: Request) -> tuple[int, int]:
    """(texts that were encoded in the WebUI's own batches, how many of them differ)."""
    groups = [[next(iter(piece)) for piece in one.timeline.pieces] for one in strands if is_native(one.timeline)]
    kept = [group for group in groups if coupled(request, group)]
    return sum(map(len, kept)), len({text for group in kept for text in group})
