"""The benchmarks' own parts: a page's places, the slope of a line, and that every place has a program."""

from __future__ import annotations

import pytest

from benchmarks import __main__ as bench
from benchmarks.schedule import exponent
from benchmarks.tables import ROOT


def test_every_place_of_the_page_is_filled_by_a_program() -> None:
    places = {found[1]: found[0] for found in bench.PLACE.finditer(bench.PAGE.read_text(encoding="utf8"))}
    assert {"schedule", "encodes", "callback", "ramps"} <= set(places)
    for name, text in places.items():
        assert (ROOT / "benchmarks" / f"{name}.py").is_file() and "| ---" in text, name


def test_a_page_is_rewritten_between_its_marks_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "printed", lambda name: f"new {name}")
    page = "a\n<!-- one -->\nold\nolder\n<!-- /one -->\nb\n<!-- two -->\n\n<!-- /two -->\n<!-- three -->\nc"
    one = page.replace("old\nolder", "new one")
    assert bench.written(page, ["one"]) == one
    assert bench.written(page, ["one", "two"]) == one.replace("\n\n", "\nnew two\n")


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "printed", lambda name: pytest.fail("nothing may run"))
    with pytest.raises(SystemExit, match="callback"):
        bench.main(["kallback"])


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_slope_is_the_power(power: float) -> None:
    sizes = [10, 20, 40, 80]
    assert exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power)
