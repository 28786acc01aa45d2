"""What a read prompt says at one step: {text: weight}. Times are bound to a pass once, then asked step by step.

Several transitions at once mix multilinearly: each combination of their texts gets the product of its weights, exact up
to LIMIT texts. Above that the mixture is of first order: the text of all heaviest choices, and one text for each other
choice alone; the LIMIT - 1 heaviest of those are kept (fewer in very long prompts). Weights sum to 1 in every case.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, pairwise

from .curves import mix
from .nodes import Blend, Node, Ramp, Seq, Stages, Time, Turns
from .times import Clock

LIMIT = 64
_LEVELS = 64
_CHARACTERS = 500_000  # of all texts of one moment of first order: bounds time and memory for monstrous prompts

Choice = list[tuple[float, Seq]]
Pick = Callable[[float, float], Seq | Choice]  # of (step, -sigma): a sequence, or several with weights
Key = tuple[float, bool]  # where a time lies; True: as minus sigma


@dataclass
class _Fork:
    """A transition met on a walk: what was chosen of what, its share by enclosing choices, and the pieces it made."""

    node: int
    options: Choice
    chosen: int
    share: float
    start: int
    end: int = 0


@dataclass
class Bound:
    """A tree with its times bound to a clock. cuts[t]: the text may change after step t (1 .. steps)."""

    nodes: Seq
    clock: Clock
    weight_step: float | None = None
    cuts: bytearray = field(init=False)
    levels: set[float] = field(default_factory=set)
    geometries: set[str] = field(default_factory=set)
    most: int = 0  # most transitions seen at once where they were too many to be exact
    _picks: dict[int, Pick] = field(default_factory=dict)
    _kept: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cuts = bytearray(self.clock.steps + 1)
        self.cuts[self.clock.steps] = 1
        pending: list[Seq] = [self.nodes]
        while pending:
            for node in pending.pop():
                if not isinstance(node, str):
                    pick, inner = self._bind(node)
                    self._picks[id(node)] = pick
                    pending.extend(inner)

    def _bind(self, node: Stages | Turns | Blend | Ramp) -> tuple[Pick, tuple[Seq, ...]]:
        if isinstance(node, Stages):
            return self._bind_stages(node), node.texts
        if isinstance(node, Turns):
            return self._bind_turns(node), node.options
        self.geometries.add("slerp" if node.curve == "slerp" else "linear")
        keys = self.keys(node.times)
        if isinstance(node, Blend):
            return partial(_pick_key, node.texts, keys, node.curve), node.texts
        body = Stages((node.body,), ())
        self._kept.append(body)  # its id() is a key
        self._picks[id(body)] = lambda step, level: node.body
        weights = [min(max(float(weight), -1e6), 1e6) for weight in node.weights]
        if self.weight_step:
            return partial(_pick_grid, body, weights, keys, node.curve, self.weight_step), (node.body,)
        return partial(_pick_key, tuple(weighted(body, w) for w in weights), keys, node.curve), (node.body,)

    def _bind_stages(self, node: Stages) -> Pick:
        keys = self.stage_keys(node)
        for place, by_sigma in keys:
            if by_sigma:
                self.levels.add(-place)
            elif place >= 1:
                self.cuts[int(place)] = 1
        return partial(_pick_stage, node.texts, keys)

    def stage_keys(self, node: Stages) -> list[Key]:
        """The last step of each text but the last; below 1 it is over from the start."""
        spread = self.clock.positions([t if t.unit != "s" else Time("0") for t in node.times], inner=True)
        return [
            (-time.value, True) if time.unit == "s" else (self.clock.whole(place), False)
            for time, place in zip(node.times, spread, strict=True)
        ]

    def _bind_turns(self, node: Turns) -> Pick:
        hold = self.clock.hold(node.hold) if node.hold else 1.0
        if node.curve:
            self.geometries.add("slerp" if node.curve == "slerp" else "linear")
        self._cut(0, self.clock.steps)
        return partial(_pick_turn, node.options, hold, node.curve)

    def keys(self, times: tuple[Time, ...]) -> list[Key]:
        """Places of blended keys, none before its predecessor."""
        if times[0].unit == "s":
            self.levels.update(time.value for time in times)
            places = [-time.value for time in times]
        else:
            places = self.clock.positions(times)
            self._cut(places[0], max(places))
        by_sigma = times[0].unit == "s"
        return [(place, by_sigma) for place in accumulate(places, max)]

    def _cut(self, start: float, end: float) -> None:
        steps = self.clock.steps
        first, last = min(max(math.floor(start), 1), steps), min(math.ceil(end), steps)
        if last >= first:
            self.cuts[first : last + 1] = b"\1" * (last + 1 - first)

    def probes(self) -> list[float]:
        """Values of -sigma between which nothing but proportions changes; at most some hundred are looked at."""
        levels = sorted(-level for level in self.levels)
        levels = levels[:: len(levels) // _LEVELS + 1]
        between = [(a + b) / 2.0 for a, b in pairwise(levels)]
        return [-math.inf, *sorted([*levels, *between]), math.inf] if levels else [-math.inf]

    def at(self, step: int, level: float = -math.inf) -> dict[str, float]:
        """{text: weight} at step 1 .. steps; level is minus sigma. Weights sum to 1."""
        moment = _Moment(self._picks, step, level)
        base = moment.walk(self.nodes, _heaviest)
        if not base.forks:
            return {base.text: 1.0}
        found = moment.corners(self.nodes) if _least_corners(base.forks) <= LIMIT else None
        if found is None:
            self.most = max(self.most, len(base.forks))
            found = moment.first_order(base)
        return found


def _least_corners(forks: list[_Fork]) -> int:
    """A lower bound of the number of combinations: outermost transitions multiply, others add."""
    outer = math.prod(len(fork.options) for fork in forks[:LIMIT] if fork.share == 1.0)
    return max(outer, 1 + sum(len(fork.options) - 1 for fork in forks))


@dataclass
class _Walk:
    """One text: its pieces, the product of the weights chosen, the transitions met."""

    pieces: list[str]
    forks: list[_Fork]
    weight: float = 1.0

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class _Moment:
    """A tree at one step and noise level."""

    def __init__(self, picks: dict[int, Pick], step: int, level: float) -> None:
        self.picks, self.step, self.level = picks, step, level
        self.choices: dict[int, Choice] = {}  # by node: a walk that comes again need not mix again
        self.base = ""
        self.stretches: dict[int, tuple[int, int]] = {}  # by node: its heaviest text, where in `base`

    def walk(self, nodes: Seq, decide: Callable[[Choice], int]) -> _Walk:
        """The text that `decide` leads to; it gets the options of a transition and returns the index of one."""
        found = _Walk([], [])
        pieces = found.pieces
        stack: list[tuple[Iterator[Node], float, _Fork | None]] = [(iter(nodes), 1.0, None)]
        while stack:
            items, share, fork = stack[-1]
            for node in items:
                if isinstance(node, str):
                    pieces.append(node)
                    continue
                if id(node) in self.stretches:
                    start, end = self.stretches[id(node)]
                    pieces.append(self.base[start:end])
                    continue
                picked = self.choices.get(id(node)) or self.picks[id(node)](self.step, self.level)
                if isinstance(picked, list):
                    self.choices[id(node)] = picked
                    met = _Fork(id(node), picked, decide(picked), share, len(pieces))
                    found.forks.append(met)
                    part, chosen = picked[met.chosen]
                    found.weight *= part
                    stack.append((iter(chosen), share * part, met))
                    break
                if len(picked) == 1 and isinstance(picked[0], str):
                    pieces.append(picked[0])
                elif picked:
                    stack.append((iter(picked), share, None))
                    break
            else:
                stack.pop()
                if fork is not None:
                    fork.end = len(pieces)
        return found

    def corners(self, nodes: Seq) -> dict[str, float] | None:
        """Every combination, by counting through the choices; None when there are more than LIMIT."""
        found: dict[str, float] = {}
        path: list[int] = []
        for _ in range(LIMIT):
            walk = self.walk(nodes, _follow(path))
            found[walk.text] = found.get(walk.text, 0.0) + walk.weight
            path = [fork.chosen for fork in walk.forks]
            while path and path[-1] + 1 == len(walk.forks[len(path) - 1].options):
                path.pop()
            if not path:
                return found
            path[-1] += 1
        return None

    def first_order(self, base: _Walk) -> dict[str, float]:
        """The base text, and each other choice alone; an inner one's weight is shared by its enclosing ones."""
        others = [
            (fork.share * weight, fork, sequence)
            for fork in base.forks
            for i, (weight, sequence) in enumerate(fork.options)
            if i != fork.chosen
        ]
        text, starts = base.text, [0, *accumulate(map(len, base.pieces))]
        self.base, self.stretches = text, {fork.node: (starts[fork.start], starts[fork.end]) for fork in base.forks}
        found = {text: 1.0}
        kept = min(LIMIT - 1, 1 + _CHARACTERS // (len(text) + 1))
        for weight, fork, sequence in heapq.nlargest(kept, others, key=lambda other: abs(other[0])):
            inner = self.walk(sequence, _heaviest).text
            other = text[: starts[fork.start]] + inner + text[starts[fork.end] :]
            found[other] = found.get(other, 0.0) + weight
            found[text] -= weight
        return found


def _follow(path: list[int]) -> Callable[[Choice], int]:
    """Decides as `path` says, then for the first option."""
    ahead = iter(path)
    return lambda options: next(ahead, 0)


def weighted(body: Node, weight: float) -> Seq:
    """(body:weight), the number written as the hosts' emphasis parser reads it: no exponent."""
    number = f"{weight:.4f}".rstrip("0").rstrip(".")
    return "(", body, f":{'0' if number in ('', '-0') else number})"


def _heaviest(options: Choice) -> int:
    return max(range(len(options)), key=lambda i: options[i][0])


def _pick_stage(texts: tuple[Seq, ...], keys: list[Key], step: float, level: float) -> Seq:
    for (place, by_sigma), text in zip(keys, texts, strict=False):
        if (level if by_sigma else step) <= place:
            return text
    return texts[-1]


def _pick_turn(options: tuple[Seq, ...], hold: float, curve: str, step: float, level: float) -> Seq | Choice:
    turns = (step - 1) / hold
    whole = math.floor(turns + 1e-9)
    fade = max(turns - whole, 0.0)
    index = whole % len(options)
    if not curve or fade < 1e-9:
        return options[index]
    return _choice([(options[i], w) for i, w in mix(curve, index, fade, len(options), cyclic=True)])


def mix_at(keys: Sequence[Key], curve: str, step: float, level: float) -> list[tuple[int, float]]:
    """[(key, weight)] at this moment."""
    moment = level if keys[0][1] else step
    if moment <= keys[0][0]:
        return [(0, 1.0)]
    for i, ((start, _), (end, _)) in enumerate(pairwise(keys)):
        if moment <= end:
            return mix(curve, i, (moment - start) / (end - start), len(keys))
    return [(len(keys) - 1, 1.0)]


def _pick_key(texts: tuple[Seq, ...], keys: list[Key], curve: str, step: float, level: float) -> Seq | Choice:
    return _choice([(texts[i], weight) for i, weight in mix_at(keys, curve, step, level)])


def _pick_grid(
    body: Node, weights: list[float], keys: list[Key], curve: str, grid: float, step: float, level: float
) -> Seq | Choice:
    """Emphasis between the two nearest multiples of `grid`, so that encodings lie close together."""
    weight = sum(weights[i] * share for i, share in mix_at(keys, curve, step, level)) / grid
    low = math.floor(weight + 1e-9)
    high = max(weight - low, 0.0)
    high = high if high > 1e-9 else 0.0
    return _choice([(weighted(body, low * grid), 1.0 - high), (weighted(body, (low + 1) * grid), high)])


def _choice(shares: list[tuple[Seq, float]]) -> Seq | Choice:
    alive = [(weight, text) for text, weight in shares if weight != 0.0]
    return alive[0][1] if len(alive) == 1 else alive
