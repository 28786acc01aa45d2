"""The schedule's front door: prompts in, timelines out. No prompt raises; a wrong number of steps does."""

from __future__ import annotations

from dataclasses import replace

from .evaluate import Bound
from .grammar import Reading, read
from .notes import Places
from .parts import Part, split
from .timeline import Timeline, build
from .times import Clock

__all__ = ["Timeline", "beyond_native", "compile_prompt", "compile_schedule", "segments"]


def segments(
    prompt: str, steps: int, hires_steps: int | None = None, old: bool = False, extensions: bool = True
) -> list[list[int | str]]:
    """[[end_at_step, text], ...], the list that the hosts' own parser gives for a prompt of hard switches.

    With hires_steps the list is the second pass's. Steps count model calls. Where texts mix, the heaviest is given.
    extensions=False: exactly the hosts' list for any prompt.
    """
    clock = _clock(steps, hires_steps, old, "webui", None)
    bound = Bound(read(prompt, extensions).nodes, clock)
    found: list[list[int | str]] = []
    for end in range(1, clock.steps + 1):
        if bound.cuts[end]:
            weights = bound.at(end)
            found.append([end, max(weights, key=lambda text: weights[text])])
    return found


def beyond_native(prompt: str) -> bool:
    """Whether a prompt holds forms that no host reads by itself."""
    return any(part.times or read(part.text).extended for part in split(prompt))


def compile_schedule(
    prompt: str,
    steps: int,
    hires_steps: int | None = None,
    *,
    old: bool = False,
    timing: str = "webui",
    calls: int | None = None,
    extensions: bool = True,
    weight_step: float | None = None,
) -> Timeline:
    """The timeline of one prompt, AND taken as a word, for the first pass or, with hires_steps, for the second.

    timing "webui": steps and hires_steps are what the host counts (model calls; doubled for second-order samplers).
    timing "exact": they are the UI steps really made in each pass, and calls the model calls planned for this one.
    old: the option use_old_scheduling. extensions=False reads native syntax only. weight_step: encode weights that
    change over time at multiples of this and mix between neighbours; None: only at the weights written.
    ValueError: steps below 1, or an unknown timing.
    """
    clock = _clock(steps, hires_steps, old, timing, calls)
    return build(Part(prompt), read(prompt, extensions), clock, weight_step)


def compile_prompt(
    prompt: str,
    steps: int,
    hires_steps: int | None = None,
    *,
    negative: bool = False,
    old: bool = False,
    timing: str = "webui",
    calls: int | None = None,
    extensions: bool = True,
    weight_step: float | None = None,
) -> list[Timeline]:
    """One timeline per AND part, each with its weight over time (`weight_at`); a negative prompt is one part."""
    clock = _clock(steps, hires_steps, old, timing, calls)
    parts = [Part(prompt)] if negative else split(prompt, extensions)
    places = Places(prompt)
    readings = [read(part.text, extensions, places.behind(part.offset)) for part in parts]
    for i, part in enumerate(parts[:-1]):
        readings[i] = _note_cut(readings[i], places, part.offset)
    return [build(part, reading, clock, weight_step) for part, reading in zip(parts, readings, strict=True)]


def _note_cut(reading: Reading, places: Places, offset: int) -> Reading:
    """A bracket open where AND comes is cut in two by the hosts, and so by us."""
    if reading.left_open < 0:
        return reading
    note = places.behind(offset).note(reading.left_open, 'AND cuts this bracket in two: it works outside brackets only')
    return replace(reading, notes=(*reading.notes, note))


def _clock(steps: int, hires_steps: int | None, old: bool, timing: str, calls: int | None) -> Clock:
    if timing not in ("webui", "exact"):
        raise ValueError(f'timing is "webui" or "exact", not {timing!r}')
    own = steps if hires_steps is None or old else hires_steps
    if steps < 1 or own < 1 or (calls is not None and calls < 1):
        raise ValueError(f"steps must be at least 1, got steps={steps}, hires_steps={hires_steps}, calls={calls}")
    base = None if hires_steps is None or old else steps
    return Clock(own, own if calls is None else calls, base, old, timing == "exact")
