"""Speed of the schedule's parser: ratios within one run, printed as a table. `python benchmarks/schedule.py`.

Baselines: the hosts' grammar as facts state it (one Earley grammar, ambiguous over stray brackets), run by lark itself;
and the plain recursive statement of their reading (tests/fixtures/native_reading.py). Times are CPU seconds, the best
of a few runs. lark is left out where it would take minutes, and where it fails that is said.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from lib_vaeface.schedule.compile import compile_prompt, segments  # noqa: E402  (needs the path above)
from tests.fixtures import native_reading  # noqa: E402

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


def _edits(count: int) -> str:
    return "".join(f"[a{i}:b{i}:0.{i % 9 + 1}], " for i in range(count))


CASES: list[tuple[str, str, bool]] = [  # name, prompt, whether lark can finish it
    ("10 edits", _edits(10), True),
    ("30 edits", _edits(30), True),
    ("100 edits", _edits(100), True),
    ("1,000 edits", _edits(1_000), False),
    ("10,000 edits", _edits(10_000), False),
    ("100 emphases (w:1.1)", "(w:1.1), " * 100, True),
    ("10,000 words", "word, " * 10_000, True),
    ("one [a|b|...] of 1,000", "[" + "a|" * 999 + "a]", True),
    ("nesting 50", "[a:" * 50 + "z" + ":5]" * 50, True),
    ("nesting 400", "[a:" * 400 + "z" + ":5]" * 400, True),
    ("nesting 5,000", "[a:" * 5_000 + "z" + ":5]" * 5_000, False),
    ("100 open [", "[" * 100, True),
    ("20,000 open [", "[" * 20_000, False),
    ("20,000 colons", "[" + ":" * 20_000 + "]", False),
    ("20,000 pipes", "[" + "a|" * 20_000 + "]", False),
    ("5,000 open [a:b:c:", "[a:b:c:" * 5_000, False),
    ("16 blends at once", "[a:b:2,18] " * 16, False),
    ("5,000 blends at once", "[a:b:2,18] " * 5_000, False),
]


def _seconds(work: Callable[[], Any], runs: int) -> float | str:
    best = float("inf")
    for _ in range(runs):
        start = time.process_time()
        try:
            work()
        except (RecursionError, AssertionError) as error:
            return type(error).__name__
        best = min(best, time.process_time() - start)
    return best


def _shown(value: float | str | None) -> str:
    return "-" if value is None else value if isinstance(value, str) else f"{value * 1000:,.1f}"


def _ratio(base: float | str | None, ours: float | str) -> str:
    return f"{base / ours:,.1f}" if isinstance(base, float) and isinstance(ours, float) and ours else ""


def main() -> None:
    """Prints the table, in milliseconds, as Markdown."""
    import lark

    parser = lark.Lark(GRAMMAR)
    print(
        f"lark {lark.__version__}, Python {sys.version.split()[0]}, {STEPS} steps; ms of CPU time; lark only parses\n"
    )
    print("| prompt | lark parses | plain reading | segments | timeline | lark / segments | plain / segments |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, prompt, can in CASES:
        ours = _seconds(lambda p=prompt: segments(p, STEPS), 3)
        timeline = _seconds(lambda p=prompt: compile_prompt(p, STEPS), 3)
        plain = _seconds(lambda p=prompt: native_reading.schedule(p, STEPS), 3)
        theirs = _seconds(lambda p=prompt: parser.parse(p), 1) if can else None
        cells = [
            _shown(theirs),
            _shown(plain),
            _shown(ours),
            _shown(timeline),
            _ratio(theirs, ours),
            _ratio(plain, ours),
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
