"""The page reads prompts as the server does: the shared table, A1111's golden cases, and prompts made at random.

The JavaScript runs by itself in an empty page of the browser.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.schedule.test_linear import SHAPES
from tests.schedule.timeline_table import GOLDEN, TABLE, answer, difference, for_the_page, golden

pytestmark = pytest.mark.browser

SCRIPTS = Path(__file__).parents[2] / "javascript" / "parts"
COMPILE = "(asked) => asked.map((one) => vaefaceSchedule.compile(one.prompt, one).map(vaefaceAnswer))"
PIECES = [
    "[", "[", "[", "]", "]", "(", ")", ":", ":", "|", ",", "-", "%", "s", "@", "->", "~", " AND ", " ", "\n", "\t",
    "\\", "\\]", "5", "1.5", "0.5", "1e999", "-3", "٣", "a", "ß", "😀", "\x85", "\x1c", "\ufeff", "\u2028", "\r",
    "smooth", "smoot", "bezier", "catmull", "step", "slerp", ":5]", ":1.2.3)", "[a:b:2,7]", "[a|b:3:smooth]", "(a:1,2)",
    "[a:9s,2s]", "[a:b:9s,2s]", "[a:b:c:", ":2,,9:catmull]", "[x:y:0.4]", "[p|q]",
]  # fmt: skip
pieced = st.lists(st.sampled_from(PIECES), min_size=5, max_size=30).map("".join)
prompts = st.one_of(pieced, pieced, pieced, pieced, st.text(max_size=30))
questions = st.fixed_dictionaries({
    "prompt": prompts, "steps": st.integers(1, 30), "hires_steps": st.none() | st.integers(1, 12), "old": st.booleans(),
    "timing": st.sampled_from(["webui", "exact"]), "calls": st.none() | st.integers(1, 50), "negative": st.booleans(),
    "extensions": st.sampled_from([True, True, True, False]),
})  # fmt: skip


@pytest.fixture(scope="module")
def ask(chrome: Any) -> Iterator[Callable[[str, Any], Any]]:
    """Runs a function of JavaScript, beside the schedule's scripts."""
    page = chrome.new_page()
    for name in ("clock", "forms", "reading", "schedule"):
        page.add_script_tag(path=str(SCRIPTS / f"{name}.js"))
    page.add_script_tag(path=str(Path(__file__).with_name("answer.js")))
    yield page.evaluate
    page.close()


def compare(ask: Callable[[str, Any], Any], cases: list[dict[str, Any]], answers: list[Any]) -> None:
    found = ask(COMPILE, [for_the_page(one) for one in cases])
    wrong = [(one, told) for one, here, there in zip(cases, answers, found, strict=True)
             if (told := difference(here, there))]  # fmt: skip
    shortest = min(wrong, key=lambda pair: len(pair[0]["prompt"]), default=None)
    assert not wrong, f"{len(wrong)} of {len(cases)}, the shortest: {shortest}"


def test_the_table(ask: Callable[[str, Any], Any]) -> None:
    rows = json.loads(TABLE.read_text(encoding="utf8"))
    compare(ask, [row["asked"] for row in rows], [row["answer"] for row in rows])


def test_golden_schedules(ask: Callable[[str, Any], Any]) -> None:
    cases = list(golden())
    compare(ask, cases, [answer(one) for one in cases])
    segments = """(asked) => asked.map(function(one) {
        const [line] = vaefaceSchedule.compile(one.prompt, one);
        return line.ends.map((end) => [end, ...line.bound.at(end, -Infinity).keys()]);
    })"""
    assert ask(segments, [for_the_page(one) for one in cases]) == [one["segments"] for one in cases]


def test_golden_texts_of_each_call_and_parts(ask: Callable[[str, Any], Any]) -> None:
    every = [json.loads(line) for line in GOLDEN.read_text(encoding="utf8").splitlines()]
    used = [case for case in every if case["kind"] == "effective"]
    per_call = """(cases) => cases.map(function(one) {
        const lines = vaefaceSchedule.compile(one.prompt, {steps: one.steps, hires: one.hires_steps});
        return one.per_call.map((_, call) => lines.map((line) => [...line.at(call).keys()].join("+")));
    })"""
    assert used and ask(per_call, used) == [case["per_call"] for case in used]
    split = [case for case in every if case["kind"] == "multicond"]
    parts = """(cases) => cases.map((one) =>
        vaefaceReading.split(one.prompt, true).map((part) => [part.text, part.weights[0]]))"""
    expected = [[[case["subprompts"][i], weight] for i, weight in case["indexes"]] for case in split]
    assert split and ask(parts, split) == expected


def made(count: int) -> list[dict[str, Any]]:
    """Questions at random, the same ones each time."""
    found: list[dict[str, Any]] = []

    @seed(7)
    @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(questions)
    def collect(question: dict[str, Any]) -> None:
        found.append(question)

    collect()
    return found


@pytest.mark.parametrize("count", [400, pytest.param(8000, marks=pytest.mark.slow)])
def test_prompts_at_random(ask: Callable[[str, Any], Any], count: int) -> None:
    cases = made(count)
    answers = [json.loads(json.dumps(answer(one))) for one in cases]
    assert sum(any(line["extended"] for line in one) for one in answers) > count / 8
    compare(ask, cases, answers)


def test_switches_stand_where_the_page_says(ask: Callable[[str, Any], Any]) -> None:
    """The stretch of the prompt that a switch says it is, read alone, is that switch."""
    cases = [{"prompt": one["prompt"], "steps": 10, "negative": True} for one in made(200)]
    stretches = """(asked) => asked.map((one) => vaefaceSchedule.compile(one.prompt, one)[0].bound.nodeList.map(
        (node) => [node.at, node.end, one.prompt.slice(node.at, node.end)]))"""
    found = 0
    for one, told in zip(cases, ask(stretches, [for_the_page(one) for one in cases]), strict=True):
        switches = answer(one)[0]["switches"]
        assert len(switches) == len(told) and [at for at, _, _ in told] == sorted(at for at, _, _ in told)
        for switch, (_, _, stretch) in zip(switches, told, strict=True):
            alone = answer({"prompt": stretch, "steps": 10, "negative": True})[0]["switches"]
            assert alone[0] == switch, (one["prompt"], stretch)
            found += 1
    assert found > 50


def test_hostile_prompts_take_linear_time(ask: Callable[[str, Any], Any]) -> None:
    """No exception at depth 5000 and more; what is drawn of 100 000 characters is there in a second."""
    timed = """(texts) => texts.map(function(text) {
        const start = performance.now();
        vaefaceSchedule.compile(text, {steps: 8}).forEach((line) => line.at(3));
        return performance.now() - start;
    })"""
    names = [*SHAPES, "brackets"]
    shapes = {**SHAPES, "brackets": lambda n: "[(" * 10 * n}
    small, large = (ask(timed, [shapes[name](size) for name in names]) for size in (1500, 6000))
    slow = {name: (a, b) for name, a, b in zip(names, small, large, strict=True) if b > 10 * a + 100 or b > 3000}
    assert not slow


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ({}, [(20, 20, 20, None)]),
        ({"hires": 10, "hiresPerStep": 2}, [(20, 20, 20, None), (10, 20, 20, 20)]),
        ({"perStep": 2}, [(20, 40, 40, None)]),
        ({"denoise": 0.4}, [(9, 9, 20, None)]),  # as A1111 1.10.1 counts: int(min(0.4, 0.999) * 20) + 1
        ({"denoise": 1.0}, [(20, 20, 20, None)]),
        ({"denoise": 0.4, "fixSteps": True}, [(20, 20, 20, None)]),
        ({"denoise": 0.4, "exact": True, "perStep": 2}, [(9, 18, 9, None)]),
        ({"hires": 7, "exact": True}, [(20, 20, 20, None), (7, 7, 20, 7)]),
    ],
)
def test_passes(ask: Callable[[str, Any], Any], page: dict[str, Any], expected: list[Any]) -> None:
    """(steps made, model calls, steps and hires steps that the schedule counts) of each pass."""
    given = {"steps": 20, "hires": 0, "perStep": 1, "hiresPerStep": 1, "exact": False, "old": False, "denoise": None,
             "fixSteps": False, **page}  # fmt: skip
    found = ask("(page) => vaefaceSchedule.passes(page)", given)
    assert [(one["steps"], one["calls"], one["asked"]["steps"], one["asked"].get("hires")) for one in found] == expected
