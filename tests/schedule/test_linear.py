"""Hostile prompts: no exception at any depth, and twice the text costs about twice the time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from lib_vaeface.schedule.compile import compile_prompt, segments
from lib_vaeface.schedule.grammar import read
from lib_vaeface.schedule.nodes import show

SHAPES: dict[str, Callable[[int], str]] = {
    "edits": lambda n: "[a:b:0.5], " * n,
    "nested edits": lambda n: "[a:" * n + "z" + ":5]" * n,
    "edits nested in front": lambda n: "[" * n + "z" + ":b:5]" * n,
    "open squares": lambda n: "[" * 4 * n,
    "open rounds": lambda n: "(" * 4 * n,
    "open edits": lambda n: "[a:" * n,
    "open stages": lambda n: "[a:b:c:" * n,
    "open numbers": lambda n: "[a: 5" * n,
    "colons": lambda n: "[" + ":" * 4 * n + "]",
    "pipes": lambda n: "[" + "a|" * n + "]",
    "stray pipes": lambda n: "[a:b:5] |" * n,
    "nested turns": lambda n: "[a|" * n + "]" * n,
    "rounds": lambda n: "(" * n + "z" + ")" * n,
    "refused": lambda n: "[a:b:c:5]" * n,
    "emphasis": lambda n: "(" * n + "z" + ":1.1)" * n,
    "emphasis in the weight's place": lambda n: "(a:" * n + ")" * n,
    "no weights in the weight's place": lambda n: "(a:1," * n + ")" * n,
    "crossed": lambda n: "[a:(b:" * n + "]" * n,
    "stages": lambda n: "[" + "a:" * n + ",".join("5" for _ in range(n - 1)) + "]",
    "keys": lambda n: "(a:" + "1," * n + "2)",
    "bezier": lambda n: "[" + "a:" * n + ",".join(str(i) for i in range(n)) + ":bezier]",
    "sigmas": lambda n: "".join(f"[a:b:{i}.5s]" for i in range(n)),
    "parts": lambda n: "a AND " * n,
    "backslashes": lambda n: "\\" * 10 * n + "[" * n,
    "spaces": lambda n: "[a:b:" + " " * 20 * n,
    "words": lambda n: "word, " * 10 * n,
}


def seconds(prompt: str) -> float:
    best = 9e9
    for _ in range(3):
        start = time.process_time()
        compile_prompt(prompt, 8)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("name", SHAPES)
def test_time_is_linear(name: str) -> None:
    # four times the text: 4 where linear, 16 where quadratic; only ever ratios of one process
    small, large = seconds(SHAPES[name](400)), seconds(SHAPES[name](1600))
    assert large < 9 * max(small, 2e-4)


@pytest.mark.parametrize("name", SHAPES)
def test_depth_5000_is_no_limit(name: str) -> None:
    prompt = SHAPES[name](5000)
    tree = read(prompt)
    assert show(read(show(tree.nodes)).nodes) == show(tree.nodes)


@pytest.mark.parametrize("name", ["nested edits", "nested turns", "open squares", "colons", "refused"])
def test_a_hundred_thousand_characters_compile(name: str) -> None:
    prompt = SHAPES[name](25000)
    assert len(prompt) >= 100_000 or name == "nested turns"
    assert segments(prompt, 4)[-1][0] == 4


def test_nested_blends_of_any_depth() -> None:
    for prompt in ("[a:" * 3000 + "z" + ":1,9]" * 3000, "(" * 1500 + "z" + ":1,2)" * 1500, "[a:b:1,9] " * 2000):
        line = compile_prompt(prompt, 4)[0]
        assert sum(line.at(3)[0].values()) == pytest.approx(1.0)
        assert len(line.at(3)[0]) <= 64
