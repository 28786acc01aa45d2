"""Speed of the schedule's parser, as ratios within one run. `python -m benchmarks schedule`.

Baselines: the hosts' grammar as facts state it (one Earley grammar, ambiguous over stray brackets), run by lark itself;
and the plain recursive statement of their reading (tests/fixtures/native_reading.py). lark is left out where it would
take minutes, and where it fails that is said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.tables import machine, table
from benchmarks.timing import cpu_seconds, exponent
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


def _milliseconds(work: Callable[[], Any], runs: int = 3) -> float | str:
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
    timeline = _milliseconds(lambda: compile_prompt(prompt, STEPS))
    plain = _milliseconds(lambda: native_reading.schedule(prompt, STEPS))
    theirs = _milliseconds(lambda: parse(prompt), 1) if parse else RECORDED.get(name, "-")
    return [name, *map(_shown, (theirs, plain, ours, timeline)), _ratio(theirs, ours), _ratio(ours, plain)]


def _slope(name: str, largest: int, shape: Shape) -> list[str]:
    sizes = [largest // 8, largest // 4, largest // 2, largest]
    seconds = [cpu_seconds(lambda size=size: compile_prompt(shape(size), STEPS)) for size in sizes]
    return [
        name,
        f"{largest:,}",
        f"{len(shape(largest)):,}",
        f"{seconds[-1] * 1e3:,.1f}",
        f"{exponent(sizes, seconds):.2f}",
    ]


def main() -> None:
    import lark

    parser = lark.Lark(GRAMMAR)
    print(machine("lark", "pyparsing"))
    print(
        f"\nMilliseconds of CPU time at {STEPS} steps. lark runs the hosts' grammar and only parses; the others"
        " evaluate too. *plain reading*: the hosts' rules written down directly, without extensions or notes"
        " (`tests/fixtures/native_reading.py`). *segments*, *timeline*: ours. † not run here: A1111's own parser with"
        " the same lark on another day and a like machine."
    )
    head = ("prompt", "lark", "plain reading", "segments", "timeline", "lark / segments", "segments / plain")
    table(head, (_compared(name, prompt, parser.parse if can else None) for name, prompt, can in CASES))
    print("Hostile prompts: our timeline at *n* (milliseconds), and its exponent from *n*/8 to *n* (1 is linear).")
    table(("shape", "n", "characters", "timeline", "exponent"), (_slope(*shape) for shape in HOSTILE))


if __name__ == "__main__":
    main()
