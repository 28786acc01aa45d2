"""Speed of the schedule's parser, as ratios within one run. `python -m benchmarks schedule`.

Baselines: with --a1111 the real A1111's own parser, in this process; without, the hosts' grammar as facts state it (one
Earley grammar, ambiguous over stray brackets) run by lark itself, and the plain recursive statement of their reading
(tests/fixtures/native_reading.py). lark is left out where it would take minutes.
"""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.flags import flags
from benchmarks.plots import chart
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import cpu_seconds, exponent, in_turn, last_exponent
from lib_vaeface.schedule.compile import compile_prompt, segments
from tests.fixtures import native_reading

STEPS = 20
GRAMMAR = r"""
start: (sequence | MARK)*
MARK: /[\[\]():]/
sequence: (round | square | edit | turns | WORDS | SPACE)*
round: "(" sequence [":" sequence] ")"
square: "[" sequence "]"
edit: "[" [sequence ":"] sequence ":" [SPACE] NUMBER [SPACE] "]"
turns: "[" sequence ("|" [sequence])+ "]"
WORDS: /(?:[^\\\[\]():|]|\\.)+/
SPACE: /\s+/
%import common.SIGNED_NUMBER -> NUMBER
"""
RECORDED = {"200 edits": "71,200 †", "1,000 edits": "> 280,000 †", "10,000 edits": "not feasible †"}
LINEAR = 1.15  # an exponent up to this is taken for linear: times have noise
BAR, COUNT = 500, 100  # how many times faster than lark, at how many edits
Shape = Callable[[int], str]


def _edits(count: int) -> str:
    return "".join(f"[a{i}:b{i}:0.{i % 9 + 1}], " for i in range(count))


CASES: list[tuple[str, str, bool]] = [  # name, prompt, whether lark can finish it
    *((f"{count:,} edits", _edits(count), count <= 100) for count in (10, 30, 100, 200, 1_000, 10_000)),
    ("30 emphases `(w:1.1)`", "(w:1.1), " * 30, True),
    ("10,000 words", "word, " * 10_000, True),
    ("one `[a\\|b\\|...]` of 1,000", "[" + "a|" * 999 + "a]", True),
    ("nesting 50", "[a:" * 50 + "z" + ":5]" * 50, True),
    ("nesting 400", "[a:" * 400 + "z" + ":5]" * 400, True),
    ("100 open `[`", "[" * 100, True),
    ("16 blends at once", "[a:b:2,18] " * 16, False),
    ("5,000 blends at once", "[a:b:2,18] " * 5_000, False),
]
GROWING: dict[str, Shape] = {
    "edits `[a:b:0.3]`": _edits,
    "entries of `[a|b|...]`": lambda n: "[" + "|".join(f"a{i}" for i in range(n)) + "]",
    "emphases `(w:1.1)`": lambda n: "(w:1.1), " * n,
    "blends `[a:b:2,18]`": lambda n: "[a:b:2,18] " * n,
    "AND parts": lambda n: " AND ".join(f"[a{i}:b:0.3]" for i in range(n)),
}
ITEMS = [10, 30, 100, 300, 1_000, 3_000, 10_000]
HOSTILE: list[tuple[str, int, Shape]] = [  # name, largest n, prompt of size n
    ("open `[`", 20_000, lambda n: "[" * n),
    ("open `(`", 20_000, lambda n: "(" * n),
    ("open `[a:`", 20_000, lambda n: "[a:" * n),
    ("open `[a:b:c:`", 20_000, lambda n: "[a:b:c:" * n),
    ("open `[a\\|`", 20_000, lambda n: "[a|" * n),
    ("open `(a:`", 20_000, lambda n: "(a:" * n),
    ("open `[a:b: 5`", 20_000, lambda n: "[a:b: 5" * n),
    ("closing `]` and `)`", 20_000, lambda n: "])" * n),
    ("crossed `[a:(b:` ... `]`", 20_000, lambda n: "[a:(b:" * n + "]" * n),
    ("edits nested behind", 5_000, lambda n: "[a:" * n + "z" + ":5]" * n),
    ("edits nested in front", 5_000, lambda n: "[" * n + "z" + ":b:5]" * n),
    ("nested emphasis", 5_000, lambda n: "(" * n + "z" + ":1.1)" * n),
    ("nested turns", 5_000, lambda n: "[a|" * n + "]" * n),
    ("nested blends", 5_000, lambda n: "[a:" * n + "z" + ":1,9]" * n),
    ("colons", 20_000, lambda n: ":" * n),
    ("colons in a bracket", 20_000, lambda n: "[" + ":" * n + "]"),
    ("pipes", 20_000, lambda n: "|" * n),
    ("pipes in a bracket", 20_000, lambda n: "[" + "a|" * n + "]"),
    ("backslashes", 20_000, lambda n: "\\" * n),
    ("digits", 20_000, lambda n: "7" * n),
    ("digits of a time", 20_000, lambda n: "[a:b:" + "7" * n + "]"),
    ("spaces in a time", 20_000, lambda n: "[a:b:" + " " * n),
]


def _whole(prompt: str) -> Any:
    """Parsed, and evaluated for every step."""
    return [line.at(step) for line in compile_prompt(prompt, STEPS) for step in range(STEPS)]


def _milliseconds(work: Callable[[], Any], runs: int = 5) -> float | str:
    try:
        return cpu_seconds(work, runs) * 1e3
    except (RecursionError, AssertionError) as error:
        return type(error).__name__


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.1f}"


def _ratio(above: float | str, below: float | str) -> str:
    return f"{above / below:,.1f}" if isinstance(above, float) and isinstance(below, float) else ""


def _compared(name: str, prompt: str, parse: Callable[[str], Any] | None) -> list[str]:
    ours = _milliseconds(lambda: segments(prompt, STEPS))
    timeline = _milliseconds(lambda: _whole(prompt))
    plain = _milliseconds(lambda: native_reading.schedule(prompt, STEPS))
    theirs = _milliseconds(lambda: parse(prompt), 3) if parse else RECORDED.get(name, "-")
    if name == f"{COUNT} edits" and isinstance(theirs, float) and isinstance(timeline, float):
        _judge(theirs / timeline, "lark, the grammar alone")
    return [name, *map(_shown, (theirs, plain, ours, timeline)), _ratio(theirs, timeline), _ratio(ours, plain)]


def _judge(ratio: float, against: str) -> None:
    why = "" if ratio >= BAR else f"below {BAR} x"
    found("schedule", f"{ratio:,.0f} x", ratio >= BAR, f"{COUNT} edits against {against}", why)


def _slope(name: str, largest: int, shape: Shape) -> list[str]:
    sizes = [largest // 8, largest // 4, largest // 2, largest]
    seconds = [cpu_seconds(lambda size=size: _whole(shape(size)), 3) for size in sizes]
    return [
        name,
        f"{largest:,}",
        f"{len(shape(largest)):,}",
        f"{seconds[-1] * 1e3:,.1f}",
        f"{exponent(sizes, seconds):.2f}",
    ]


def _paused(work: Callable[[], Any]) -> float:
    """CPU seconds while Python's garbage collector, which now and then walks all that lives, does not run."""
    gc.collect()
    gc.disable()
    try:
        return cpu_seconds(work, 3)
    finally:
        gc.enable()


def _growth(sizes: list[int]) -> None:
    series, collected = {}, {}
    for name, shape in GROWING.items():
        works = [partial(_whole, shape(n)) for n in sizes]
        series[name] = (sizes, [_paused(work) * 1e3 for work in works])
        collected[name] = last_exponent(sizes, [cpu_seconds(work, 3) for work in works])
    title = f"Parse and evaluate {STEPS} steps"
    plain = {name.replace("`", ""): points for name, points in series.items()}
    chart("growth-schedule", title, "items in the prompt", "CPU time, ms", plain, fit=False)
    slopes = {name: last_exponent(*points) for name, points in series.items()}
    print(
        "Milliseconds while Python's garbage collector rests: it walks all objects that live, and the more often the"
        " more of them are made, so that the same work costs more in larger heaps. The last column is with it."
    )
    head = ("items", *(f"{n:,}" for n in sizes), "exponent, larger half", "with the collector")
    rows = (
        [*(f"{ms:,.2f}" for ms in points[1]), f"{slopes[name]:.2f}", f"{collected[name]:.2f}"]
        for name, points in series.items()
    )
    table(head, ([_cell(name), *row] for name, row in zip(series, rows, strict=True)))
    worst = max(slopes.values())
    why = "" if worst < LINEAR else f"{max(slopes, key=lambda name: slopes[name])} came out steeper in this run"
    text = f"exponent {worst:.2f} at most, {max(collected.values()):.2f} with Python's garbage collector"
    found("schedule", f"{sizes[-1]:,} items: {text}", worst < LINEAR, "growth", why)
    found("growth", text, worst < LINEAR, "schedule items", why)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _beside_a1111(folder: Path, counts: list[int]) -> None:
    """A1111's own function, from its file, beside ours: both parse and evaluate all steps."""
    path = folder / "modules" / "prompt_parser.py"
    spec = importlib.util.spec_from_file_location("a1111_prompt_parser", path)
    assert spec is not None and spec.loader is not None, path
    theirs: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    rows = []
    for name, shape in GROWING.items():
        for count in counts if name.startswith("edits") else counts[:2]:
            prompt = shape(count)
            if " AND " in prompt or ",18]" in prompt:
                continue  # read elsewhere, or not at all
            works = {
                "theirs": lambda p=prompt: theirs.get_learned_conditioning_prompt_schedules([p], STEPS),
                "ours": lambda p=prompt: _whole(p),
            }
            times = in_turn(works, 3)
            ratio = times["theirs"].median / times["ours"].median
            cells = [*(f"{one.median * 1e3:,.1f}" for one in times.values()), f"{ratio:,.0f}"]
            rows.append([_cell(name), f"{count:,}", *cells])
            if name.startswith("edits") and count == COUNT:
                _judge(ratio, "A1111's own parser")
    print("CPU milliseconds, medians of three; both parse and evaluate all steps.")
    table(("items", "number", "A1111's own parser", "ours", "ratio"), rows)


def main() -> None:
    asked = flags()
    print(machine("lark", "pyparsing"))
    if asked.a1111:
        _beside_a1111(asked.a1111, [10] if asked.quick else [10, 30, COUNT])
        return
    import lark

    parser = lark.Lark(GRAMMAR)
    print(
        f"\nMilliseconds of CPU time at {STEPS} steps. lark runs the hosts' grammar and only parses; the others"
        " evaluate too. *plain reading*: the hosts' rules written down directly, without extensions or notes"
        " (`tests/fixtures/native_reading.py`). *segments*: the list that the hosts' parser gives; *timeline*: what a"
        " generation uses, for all steps. † not run here: A1111's own parser with the same lark on another day and a"
        " like machine."
    )
    cases = CASES[:1] if asked.quick else CASES
    head = ("prompt", "lark", "plain reading", "segments", "timeline", "lark / timeline", "segments / plain")
    table(head, (_compared(name, prompt, parser.parse if can else None) for name, prompt, can in cases))
    _growth(ITEMS[:3] if asked.quick else ITEMS)
    print("Hostile prompts: our timeline at *n* (milliseconds), and its exponent from *n*/8 to *n* (1 is linear).")
    shapes = [(name, 80, shape) for name, _, shape in HOSTILE[:2]] if asked.quick else HOSTILE
    table(("shape", "n", "characters", "timeline", "exponent"), (_slope(*shape) for shape in shapes))


if __name__ == "__main__":
    main()
