"""Native prompts read as A1111 1.10.1 reads them: results computed by its own code, and the stated rule."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from lib_vaeface.schedule.attention import emphasis, has_emphasis
from lib_vaeface.schedule.compile import compile_prompt, compile_schedule, segments
from lib_vaeface.schedule.grammar import harmless, read
from lib_vaeface.schedule.parts import split
from tests.fixtures import native_reading

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden" / "schedules.jsonl"
CASES = [json.loads(line) for line in GOLDEN.read_text(encoding="utf8").splitlines() if line]
# What a native host leaves as text here, we read as a blend.
OURS = {58}


def cases(kind: str) -> Any:
    found = [case for case in CASES if case["kind"] == kind]
    assert found
    return pytest.mark.parametrize("case", found, ids=[str(case["id"]) for case in found])


@cases("schedule")
def test_schedule(case: dict[str, Any]) -> None:
    asked = case["prompt"], case["steps"], case["hires_steps"], case["use_old_scheduling"]
    assert segments(*asked, extensions=False) == case["schedule"]
    assert (segments(*asked) == case["schedule"]) is (case["id"] not in OURS)


@cases("effective")
def test_text_used_at_each_call(case: dict[str, Any]) -> None:
    lines = compile_prompt(case["prompt"], case["steps"], case["hires_steps"])
    used = [[line.at(call)[0] for line in lines] for call in range(case["calls"])]
    assert used == [[{text: 1.0} for text in texts] for texts in case["per_call"]]
    assert [line.weight_at(0) for line in lines] == case["weights"]


@cases("multicond")
def test_and_is_split(case: dict[str, Any]) -> None:
    parts = split(case["prompt"])
    texts = list(dict.fromkeys(part.text for part in parts))
    assert texts == case["subprompts"]
    assert [[texts.index(part.text), *part.weights] for part in parts] == case["indexes"]


@cases("attention")
def test_emphasis(case: dict[str, Any]) -> None:
    found = [list(pair) for pair in emphasis(case["prompt"])]
    if isinstance(case["result"], list):
        assert found == case["result"]
        return
    # Native raises; ours answers, says so, and gives the encoder a text that does not raise there.
    assert found == [["a:1.2.3", 1.1]]
    line = compile_schedule(case["prompt"], 4)
    assert "is no number" in line.notes[0].reason
    assert emphasis(line.texts()[0]) == emphasis(case["prompt"]) and line.texts() == [harmless(case["prompt"])]


@cases("encoder_calls")
def test_distinct_texts_are_at_most_those_of_the_hosts(case: dict[str, Any]) -> None:
    texts = [
        set(line.texts()) for prompt in dict.fromkeys(case["prompts"]) for line in compile_prompt(prompt, case["steps"])
    ]
    assert all(len(own) <= native for own, native in zip(texts, case["texts_per_encoder_call"], strict=False))
    if "alternation" in case["case"]:
        assert [len(own) for own in texts] == [2]


@pytest.mark.parametrize(
    ("text", "weighs"),
    [("a", False), ("(a)", True), ("(a:1)", False), ("a BREAK b", False), ("[a", True), (r"\(a\)", False)],
)
def test_has_emphasis(text: str, weighs: bool) -> None:
    assert has_emphasis(text) is weighs


def test_many_brackets_weigh_the_same_in_logarithms() -> None:
    text = "".join(f"({chr(97 + i % 26)}" for i in range(600)) + ":-1.5)" + ":0.5)" * 599
    assert emphasis(text)[-1][1] == pytest.approx(-1.5 * 0.5**599, rel=1e-6)
    assert emphasis("(" * 6000 + "a")[0][1] > 1e200


PIECES = [
    "[",
    "[",
    "]",
    "]",
    "(",
    ")",
    ":",
    ":",
    "|",
    "a",
    "b ",
    " 5",
    "0.5",
    "1.5",
    " ",
    "\\",
    "\\:",
    "\n",
    "5,8",
    ":5]",
]


def test_any_brackets_read_as_the_stated_rule_says() -> None:
    dice = random.Random(4)
    for _ in range(1500):
        prompt = "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 16)))
        asked = prompt, 10, dice.choice([None, 7]), dice.random() < 0.2
        assert segments(*asked, extensions=False) == native_reading.schedule(*asked), prompt
        assert read(prompt).extended or segments(*asked) == native_reading.schedule(*asked), prompt
