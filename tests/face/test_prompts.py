"""Texts for each face."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_vaeface.face.prompts import face_prompts

MAIN, NEGATIVE = "two [red:blue:0.5] people", "blurry"


def texts(prompt: str, count: int) -> list[str]:
    return ["SKIP" if face.skip else face.prompt for face in face_prompts(prompt, "", MAIN, NEGATIVE, count)]


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("", [MAIN] * 3),
        ("  ", [MAIN] * 3),
        ("a man", ["a man"] * 3),
        ("a man [SEP] a woman", ["a man", "a woman", "a woman"]),
        ("a man[SEP]a woman[SEP]a child[SEP]a cat", ["a man", "a woman", "a child"]),
        ("[SEP]a woman", [MAIN, "a woman", "a woman"]),
        ("a man [SEP] [SEP] a child", ["a man", MAIN, "a child"]),
        ("a man [SEP]", ["a man", MAIN, MAIN]),
        ("[SKIP] [SEP] a woman [SEP] [SKIP]", ["SKIP", "a woman", "SKIP"]),
        ("sharp eyes, [PROMPT], smiling", [f"sharp eyes, {MAIN}, smiling"] * 3),
        ("[PROMPT] [SEP] x", [MAIN, "x", "x"]),
        ("a\nb [SEP]\n c", ["a\nb", "c", "c"]),
    ],
)
def test_marks(prompt: str, wanted: list[str]) -> None:
    assert texts(prompt, 3) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "[a:b:0.5]",
        "[a|b|c]",
        "[a]",
        "[sep]",
        "[SEP:2]",
        "[skip]",
        "[SKIPPED]",
        "(a:1.2) [b::3] <lora:x:0.5>",
        "a AND b",
    ],
)
def test_schedules_and_ordinary_brackets_are_left_alone(text: str) -> None:
    assert texts(text, 1) == [text]
    assert texts(f"{text} [SEP] [PROMPT] {text}", 2) == [text, f"{MAIN} {text}"]


def test_a_main_prompt_with_marks_is_not_read_again() -> None:
    (face,) = face_prompts("[PROMPT]", "", "a [SEP] b [PROMPT]", "", 1)
    assert face.prompt == "a [SEP] b [PROMPT]" and not face.skip


def test_the_negative_prompt_has_parts_of_its_own() -> None:
    faces = face_prompts("x", "hat [SEP] [PROMPT], beard", MAIN, NEGATIVE, 3)
    assert [face.negative for face in faces] == ["hat", "blurry, beard", "blurry, beard"]


@given(st.lists(st.text("ab[]:|() ", max_size=12), min_size=1, max_size=5), st.integers(0, 7))
def test_every_face_gets_its_part_or_the_last(parts: list[str], count: int) -> None:
    made = face_prompts("[SEP]".join(parts), "", MAIN, NEGATIVE, count)
    wanted = [parts[min(number, len(parts) - 1)].strip() or MAIN for number in range(count)]
    assert [face.prompt for face in made] == wanted
