"""The two clocks: the hosts' counting, and UI steps."""

from __future__ import annotations

import pytest

from lib_vaeface.schedule.compile import Timeline, compile_schedule
from lib_vaeface.schedule.times import FOREVER


def words(line: Timeline, calls: int) -> str:
    return "".join(next(iter(line.at(call)[0])) for call in range(calls))


EXACT = [  # prompt, steps, planned calls, calls made, text at each
    ("[a:b:5]", 10, 10, 10, "aaaaabbbbb"),
    ("[a:b:9]", 10, 10, 10, "aaaaaaaaab"),
    ("[a:b:0.95]", 20, 20, 20, "a" * 19 + "b"),
    ("[a|b]", 4, 4, 4, "abab"),
    ("[a|b]", 4, 8, 8, "aabbaabb"),
    ("[a:b:2]", 4, 8, 7, "aaaabbb"),
    ("[a:b:0.5]", 20, 20, 26, "a" * 10 + "b" * 16),
    ("[a:b:0.5]", 8, 9, 9, "aaaaabbbb"),
    ("[a|b:2]", 8, 8, 8, "aabbaabb"),
]


@pytest.mark.parametrize(("prompt", "steps", "planned", "made", "expected"), EXACT)
def test_exact(prompt: str, steps: int, planned: int, made: int, expected: str) -> None:
    assert words(compile_schedule(prompt, steps, timing="exact", calls=planned), made) == expected


WEBUI = [
    ("[a:b:5]", 10, 10, "aaaaaabbbb"),
    ("[a|b]", 4, 8, "aababaaa"),
    ("[a:b:0.5]", 20, 26, "a" * 11 + "b" * 10 + "a" * 5),
    ("[a|b:2]", 8, 8, "aaabbaab"),
]


@pytest.mark.parametrize(("prompt", "steps", "made", "expected"), WEBUI)
def test_webui(prompt: str, steps: int, made: int, expected: str) -> None:
    assert words(compile_schedule(prompt, steps), made) == expected


def test_float_errors_are_the_hosts_only() -> None:
    # (1.4 - 1.0) * 10 is 3.9999999999999996
    assert compile_schedule("[a:b:1.4]", 20, 10).ends[0] == 3
    assert compile_schedule("[a:b:1.4]", 20, 10, timing="exact").ends[0] == 4


def test_valid_until() -> None:
    line = compile_schedule("[a:b:5]", 10)
    assert [line.at(call)[1] for call in (0, 5, 6, 10, 11)] == [5, 5, 10, 10, FOREVER]
    exact = compile_schedule("[a:b:5]", 10, timing="exact", calls=20)
    assert [exact.at(call)[1] for call in (0, 9, 10, 99)] == [9, 9, FOREVER, FOREVER]


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"steps": 4, "hires_steps": 0}, {"steps": 4, "calls": 0},
                                   {"steps": 4, "timing": "late"}])  # fmt: skip
def test_wrong_numbers_are_told(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"steps must be at least 1|timing is"):
        compile_schedule("a", **wrong)


def test_json() -> None:
    told = compile_schedule("[a:b:2]", 4).to_json()
    assert told["texts"] == ["a", "b"] and told["timing"] == "webui"
    assert told["pieces"] == [
        {"from": 0, "until": 2, "weights": [[0, 1.0]]},
        {"from": 3, "until": 3, "weights": [[1, 1.0]]},
    ]
    assert told["part_weights"] == [1.0] and told["notes"] == []
