"""Laws: prompts that mean the same. Hard forms are sugar for native ones."""

from __future__ import annotations

import pytest

from lib_vaeface.schedule.compile import Timeline, compile_prompt, compile_schedule, segments

HARD = [  # equal lists of segments, in both passes
    ("[A:B:C:5,10]", "[A:[B:C:10]:5]"),
    ("[A:B:C:D:2,0.5,15]", "[A:[B:[C:D:15]:0.5]:2]"),
    ("[A:5,10]", "[[A::10]:5]"),
    ("[A:5-10]", "[[A::10]:5]"),
    ("[A:0.25-0.5]", "[[A::0.5]:0.25]"),
    ("[A:5,10]", "[:A::5,10]"),
    ("[A:B:C:10,5]", "[A:[B:C:5]:10]"),
    ("[A|B:1]", "[A|B]"),
    ("[A|B|C:3:step]", "[A|B|C:3]"),
    ("[A:B:C: 5 , 10 ]", "[A:B:C:5,10]"),
    ("x [(a:1.2) [b|c]:d:e:5,10] y", "x [(a:1.2) [b|c]:[d:e:10]:5] y"),
    ("(x [A:5,10]:1.1)", "(x [[A::10]:5]:1.1)"),
]
SAME = [  # equal at every call of a single pass
    ("[A:B:40%]", "[A:B:0.4]"),
    ("[B:40%]", "[B:0.4]"),
    ("[A:B:5,6]", "[A:B:5]"),
    ("[A:B:5,5]", "[A:B:5]"),
    ("[A:B:0,1]", "[A:B:0]"),
    ("[A:B:5,10:step]", "[A:B:9]"),
    ("[A:B:5,15:linear]", "[A:B:5,15]"),
    ("[A:B:0.2,0.6:smooth]", "[A:B:20%,60%:smooth]"),
    ("[A:B:,10]", "[A:B:0,10]"),
    ("[A:B:,]", "[A:B:0%,100%]"),
    ("[A:B:C:,]", "[A:B:C:0.3333333334,0.6666666667]"),
    ("[A:B:C:2,,10]", "[A:B:C:2,6,10]"),
    ("[A|B:10%]", "[A|B:2]"),
    ("[A|B:1:smooth]", "[A|B]"),
    ("[A|A:3:smooth]", "A"),
    ("(a:1.0->2.0)", "(a:1.0,2.0)"),
    ("(a:1>2)", "(a:1~2)"),
    ("(a:1.0,2.0)", "[(a:1):(a:2):0%,100%]"),
    ("(a:.5@0,1.2@40%:smooth)", "[(a:0.5):(a:1.2):0,40%:smooth]"),
    ("(a:1,1)", "(a:1)"),
    ("[A:B:5,15:catmull]", "[A:A:B:B:5,5,15,15:catmull]"),
    ("[A:[B:C:8,12]:4,8]", "[A:B:C:4,8,12]"),
    ("[A:B:10,5]", "[A:B:10,10]"),
]


def told(line: Timeline, sigmas: list[float] | None = None) -> list[dict[str, float]]:
    sigmas = sigmas or [14.0 - call / 2 for call in range(line.clock.calls + 3)]
    return [
        {text: pytest.approx(weight, abs=1e-9) for text, weight in line.at(call, sigma)[0].items()}
        for call, sigma in enumerate(sigmas)
    ]


@pytest.mark.parametrize(("one", "other"), HARD)
@pytest.mark.parametrize("hires", [None, 12])
@pytest.mark.parametrize("old", [False, True])
def test_hard_forms_are_sugar(one: str, other: str, hires: int | None, old: bool) -> None:
    if not (hires and "step" in one):  # a cross-fade is cut at every step, also where nothing changes
        assert merged(segments(one, 20, hires, old)) == merged(segments(other, 20, hires, old))


def merged(found: list[list[int | str]]) -> list[list[int | str]]:
    return [entry for entry, after in zip(found, [*found[1:], [0, None]], strict=True) if entry[1] != after[1]]


@pytest.mark.parametrize(("one", "other"), [*HARD, *SAME])
@pytest.mark.parametrize("timing", ["webui", "exact"])
@pytest.mark.parametrize("calls", [20, 40])
def test_the_same_at_every_call(one: str, other: str, timing: str, calls: int) -> None:
    first, second = (compile_schedule(prompt, 20, timing=timing, calls=calls) for prompt in (one, other))
    assert told(first) == told(second)
    assert sorted(first.texts()) == sorted(second.texts()) or "[A:B:0" in one or "10,5" in one or "|A" in one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[A:B:C:10s,5s]", "[A:[B:C:5s]:10s]"),
        ("[A:10s-5s]", "[[:A:10s]::5s]"),
        ("[A:B:C:10s,12]", "[A:[B:C:12]:10s]"),
        ("(a:1@10s,2@5s)", "[(a:1):(a:2):10s,5s]"),
    ],
)
def test_sigma_laws(one: str, other: str) -> None:
    assert told(compile_schedule(one, 20)) == told(compile_schedule(other, 20))


def test_a_percentage_repeats_in_the_second_pass() -> None:
    again = compile_schedule("[A:B:40%]", 20, 10)
    assert [again.at(call)[0] for call in range(7)] == [{"A": 1.0}] * 5 + [{"B": 1.0}] * 2
    assert compile_schedule("[A:B:0.4]", 20, 10).texts() == ["B"]


def test_a_blend_runs_on_through_the_second_pass() -> None:
    first, second = compile_schedule("[A:B:0.5,1.5]", 20), compile_schedule("[A:B:0.5,1.5]", 20, 10)
    assert first.at(20)[0] == {"A": 0.5, "B": 0.5}
    assert second.at(1)[0] == {"A": pytest.approx(0.4), "B": pytest.approx(0.6)}
    assert second.at(5)[0] == {"B": 1.0}


AND = [("a:1,0.5 AND b", [1.0, 0.5]), ("a:1->0.5 AND b", [1.0, 0.5]), ("a : 1@0,0@50% AND b:2", [1.0, 0.0])]


@pytest.mark.parametrize(("prompt", "ends"), AND)
def test_weights_of_and_parts_over_time(prompt: str, ends: list[float]) -> None:
    first, other = compile_prompt(prompt, 20, timing="exact")
    assert (first.texts(), other.texts()) == (["a"], [" b"])
    weights = [first.weight_at(call) for call in range(20)]
    assert weights[0] == pytest.approx(ends[0], abs=0.11) and weights[-1] == pytest.approx(ends[1])
    assert weights == sorted(weights, reverse=True) and other.weight_at(3) == (2.0 if ":2" in prompt else 1.0)


@pytest.mark.parametrize("prompt", ["a:1,0.5", r"a\:1,2 AND b", "a:1,x AND b", "a:1@5s,2 AND b"])
def test_and_weights_that_stay_text(prompt: str) -> None:
    first = compile_prompt(prompt, 20)[0]
    assert first.weight_at(0) == 1.0 and ":" in first.texts()[0]


def test_emphasis_on_a_grid() -> None:
    line = compile_schedule("(a:1,2)", 20, weight_step=0.25)
    assert line.texts() == ["(a:1)", "(a:1.25)", "(a:1.5)", "(a:1.75)", "(a:2)"]
    for call in range(1, 20):
        mixed = sum(float(text[3:-1]) * weight for text, weight in line.at(call)[0].items())
        assert mixed == pytest.approx(1 + call / 20)
