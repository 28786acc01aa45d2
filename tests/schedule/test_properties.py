"""What holds for every prompt: nothing raises, weights sum to 1, time runs forward, printing and reading agree."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lib_vaeface.schedule.compile import compile_prompt, compile_schedule, segments
from lib_vaeface.schedule.grammar import read
from lib_vaeface.schedule.nodes import show

TOKENS = ["[", "[", "]", "]", "(", ")", ":", ":", "|", ",", "-", "%", "s", "@", "->", "AND", " ", "\n", "\t", "\\",
          "\\]", "5", "1.5", "0.5", "1e999", "-3", "٣", "a", "ß", "smooth", "bezier", "catmull", "step", ":5]",
          ":1.2.3)", "[a:b:2,7]", "[a|b:3:smooth]", "(a:1,2)", "[a:9s,2s]", "[a:b:9s,2s]"]  # fmt: skip
prompts = st.lists(st.sampled_from(TOKENS), max_size=24).map("".join) | st.text(max_size=30)
clocks = st.tuples(
    st.integers(1, 30), st.none() | st.integers(1, 12), st.booleans(), st.sampled_from(["webui", "exact"])
)


@settings(max_examples=300, deadline=None)
@given(prompts, clocks, st.none() | st.floats(0, 20))
@example("[a:b:1e999]", (20, 10, False, "webui"), None)
@example("[a:b:-1.0e999,1.e999:bezier]", (20, 10, True, "exact"), None)
def test_every_prompt_has_a_timeline(prompt: str, clock: tuple, sigma: float | None) -> None:
    steps, hires, old, timing = clock
    for line in compile_prompt(prompt, steps, hires, old=old, timing=timing):
        known, before = set(line.texts()), -1
        for call in range(line.clock.steps + 3):
            weights, until = line.at(call, sigma)
            assert sum(weights.values()) == pytest.approx(1.0)
            assert until >= call and until >= before
            assert line.by_sigma or set(weights) <= known
            if not line.by_sigma and until < 1000:
                assert line.at(until)[0] == weights
            before = until
            assert line.weight_at(call, sigma) is not None
        json.dumps(line.to_json())
        assert all(note.line >= 1 and note.column >= 1 and note.reason for note in line.notes)


@settings(max_examples=300, deadline=None)
@given(prompts)
def test_printing_and_reading_agree(prompt: str) -> None:
    once = read(prompt)
    again = read(show(once.nodes))
    assert again.nodes == once.nodes and show(again.nodes) == show(once.nodes)
    assert again.extended == once.extended


@settings(max_examples=200, deadline=None)
@given(prompts)
def test_a_prompt_without_our_forms_is_native(prompt: str) -> None:
    if not read(prompt).extended:
        assert segments(prompt, 9) == segments(prompt, 9, extensions=False)


@pytest.mark.parametrize("curve", ["linear", "smooth", "ease-in", "ease-out", "ease-in-out", "sine", "step", "slerp",
                                   "catmull", "bezier"])  # fmt: skip
def test_curves_go_from_the_first_text_to_the_last(curve: str) -> None:
    line = compile_schedule(f"[A:B:5,15:{curve}]", 20)
    shares = [line.at(call)[0].get("B", 0.0) for call in range(20)]
    assert shares == sorted(shares) and shares[5] == 0.0 and shares[15] == pytest.approx(1.0)
    assert line.geometry == ("slerp" if curve == "slerp" else "linear")
    if curve not in ("step", "ease-in", "ease-out"):
        assert shares[10] == pytest.approx(0.5)


def test_blends_at_once_multiply_up_to_a_limit() -> None:
    few = compile_schedule("[a:b:0,20] [c:d:0,20]", 20)
    assert few.at(5)[0] == {"a c": pytest.approx(9 / 16), "a d": pytest.approx(3 / 16),
                            "b c": pytest.approx(3 / 16), "b d": pytest.approx(1 / 16)}  # fmt: skip
    many = compile_schedule(" ".join(f"[a{i}:b{i}:0,20]" for i in range(20)), 20)
    weights = many.at(5)[0]
    assert len(weights) == 21 and sum(weights.values()) == pytest.approx(1.0)
    assert sorted(weights.values())[1:] == [pytest.approx(0.25)] * 20
    assert any("first order" in note.reason for note in many.notes)
    monstrous = compile_schedule(" ".join(f"[a{i}:b{i}:0,20]" for i in range(300)), 20)
    assert len(monstrous.at(5)[0]) == 64


def test_sigma_decides_where_it_is_asked_for() -> None:
    line = compile_schedule("[A:B:5s] [c:d:3s,1s]", 20)
    assert sorted(line.texts()) == ["A c", "A d", "B c", "B d"] or set(line.texts()) == {"A c", "B c", "B d"}
    assert line.at(0, 5.0) == ({"A c": 1.0}, 0)
    assert line.at(3, 4.9)[0] == {"B c": 1.0}
    assert line.at(9, 2.0)[0] == {"B c": 0.5, "B d": 0.5}
    assert line.at(10, 14.0)[0] == {"A c": 1.0}  # Restart goes back
    assert line.at(4)[0] == {"A c": 1.0}
