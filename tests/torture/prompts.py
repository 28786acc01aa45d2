"""Prompts that nobody would write: the parser always answers, in linear time, and reads back what it prints."""

from __future__ import annotations

import gc
import json
import random
import time

from lib_vaeface.schedule.compile import compile_prompt
from lib_vaeface.schedule.grammar import read
from lib_vaeface.schedule.nodes import show
from tests.schedule.test_linear import SHAPES as MORE

from .part import Part, Told, nobody

PROMISE = "an answer to every prompt, notes with places, parse -> print -> parse the same, never more than linear time"
TOKENS = (
    "[", "[", "[", "]", "]", "]", "(", "(", ")", ")", ":", ":", ":", "|", "|", ",", "-", "%", "s", "@", "->", " AND ",
    " ", "\n", "\r\n", "\t", "\\", "\\[", "\\]", "5", "1.5", "0.5", "1e999", "-3", "٣", "½", "a", "ß", "\u202e", "\0",
    "\ud800", "🦄", "linear", "smooth", "bezier", "catmull", "step", "slerp", "sine", ":5]", ":1.2.3)", ":0.5]",
    ":2,7]", "[a:b:2,7]", "[a|b:3:smooth]", "(a:1,2)", "[a:9s,2s]", "[a:b:c:3,9]", "<lora:x:1>", "BREAK", "9" * 400,
)  # fmt: skip
SHAPES = {
    "open brackets": lambda n: "[" * n,
    "open rounds": lambda n: "(" * n,
    "closed brackets": lambda n: "]" * n,
    "colons": lambda n: ":" * n,
    "colons in a bracket": lambda n: "[" + ":" * (n - 2) + "]",
    "pipes": lambda n: "|" * n,
    "pipes in a bracket": lambda n: "[" + "|" * (n - 2) + "]",
    "digits": lambda n: "9" * n,
    "digits as a time": lambda n: "[a:b:" + "9" * (n - 6) + "]",
    "backslashes": lambda n: "\\" * n,
    "words": lambda n: "word, " * (n // 6),
    **{name: (lambda n, make=make: make(_repeats(make, n))) for name, make in MORE.items()},
}
SIZES = (1_000, 10_000, 100_000)
DEPTH = 5_000
WORST = 1.25
"""Of the slope between 10,000 and 100,000 characters on log-log axes: 1 is linear, 2 squared."""
LONGEST = 10.0  # seconds of processor time for one prompt of 100,000 characters, on any machine


def _repeats(make: object, length: int) -> int:
    """How often a shape repeats in about `length` characters."""
    return max(1, length * 100 // len(make(100)))  # type: ignore[operator]


def wild(chance: random.Random) -> str:
    """A prompt of tokens, of any characters, or of both; rarely a long one."""
    count = chance.choice((3, 8, 8, 20, 20, 40)) if chance.random() < 0.999 else 4000
    if chance.random() < 0.8:
        return "".join(chance.choices(TOKENS, k=count))
    if chance.random() < 0.5:
        return "".join(chr(chance.choice((chance.randrange(0x250), chance.randrange(0x110000)))) for _ in range(count))
    mixed = (chance.choice(TOKENS) if chance.random() < 0.5 else chr(chance.randrange(0x3000)) for _ in range(count))
    return "".join(mixed)


def problems(prompt: str, chance: random.Random) -> list[str]:
    """What is not as promised for one prompt; an exception of any kind is."""
    try:
        once = read(prompt)
        printed = show(once.nodes)
        again = read(printed)
        same = _same(once.nodes, again.nodes) and show(again.nodes) == printed
        found = [] if same else ["printed, it reads otherwise"]
        steps, hires = chance.randint(1, 40), chance.choice((None, None, 5))
        lines = compile_prompt(
            prompt, steps, hires, timing=chance.choice(("webui", "exact")), old=chance.random() < 0.1
        )
        call, sigma = chance.randrange(steps), chance.choice((None, 0.0, 5.0))
        for line in lines:
            weights, until = line.at(call, sigma)
            if abs(sum(weights.values()) - 1) > 1e-6 or until < call:
                found.append(f"weights {list(weights.values())[:5]} until {until} at {call}")
            json.dumps(line.to_json())
            found += [f"no place in: {note}" for note in line.notes if not _placed(note, prompt)]
        return found
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return [f"{type(error).__name__}: {error}"]


def _same(one: object, other: object) -> bool:
    try:
        return one == other
    except RecursionError:  # of Python's own comparison; what they print is compared as well
        return True


def _placed(note: object, prompt: str) -> bool:
    line, column = note.line, note.column  # type: ignore[attr-defined]
    lines = prompt.split("\n")
    return 1 <= line <= len(lines) and 1 <= column <= len(lines[line - 1]) + 1


def seconds(prompt: str) -> float:
    """Processor time of reading it, the best of three, without the collection of what else is in the process."""
    best = float("inf")
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            began = time.process_time()
            compile_prompt(prompt, 8)
            best = min(best, time.process_time() - began)
    finally:
        gc.enable()
    return best


def slopes(part: Part, sizes: tuple[int, ...], told: Told) -> None:
    """Exponent of the time over the length between the two largest sizes, for every shape."""
    from math import log

    worst, slowest = ("", 0.0), ("", 0.0)
    for number, (name, make) in enumerate(SHAPES.items(), 1):
        try:
            texts = [make(size) for size in sizes]
            times = [max(seconds(text), 2e-4) for text in texts]
        except Exception as error:
            part.fail(f"{name}: {type(error).__name__}: {error}")
            continue
        found = max(log(times[-1] / times[-2]) / log(len(texts[-1]) / len(texts[-2])), 0.0)
        worst = max(worst, (name, found), key=lambda one: one[1])
        slowest = max(slowest, (name, times[-1]), key=lambda one: one[1])
        # Only what takes long enough to be measured says anything about a slope.
        if found > WORST and times[-1] > 0.05:
            part.fail(f"{name}: slope {found:.2f} ({', '.join(f'{t:.4f} s' for t in times)})")
        if times[-1] > LONGEST:
            part.fail(f"{name}: {times[-1]:.1f} s")
        told(number, len(SHAPES))
    part.figures |= {
        "shapes": len(SHAPES), "steepest slope": f"{worst[1]:.2f} ({worst[0]})",
        f"slowest of {sizes[-1]} characters": f"{slowest[1]:.2f} s ({slowest[0]})",
    }  # fmt: skip


def depths(part: Part, depth: int) -> None:
    """Every shape so many times inside itself or behind itself."""
    chance = random.Random(depth)
    for name, make in {**SHAPES, **MORE}.items():
        for text in problems(make(depth), chance):
            part.fail(f"{name} {depth} deep: {text}")
        part.count("deep prompts")


def torture(
    count: int = 200_000, seed: int = 0, told: Told = nobody, sizes: tuple[int, ...] = SIZES, depth: int = DEPTH
) -> Part:
    """count: prompts by chance. Then the hostile shapes in all sizes, and `depth` deep."""
    part, chance = Part("prompts", PROMISE), random.Random(seed)
    with part.timed():
        for number in range(1, count + 1):
            prompt = wild(chance)
            for text in problems(prompt, chance):
                part.fail(f"{prompt[:200]!r}: {text}")
            if number % 200 == 0:
                told(number, count)
        part.figures["prompts"] = count
        slopes(part, sizes, told)
        depths(part, depth)
    return part
