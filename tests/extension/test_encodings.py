"""Encodings and what is made of them, with an encoder of a few lines: arithmetic, what is kept, passes, calls."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib_vaeface.schedule.compile import compile_prompt
from lib_vaeface.schedule.conditioning import even, mixed, padded, slerp, tokens, write_rows
from lib_vaeface.schedule.encodings import Encodings
from lib_vaeface.schedule.passes import Schedule
from lib_vaeface.schedule.protocol import Encoded, Request, joined
from lib_vaeface.schedule.strand import even_out, strand

CHUNK, WIDTH = 4, 3


def encoding(text):
    """[tokens, width]: chunks of four words, each entry told by the text."""
    chunks = max(1, math.ceil(len(text.split()) / CHUNK))
    return torch.full((CHUNK * chunks, WIDTH), float(sum(map(ord, text)))) + torch.arange(WIDTH)


EMPTY = torch.full((CHUNK, WIDTH), 0.5)


class Encoder:
    def __init__(self, cond=encoding):
        self.batches, self.cond = [], cond

    def __call__(self, texts):
        self.batches.append(tuple(texts))
        return [Encoded(self.cond(text), {"said": text} if "say" in text else {}) for text in texts]


def request(*prompts, encoder=None, **values):
    known = {
        "negative": False, "steps": 8, "hires_steps": None, "ui_steps": 8, "hires_ui_steps": None, "calls": 8,
        "old": False, "state": "s", "encode": encoder or Encoder(), "encode_empty": lambda: Encoded(EMPTY),
        "pools_emphasis": False, "exact_alone": True,
    }  # fmt: skip
    return Request(prompts, **{**known, **values})


def rows(answer, call):
    """What a WebUI walks to: [row, tokens, width]."""
    parts = [part for image in answer.images for part in image]
    conds = [next((cond for end, cond in p.schedule if call <= end), p.schedule[0][1]) for p in parts]
    longest = max(map(len, conds))
    return torch.stack([torch.cat([c, c[-1:].expand(longest - len(c), -1)]) for c in conds])


def painted(schedule, asked, calls=8, steps=8, sigma=lambda: math.nan, marker=0):
    """The rows of every call after the schedule wrote on them."""
    answer, found = schedule.answer(asked), []
    for call in range(calls):
        now = rows(answer, call)
        now = torch.cat([torch.full_like(now[:, :1], 1024.0)] * marker + [now], dim=1)
        where = (asked.hires_steps is not None, asked.negative)
        schedule.apply(where, call, calls, steps, now, sigma)
        found.append(now)
    return found


def test_short_conditionings_are_filled_with_whole_empty_chunks():
    long = padded(encoding("a"), 3 * CHUNK, lambda: EMPTY)
    assert torch.equal(long, torch.cat([encoding("a"), EMPTY, EMPTY]))
    assert torch.equal(padded(encoding("a"), 5, lambda: EMPTY)[4], encoding("a")[-1])
    assert padded(long, 2, lambda: EMPTY) is long
    both = padded({"crossattn": encoding("a"), "vector": torch.ones(2)}, 8, lambda: {"crossattn": EMPTY})
    assert both["crossattn"].shape == (8, WIDTH) and torch.equal(both["vector"], torch.ones(2))
    assert [tokens(cond) for cond in even([encoding("a"), encoding("a b c d e")], lambda: EMPTY)] == [8, 8]


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=4), st.sampled_from([torch.float32, torch.float16]))
def test_a_linear_mixture_is_the_weighted_sum(weights, dtype):
    conds = [torch.randn(CHUNK, WIDTH, generator=torch.Generator().manual_seed(i)).to(dtype) for i in range(4)]
    conds, weights = conds[: len(weights)], [*weights[:-1], 1.0 - sum(weights[:-1])]
    wanted = sum(cond.double() * weight for cond, weight in zip(conds, weights, strict=True))
    found = mixed(conds, weights)
    assert found.dtype == dtype and torch.allclose(
        found.double(), wanted, atol=2e-2 if dtype == torch.float16 else 1e-5
    )


@given(st.floats(0, 1), st.integers(0, 99))
def test_slerp_keeps_to_the_arc(t, seed):
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.nn.functional.normalize(torch.randn(5, 8, generator=generator), dim=-1) for _ in range(2))
    c = slerp(a, b, t)
    assert torch.allclose(c.norm(dim=-1), torch.ones(5), atol=1e-4)
    whole, way = (torch.acos((a * x).sum(-1).clamp(-1, 1)) for x in (b, c))
    assert torch.allclose(way, t * whole, atol=2e-3)


def test_slerp_where_there_is_no_arc():
    a = torch.tensor([[1.0, 0.0]])
    for b in (a * 3, -a, a * 0):
        assert torch.allclose(slerp(a, b, 0.25), 0.75 * a + 0.25 * b)
    pair = [
        {"crossattn": torch.eye(2)[:1], "vector": torch.eye(2)[0]},
        {"crossattn": torch.eye(2)[1:], "vector": torch.eye(2)[1]},
    ]
    half = mixed(pair, [0.5, 0.5], "slerp")
    assert half["crossattn"][0].tolist() == pytest.approx([math.sqrt(0.5)] * 2)
    assert half["vector"].tolist() == [0.5, 0.5]  # half of it is the picture's size
    assert mixed([a, a * 2], [1.5, -0.5], "slerp").tolist() == [[0.5, 0.0]]  # no arc beyond the ends


def test_rows_are_written_in_place_and_neighbours_left():
    target = torch.zeros(3, 6, WIDTH)
    write_rows(target, slice(1, 2), encoding("a"), 1)
    assert not target[0].any() and not target[2].any() and not target[1, 0].any()
    assert torch.equal(target[1, 1:5], encoding("a")) and torch.equal(target[1, 5], encoding("a")[-1])
    xl = {"crossattn": torch.zeros(2, 4, WIDTH, dtype=torch.float16), "vector": torch.zeros(2, 2)}
    write_rows(xl, slice(0, 1), {"crossattn": encoding("a"), "vector": torch.ones(2)})
    assert xl["vector"].tolist() == [[1, 1], [0, 0]] and torch.equal(xl["crossattn"][0].float(), encoding("a"))


def test_a_text_is_encoded_once_until_something_changes():
    bank, encoder = Encodings(), Encoder()
    asked = request(encoder=encoder)
    bank.texts(asked, ["a", "b", "a"])
    assert encoder.batches == [("a",), ("b",)] and (bank.encoded, bank.reused) == (2, 0)
    bank.texts(asked, ["b", "c"])
    assert encoder.batches[2:] == [("c",)] and bank.reused == 1
    bank.texts(dataclasses.replace(asked, state="other"), ["b"])
    assert encoder.batches[3:] == [("b",)]


def test_encodings_that_were_used_last_are_kept():
    size = encoding("a").numel() * 4
    bank, encoder = Encodings(most_bytes=2 * size), Encoder()
    asked = request(encoder=encoder)
    for text in "abaca":
        bank.texts(asked, [text])
    assert [text for (text,) in encoder.batches] == ["a", "b", "c"]
    bank.texts(asked, ["b"])
    assert len(encoder.batches) == 4 and bank._bytes == 2 * size
    bank.texts(asked, ["x " * 40])  # larger than allowed: kept alone, as it is in use
    assert len(bank._kept) == 1


@pytest.mark.parametrize(
    ("texts", "values", "together"),
    [
        (["a", "b", "a"], {}, False),
        (["(a:1.2)", "b", "b"], {"pools_emphasis": True}, True),
        (["(a:1.2)", "b"], {}, False),
        (["(a:1.2)"], {"pools_emphasis": True}, False),
        (["(a:1.0)", "b BREAK c"], {"pools_emphasis": True}, False),
        (["", "b"], {"negative": True, "zeroes_empty": True}, True),
        (["", "b"], {"negative": False, "zeroes_empty": True}, False),
        (["", ""], {"negative": True, "zeroes_empty": True}, False),
        (["a", "b", "a"], {"exact_alone": False}, True),
    ],
)
def test_the_webuis_batches_are_kept_where_they_show(texts, values, together):
    encoder = Encoder()
    found = Encodings().native(request(encoder=encoder, **values), texts)
    alone = [(text,) for text in dict.fromkeys(texts)]
    assert encoder.batches == ([tuple(texts)] if together else alone)
    assert [int(one.cond[0, 0]) for one in found] == [sum(map(ord, text)) for text in texts]


def test_an_empty_text_of_a_negative_blend_is_not_the_zeros_that_it_is_alone():
    asked = request(
        negative=True, zeroes_empty=True, encoder=Encoder(lambda text: encoding(text) if text else EMPTY * 0)
    )
    bank = Encodings()
    assert torch.equal(bank.texts(asked, ["", "a"])[0].cond, EMPTY)
    assert torch.equal(bank.texts(asked, [""])[0].cond, EMPTY * 0)


def test_a_strand_mixes_again_only_where_something_changes():
    (timeline,) = compile_prompt("[a:b:2,6]", 8)
    one = strand(timeline, request(), Encodings())
    values = [one.value(call, None) for call in range(9)]
    assert values[0] is values[1] is values[2] and values[6] is values[7] is values[8]
    shares = [float((value - encoding("a"))[0, 0]) for value in values]  # "b" is one more than "a"
    assert shares == [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1]
    assert [float(one.value(call, None)[0, 0]) - 97 for call in (5, 2, 4)] == [0.75, 0, 0.5], "in any order"


def test_strands_of_unequal_length_are_made_even():
    timelines = [compile_prompt(prompt, 8)[0] for prompt in ("[a:b:2]", "a b c d e f")]
    strands = [strand(timeline, request(), Encodings()) for timeline in timelines]
    even_out(strands, lambda: EMPTY)
    assert [one.tokens for one in strands] == [8, 8]
    assert {len(cond) for one in strands for _, cond in one.schedule} == {8}


@pytest.mark.parametrize("prompt", ["[a:b:3] c", "[a|b]", "a", "[a:[b:c:2]:5]"])
def test_native_prompts_are_left_to_the_webuis_walk(prompt):
    schedule = Schedule("webui", Encodings())
    answer = schedule.answer(request(prompt))
    for call in range(8):
        before = rows(answer, call)
        after = before.clone()
        schedule.apply((False, False), call, 8, 8, after, lambda: 1 / 0)
        assert torch.equal(before, after)


def test_only_the_rows_of_a_blend_are_written():
    asked = request("x [y:z:4] AND [a:b:2,6]", "[a:b:2,6]")
    found = painted(Schedule("webui", Encodings()), asked)
    shares = [0, 0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert [float(now[2, 0, 0]) - 97 for now in found] == shares
    assert [float(now[1, 0, 0]) - 32 - 97 for now in found] == shares  # " a" with its space
    assert [torch.equal(now[0], encoding("x y" if call <= 4 else "x z")) for call, now in enumerate(found)] == [
        True
    ] * 8


def test_the_marker_token_stays():
    found = painted(Schedule("webui", Encodings()), request("[a:b:2,6]"), marker=1)
    assert all(bool((now[:, 0] == 1024).all()) for now in found)
    assert float(found[4][0, 1, 0]) == 97.5


@pytest.mark.parametrize(
    "change", [lambda x: torch.cat([x, x]), lambda x: torch.cat([x, x, x], dim=1), lambda x: x[:, 1:]]
)
def test_rows_of_a_foreign_shape_are_left_alone_and_noted_once(change):
    schedule = Schedule("webui", Encodings())
    answer = schedule.answer(request("[a:b:2,6]"))
    for call in (3, 4):
        now = change(rows(answer, call))
        before = now.clone()
        schedule.apply((False, False), call, 8, 8, now, lambda: math.nan)
        assert torch.equal(now, before)
    assert len([note for note in schedule.notes if "another extension" in note]) == 1


def test_rows_that_are_left_out_and_passes_never_asked_for():
    schedule = Schedule("webui", Encodings())
    schedule.answer(request("[a:b:2,6]"))
    schedule.apply((False, False), 3, 8, 8, None, lambda: math.nan)
    schedule.apply((True, False), 3, 8, 8, torch.zeros(1, 4, 3), lambda: math.nan)
    assert schedule.meaning((True, True), 0) == ()


def test_the_noise_level_is_asked_for_only_where_it_counts():
    painted(Schedule("webui", Encodings()), request("[a:b:2,6]"), sigma=lambda: 1 / 0)
    levels = iter([9.0, 5.0, 3.0, 2.0, 1.0, 0.5, 4.0, 0.1])
    found = painted(Schedule("webui", Encodings()), request("[a:b:5s,1s]"), sigma=lambda: next(levels))
    assert [float(now[0, 0, 0]) - 97 for now in found] == pytest.approx([0, 0, 0.5, 0.75, 1, 1, 0.25, 1])


class Carrier:
    weight = 0.0


def test_weights_over_time_are_set_for_the_next_call():
    schedule = Schedule("webui", Encodings())
    answer = schedule.answer(request("a AND b:0.0,1.0 AND c:2"))
    parts = answer.images[0]
    seen = [[part.weight for part in parts]]
    for part in parts:
        part.carrier = Carrier()
    for call in range(8):
        schedule.apply((False, False), call, 8, 8, None, lambda: math.nan)
        seen.append([part.carrier.weight for part in parts])
    assert [b for _, b, _ in seen][:8] == pytest.approx([max(step, 1) / 8 for step in range(8)])
    assert {(a, c) for a, _, c in seen} == {(1.0, 2.0)}
    again = schedule.answer(request("a AND b:0.0,1.0"))  # a refiner after call 7
    assert again.images[0][1].weight == 1.0
    schedule.begin()
    assert schedule.answer(request("a AND b:0.0,1.0")).images[0][1].weight == 0.125


def test_exact_time_is_put_on_the_plan_that_the_sampler_has():
    asked = request("[a:b:2]", steps=16, ui_steps=8, calls=16)
    found = painted(Schedule("exact", Encodings()), asked, calls=16, steps=8)
    assert [float(now[0, 0, 0]) - 97 for now in found] == [0] * 4 + [1] * 12
    found = painted(Schedule("exact", Encodings()), asked, calls=4, steps=4)  # foreseen were 16
    assert [float(now[0, 0, 0]) - 97 for now in found] == [0, 0, 1, 1]
    found = painted(Schedule("exact", Encodings()), request("[a:b:0.5]", calls=20, ui_steps=10), calls=4, steps=4)
    assert [float(now[0, 0, 0]) - 97 for now in found] == [0, 0, 1, 1]


def test_notes_name_the_prompt_and_come_once():
    schedule = Schedule("webui", Encodings())
    for negative in (False, True):
        schedule.answer(request("[a:b:c:d:1]", "[a:b:c:d:1]", negative=negative))
    assert len(schedule.notes) == 2
    assert schedule.notes[0].startswith("prompt, ") and schedule.notes[1].startswith("negative prompt, ")


def test_remarks_are_joined_without_repetition():
    assert joined([{"x": "a: 1, b: 2"}, {"x": "b: 2, c: 3", "y": "z"}]) == {"x": "a: 1, b: 2, c: 3", "y": "z"}
    schedule = Schedule("webui", Encodings())
    assert schedule.answer(request("[say a:say b:2] AND say a")).remarks["said"].split(", ") == [
        "say a",
        "say b",
        " say a",
    ]


@pytest.mark.parametrize("steps", [0, -1])
def test_no_steps_are_an_error(steps):
    with pytest.raises(ValueError, match="at least 1"):
        Schedule("webui", Encodings()).answer(request("a", steps=steps))


STRAY = "[a:b:2]] c"


def test_what_the_webuis_grammar_leaves_open_is_read_as_the_webui_does():
    """`[a:b:2]] c` is an edit or plain text to A1111, by the hash seed that its process was started with."""
    for theirs in ([(8, STRAY)], [(2, "a] c"), (8, "b] c")]):
        answer = Schedule("webui", Encodings()).answer(request(STRAY, read=lambda text, theirs=theirs: theirs))
        (entries,) = [part.schedule for image in answer.images for part in image]
        assert [end for end, _ in entries] == [end for end, _ in theirs]
        assert all(torch.equal(cond, encoding(text)) for (_, cond), (_, text) in zip(entries, theirs, strict=True))


@pytest.mark.parametrize(
    "prompt", ["a [b:c:2] (d:1.2)", r"[a:b:2]\] c", "plain ] : [", "[a:b:1,3]] c", STRAY + "]" * 999]
)
def test_the_webui_is_not_asked_where_nothing_is_open_nor_where_it_would_take_long(prompt):
    asked = []
    Schedule("webui", Encodings()).answer(request(prompt, read=asked.append))
    Schedule("exact", Encodings()).answer(request(STRAY, read=asked.append))
    assert not asked
