"""The shared table, on the server's side: it says what the schedule says today. The page's side: tests/browser."""

from __future__ import annotations

import json

from lib_vaeface.schedule.grammar import read
from tests.schedule.timeline_table import TABLE, WRITTEN, answer, asked, difference

ROWS = json.loads(TABLE.read_text(encoding="utf8"))


def test_the_table_is_that_of_today() -> None:
    assert [row["asked"] for row in ROWS] == list(asked())
    told = [difference(answer(row["asked"]), row["answer"]) for row in ROWS]
    assert not any(told), f"see tests/schedule/timeline_table.py: {next(filter(None, told))}"


def test_the_table_has_every_form_and_note() -> None:
    answers = [line for row in ROWS for line in row["answer"]]
    switches = [switch for line in answers for switch in line["switches"]]
    assert {switch["kind"] for switch in switches} == {"stages", "turns", "blend", "ramp"}
    assert len({switch["curve"] for switch in switches}) == 11  # ten, and none
    assert len({note["reason"][:12] for line in answers for note in line["notes"]}) >= 20
    assert any(line["by_sigma"] for line in answers) and any(len(line["part_weights"]) > 1 for line in answers)


def test_each_opening_form_has_one_switch() -> None:
    for prompt in WRITTEN:
        count, stack = 0, list(read(prompt).nodes)
        while stack:
            node = stack.pop()
            if not isinstance(node, str):
                count += 1
                inner = [node.body] if hasattr(node, "body") else getattr(node, "texts", None) or node.options
                stack += [one for sequence in inner for one in sequence]
        found = answer({"prompt": prompt, "steps": 9, "negative": True})
        assert len(found[0]["switches"]) == count, prompt


def test_switches_tell_when() -> None:
    found = answer({"prompt": "[a:[b|c:2]:0.5] [d:e:2,6:smooth] (f:1->2) [g:9s]", "steps": 8})[0]["switches"]
    assert found == [
        {"kind": "stages", "texts": 2, "at": [4], "curve": ""},
        {"kind": "turns", "texts": 2, "at": [2.0], "curve": ""},
        {"kind": "blend", "texts": 2, "at": [2, 6], "curve": "smooth"},
        {"kind": "ramp", "texts": 2, "at": [0.0, 8.0], "curve": "", "weights": [1.0, 2.0]},
        {"kind": "stages", "texts": 2, "at": [[9.0]], "curve": ""},
    ]
