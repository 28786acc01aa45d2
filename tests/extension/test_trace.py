"""The trace of a pass: switches and distinct conditionings, in both ways of counting."""

import pytest

from lib_vaeface.schedule.trace import Trace, ui_step

CAT, DOG = ("a cat",), ("a dog",)


def traced(timing, conds, total_steps, steps):
    trace = Trace(timing)
    for step, cond in enumerate(conds):
        trace.record(step, total_steps, steps, cond)
    return trace.summary()


def test_one_switch_first_order():
    calls = [CAT] * 4 + [DOG] * 2
    assert traced("webui", calls, 6, 6) == {"calls": 6, "conditionings": 2, "switches": [4]}
    assert traced("exact", calls, 6, 6)["switches"] == [5]


def test_second_order_counts_two_calls_a_step():
    calls = [CAT] * 4 + [DOG] * 3
    assert traced("webui", calls, 8, 4)["switches"] == [4]
    assert traced("exact", calls, 8, 4)["switches"] == [3]


def test_alternation_sees_two_conditionings_and_every_flip():
    summary = traced("webui", [CAT, DOG, CAT, DOG], 4, 4)
    assert summary["conditionings"] == 2 and summary["switches"] == [1, 2, 3]


def test_no_calls():
    assert Trace("webui").summary() == {"calls": 0, "conditionings": 0, "switches": []}



@pytest.mark.parametrize("step, total, steps, expected", [(0, 4, 4, 1), (3, 4, 4, 4), (6, 8, 4, 4), (90, 20, 10, 10)])
def test_ui_step(step, total, steps, expected):
    assert ui_step(step, total, steps) == expected


def test_ui_step_without_a_plan_counts_calls():
    assert ui_step(5, 0, 0) == 6
