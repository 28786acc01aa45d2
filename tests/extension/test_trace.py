"""The trace of a pass: switches and distinct conditionings, in both ways of counting."""

import pytest
import torch

from lib_vaeface.schedule.trace import Trace, ui_step

CAT, DOG = torch.randn(2, 2, 77, 8, generator=torch.Generator().manual_seed(1)).unbind()


def traced(timing, conds, total_steps, steps):
    trace = Trace(timing)
    for step, cond in enumerate(conds):
        trace.record(step, total_steps, steps, cond.clone(), None)
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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_change_of_one_value_is_seen_in_any_precision(dtype):
    changed = CAT.to(dtype).clone()
    changed[1, 3, 2] += 0.25
    assert traced("webui", [CAT.to(dtype), changed], 2, 2)["switches"] == [1]


def test_two_key_conditionings_and_the_negative_count_too():
    trace = Trace("webui")
    vector = torch.ones(2, 8)
    trace.record(0, 3, 3, {"crossattn": CAT, "vector": vector}, CAT)
    trace.record(1, 3, 3, {"crossattn": CAT, "vector": vector * 2}, CAT)
    trace.record(2, 3, 3, {"crossattn": CAT, "vector": vector * 2}, DOG)
    assert trace.summary() == {"calls": 3, "conditionings": 3, "switches": [1, 2]}


def test_the_conditioning_is_neither_kept_nor_changed():
    cond = CAT.clone()
    trace = Trace("webui")
    trace.record(0, 2, 2, cond)
    assert torch.equal(cond, CAT)
    cond.zero_()
    trace.record(1, 2, 2, CAT)
    assert trace.summary()["switches"] == []


@pytest.mark.parametrize("step, total, steps, expected", [(0, 4, 4, 1), (3, 4, 4, 4), (6, 8, 4, 4), (90, 20, 10, 10)])
def test_ui_step(step, total, steps, expected):
    assert ui_step(step, total, steps) == expected


def test_ui_step_without_a_plan_counts_calls():
    assert ui_step(5, 0, 0) == 6
