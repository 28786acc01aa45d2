"""Every bracket that looks like a schedule and stays text says where, why, and what to write instead."""

from __future__ import annotations

import pytest

from lib_vaeface.schedule.compile import compile_prompt
from lib_vaeface.schedule.grammar import read

# prompt, (line, column) of the note, words of its reason, what to write instead
NOTED = [
    ("a [fur:10:15]", (1, 3), "not as a range", "[fur:10-15]"),
    ("[a:b:c:5]", (1, 1), "3 texts need 2 times", "[a:b:c:5,10]"),
    ("x\n [a:b]", (2, 2), "no time", "[a:10]"),
    ("[a:b:5-10]", (1, 1), "only one text can have a span", "[a:b:5,10]"),
    ("[a:b:5,15:smoth]", (1, 1), "no curve", "[a:b:5,15:smooth]"),
    ("[a:5,15:smooth]", (1, 1), "hard edges", "[a:5,15]"),
    ("[a:b:5:smooth]", (1, 1), "needs as many times, found 1", "[a:b:5,10:smooth]"),
    ("[a:b:5s,10]", (1, 1), "either sigmas", ""),
    ("[a:b:5s,]", (1, 1), "no time can be left out", ""),
    ("[a:b:5", (1, 1), "never closed", ""),
    ("[a:b:[5]]", (1, 1), "no time", "[a:b:10]"),
    ("[a|b:x]", (1, 1), "how long each holds", "[a|b:3]"),
    ("[a|b:5s]", (1, 1), "not for a sigma", "[a|b:3]"),
    ("[a|b:0]", (1, 1), "more than 0", "[a|b:3]"),
    ("[a|b:3:bezier]", (1, 1), "no curve", "[a|b:3:bezier]"),
    ("[(a|b):c:3]", (1, 1), "inside", ""),
    ("[a:[b:c]:5]", (1, 1), "line 1, column 4", ""),
    ("[a:b (c:5]", (1, 1), "closes a bracket", ""),
    ("[a:b|c]", (1, 1), "separates no options", ""),
    ("[a:b:10,5]", (1, 1), "backwards", ""),
    ("[a:b:5] | c", (1, 9), "every schedule here", r"\|"),
    ("[a:b:5]\\", (1, 8), "every schedule here", "\\\\"),
    ("(a:1.2.3)", (1, 3), "no number", ""),
    ("(a:1,x)", (1, 1), "weights over time", "(word:1.0,2.0)"),
    ("(a:1,2:smoth)", (1, 1), "no curve", "(word:1.0,2.0:smooth)"),
]


@pytest.mark.parametrize(("prompt", "place", "reason", "instead"), NOTED)
def test_note(prompt: str, place: tuple[int, int], reason: str, instead: str) -> None:
    notes = [note for note in read(prompt).notes if (note.line, note.column) == place]
    assert any(reason in note.reason and instead == note.instead for note in notes), read(prompt).notes


QUIET = ["a (b:1.1), [c]", "[a:b:5]", "[a|b]", "[a:5,10]", "(a:1,2)", "{a|b}", "a: b", "[[a]]", "(a:b)", ":)",
         "[1.1:1.4:10]", r"\[a:b\]", "((a", "a]", "[a:b:c:5,10] {x|y}"]  # fmt: skip


@pytest.mark.parametrize("prompt", QUIET)
def test_nothing_to_say(prompt: str) -> None:
    assert read(prompt).notes == ()


def test_what_is_advised_is_read() -> None:
    for prompt, _, _, instead in NOTED:
        if instead.startswith(("[", "(")) and "bezier" not in prompt:
            assert not any("time" in note.reason for note in read(instead).notes), instead


def test_places_count_in_the_whole_prompt() -> None:
    lines = compile_prompt("a AND\n  [b:c]", 20)
    assert [(note.line, note.column) for note in lines[1].notes] == [(2, 3)]


def test_and_inside_a_bracket_is_told() -> None:
    lines = compile_prompt("x [fox AND wolf:bear:3]", 20)
    assert [(note.line, note.column) for note in lines[0].notes] == [(1, 3)]
    assert "AND cuts" in lines[0].notes[0].reason and lines[1].notes == ()
    assert compile_prompt("a] AND [b", 20)[0].notes == ()


def test_a_stray_pipe_is_text_beside_a_form_of_ours() -> None:
    line = compile_prompt("{x|y} [a:b:5] [c:2-4]", 20)[0]
    assert line.at(20)[0] == {"{x|y} b ": 1.0} and line.extended
