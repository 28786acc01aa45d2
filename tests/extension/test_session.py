"""One generation: opened on its job, inert for every other, and never in the way."""

import copy
import gc
import json

import pytest
import torch

from lib_vaeface import host, infotext, session
from lib_vaeface.schedule.protocol import Encoded, Request
from lib_vaeface.schedule.trace import Trace
from lib_vaeface.session.generation import ATTRIBUTE, Session
from lib_vaeface.session.hooks import on_conditioning, on_model_call
from lib_vaeface.version import __version__
from tests.extension.sample_host import Job, SampleHost, call

CAT, DOG = torch.ones(1, 77, 8), torch.ones(1, 77, 8) * 2
ring_batch, ring_post = session.hook("before_process_batch"), session.hook("postprocess")


@pytest.fixture
def webui():
    Session._last = None
    yield SampleHost()
    Session._last = None


def request(prompt, steps=4, negative=False):
    return Request(
        (prompt,), negative, steps, None, steps, None, steps, False, "state",
        lambda texts: [Encoded(torch.full((77, 8), float(len(text)))) for text in texts],
        lambda: Encoded(torch.zeros(77, 8)),
    )  # fmt: skip


def paint(webui, job, args, conds=(CAT, CAT, DOG), inside=None):
    """The hooks of one generation in the host's order."""
    webui.stack.append(job)
    session.open_session(job, args, webui)
    ring_batch(None, job, *args, batch_number=0, prompts=[], seeds=[], subseeds=[])
    on_conditioning(job, lambda: request("a [cat:dogs:2]"))
    for step, cond in enumerate(conds):
        on_model_call(call(job, step, cond))
    if inside:
        inside()
    texts = job.infotext()
    ring_post(None, job, object(), *args)
    webui.stack.pop()
    return {key: json.loads(text) for key, text in texts.items()}


def test_off_leaves_no_trace(webui):
    job = Job()
    before = dict(vars(job))
    assert paint(webui, job, [False]) == {}
    assert vars(job) == before and not webui.comments and session.find(job) is None


def test_on_records_what_happened(webui):
    texts = paint(webui, Job(), [True, True, "exact"])
    assert texts["VAE Face"]["host"] == "sample"
    first = {"calls": 3, "conditionings": 2, "switches": [3]}
    assert texts["VAE Face schedule"] == {"v": 1, "timing": "exact", "first": first}


def test_schedule_off_writes_only_the_main_key(webui):
    assert list(paint(webui, Job(), [True, False])) == ["VAE Face"]


def test_record_option_off_keeps_the_settings(webui):
    webui.options["vaeface_record_calls"] = False
    assert paint(webui, Job(), [True])["VAE Face schedule"] == {"v": 1, "timing": "webui"}


def test_the_hires_pass_is_counted_apart(webui):
    job = Job()
    texts = paint(webui, job, [True], inside=lambda: on_model_call(call(job, 0, CAT, hires=True)))
    schedule = texts["VAE Face schedule"]
    assert (schedule["first"]["calls"], schedule["hires"]["calls"]) == (3, 1)


def test_every_iteration_starts_anew(webui):
    job = Job()

    def second_iteration():
        ring_batch(None, job, batch_number=1)
        on_model_call(call(job, 0, CAT))

    assert paint(webui, job, [True], inside=second_iteration)["VAE Face schedule"]["first"]["calls"] == 1


def test_closed_after_postprocess_but_infotext_still_answers(webui):
    job = Job()
    texts = paint(webui, job, [True])
    assert session.find(job) is None and not hasattr(job, ATTRIBUTE)
    assert {key: json.loads(text) for key, text in job.infotext().items()} == texts


def test_two_generations_never_mix(webui):
    first, second = Job(), Job()
    one, two = paint(webui, first, [True, True, "exact"]), paint(webui, second, [True, True, "webui"], [DOG])
    assert one["VAE Face schedule"]["timing"] == "exact" and two["VAE Face schedule"]["timing"] == "webui"
    assert two["VAE Face schedule"]["first"]["calls"] == 1
    assert paint(webui, Job(), [False]) == {}


def test_a_nested_job_gets_no_session_and_disturbs_none(webui):
    outer, inner, twin = Job(), Job(), []

    def nested():
        assert paint(webui, inner, [True]) == {}
        twin.append(copy.copy(outer))
        on_model_call(call(twin[0], 0, DOG))
        assert session.find(twin[0]) is None

    texts = paint(webui, outer, [True], inside=nested)
    assert texts["VAE Face schedule"]["first"]["calls"] == 3


def test_a_dead_job_does_not_silence_the_next(webui):
    dead, following = Job(), Job()
    session.open_session(dead, [True], webui)  # an error: no further hook is run
    assert paint(webui, following, [True])["VAE Face schedule"]["first"]["calls"] == 3


def test_keys_left_in_a_shared_dict_are_removed_when_off(webui):
    first = Job()
    paint(webui, first, [True])
    second = copy.copy(first)
    assert paint(webui, second, [False]) == {}


def test_the_session_does_not_keep_its_job(webui):
    job = Job()
    session.open_session(job, [True], webui)
    held = session.find(job)
    del job
    gc.collect()
    assert held._job() is None and not held.running


def test_a_failure_ends_the_effect_and_is_said_once(webui, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("injected")

    monkeypatch.setattr(Trace, "record", broken)
    texts = paint(webui, Job(), [True])
    assert texts["VAE Face"]["error"] == "model_call: ZeroDivisionError: injected"
    assert len(webui.comments) == len(webui.errors) == 1
    assert "injected" in webui.comments[0][1]


@pytest.mark.parametrize("hook", ["before_process", "before_process_batch", "postprocess"])
def test_a_failure_in_any_hook_is_said_once(webui, monkeypatch, hook):
    monkeypatch.setattr(Session, hook, lambda *_, **__: 1 / 0)
    paint(webui, Job(), [True])
    assert len(webui.comments) == len(webui.errors) == 1


def test_a_failure_while_writing_infotext_is_written_too(webui, monkeypatch):
    monkeypatch.setattr(Trace, "summary", lambda self: 1 / 0)
    texts = paint(webui, Job(), [True])
    assert "ZeroDivisionError" in texts["VAE Face"]["error"] and len(webui.comments) == 1


def test_interrupts_are_not_ours_to_catch(webui, monkeypatch):
    class Interrupted(BaseException):
        pass

    def interrupted(*_):
        raise Interrupted

    monkeypatch.setattr(Trace, "record", interrupted)
    with pytest.raises(Interrupted):
        paint(webui, Job(), [True])


def test_wrong_arguments_are_said_and_written(webui):
    texts = paint(webui, Job(), [{"timing": "later", "colour": 1}])
    assert len(texts["VAE Face"]["notes"]) == len(webui.comments) == 2


def test_a_refused_switch_is_said_although_off(webui):
    job = Job()
    session.open_session(job, ["perhaps"], webui)
    assert session.find(job) is None
    assert len(webui.comments) == 1 and "enabled" in webui.comments[0][1]
    assert list(job.infotext()) == [infotext.NOTE] and "'perhaps' refused" in job.infotext()[infotext.NOTE]
    assert infotext.read(job.infotext()) == {"enabled": False}


def test_an_older_library_stays_off_and_asks_for_a_restart(webui, monkeypatch):
    monkeypatch.setattr(host, "current", lambda: webui)
    job = Job()
    session.opener("99.0")(None, job, True)
    assert session.find(job) is None and "restart" in webui.comments[0][1]
    session.opener("99.0")(None, Job(), False)
    assert len(webui.comments) == 1
    session.opener(__version__)(None, job, True)
    assert session.find(job) is not None
