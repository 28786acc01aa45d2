"""The benchmarks' own parts: a page's places, which run fills which, the table at its head, the slope of a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import summary
from benchmarks.big_rows import Row, told
from benchmarks.decoders import Measured
from benchmarks.flags import Flags, flags
from benchmarks.summary import Finding
from benchmarks.tables import ROOT
from benchmarks.timing import Times, exponent, in_turn, last_exponent

PAGE = """a
<!-- summary -->
<!-- /summary -->
<!-- one -->
old
older
<!-- /one -->
b
<!-- one full-size -->

<!-- /one full-size -->
<!-- two cuda full-size -->
<!-- /two cuda full-size -->
<!-- three -->
c"""


def test_every_place_of_the_page_has_a_program() -> None:
    found = bench.places(bench.PAGE.read_text(encoding="utf8"))
    assert {"schedule", "encodes", "callback", "ramps"} <= set(found) and len(found) == len(set(found))
    for place in found:
        assert (ROOT / "benchmarks" / f"{place.split()[0]}.py").is_file(), place
        assert set(place.split()[1:]) <= {"cuda", "full-size", "a1111"}, place


def test_what_is_kept_belongs_to_a_place_of_the_page() -> None:
    assert set(bench.read_kept()) <= set(bench.places(bench.PAGE.read_text(encoding="utf8")))


def test_a_page_is_rewritten_between_its_marks_only() -> None:
    one = PAGE.replace("old\nolder", "new")
    assert bench.filled(PAGE, "one", "new\n") == one
    assert bench.filled(one, "one full-size", "big") == one.replace("\n\n<!-- /one full", "\nbig\n<!-- /one full")
    assert bench.filled(bench.filled(PAGE, "two cuda full-size", "x"), "two cuda full-size", "") == PAGE


@pytest.mark.parametrize(
    ("asked", "names", "wanted"),
    [
        (Flags(), [], ["one"]),
        (Flags(full_size=True), [], ["one", "one full-size"]),
        (Flags("cuda"), [], []),
        (Flags(full_size=True), ["one full-size"], ["one full-size"]),
        (Flags(full_size=True), ["one"], ["one", "one full-size"]),
        (Flags("cuda", full_size=True), ["two"], ["two cuda full-size"]),
    ],
)
def test_flags_say_which_places_a_run_fills(asked: Flags, names: list[str], wanted: list[str]) -> None:
    assert bench.chosen(PAGE, names, asked) == wanted


@pytest.mark.parametrize(
    ("name", "told"), [("kallback", "there are one, two"), ("two", "cuda full-size"), ("two cuda", "no bench")]
)
def test_a_name_without_a_place_is_refused(name: str, told: str) -> None:
    with pytest.raises(SystemExit, match=told):
        bench.chosen(PAGE, [name], Flags())


def test_a_program_reads_the_flags_that_its_place_hands_over() -> None:
    asked = Flags("cuda", True, True, Path("a"), "python", Path("b"))
    assert flags(asked.for_place(["full-size", "a1111", "cuda"])) == asked
    assert flags(["NAME", *Flags().for_place([])]) == Flags()


def test_findings_are_taken_out_of_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print("text")
    summary.found("page", "0.2 s – 14 KB", True)
    print("more")
    summary.found("growth", "1.3", False, part="faces", why="because")
    text, findings = summary.taken_out(capsys.readouterr().out)
    assert text == "text\nmore"
    assert findings == [Finding("page", "0.2 s – 14 KB", True), Finding("growth", "1.3", False, "faces", "because")]


def test_a_bar_that_is_not_met_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="reason"):
        summary.found("page", "1 s", False)
    with pytest.raises(KeyError):
        summary.found("pages", "1 s", True)


def test_the_head_has_a_row_for_each_bar_from_the_places_of_the_page_alone() -> None:
    kept = {
        "one": [Finding("page", "0.1 s", True), Finding("growth", "1.0", True, "faces")],
        "gone": [Finding("kinship", "4 ms", True)],
        "one full-size": [Finding("growth", "1.6", False, "batch", "quadratic")],
    }
    table = [line.strip("| ").split(" | ") for line in bench.headed(PAGE, kept).splitlines() if line.startswith("| ")]
    rows = {row[0]: row[-2:] for row in table}
    assert set(rows) == {summary.HEAD[0], "---"} | {what for what, *_ in summary.BARS.values()}
    assert rows["import and page build"] == ["0.1 s", "yes"]
    assert rows["growth"] == ["faces: 1.0<br>batch: 1.6", "yes (faces)<br>no (batch): quadratic"]
    assert rows["callback"] == ["-", "not measured"]


def test_what_needs_a_gpu_says_so_until_it_ran_there() -> None:
    page = PAGE.replace("two cuda full-size", "two cuda")
    kept = {"one": [Finding("change", "30 x", True)], "two cuda": [Finding("change", "1.2 x", True, "GPU")]}
    assert "no run on a GPU" not in bench.headed(page, kept)
    assert "| 30 x<br>GPU: - |" in bench.headed(page, {"one": kept["one"]})


def test_one_program_changes_its_own_findings_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, kept = tmp_path / "page.md", tmp_path / "kept.json"
    page.write_text(PAGE, encoding="utf8")
    old = {"one full-size": [{"bar": "growth", "measured": "1.1", "met": True, "part": "", "why": ""}]}
    kept.write_text(json.dumps({**old, "gone": []}), encoding="utf8")
    monkeypatch.setattr(bench, "PAGE", page)
    monkeypatch.setattr(bench, "FOUND", kept)
    line = summary.MARK + json.dumps({"bar": "page", "measured": "0.2 s", "met": True})
    monkeypatch.setattr(bench, "printed", lambda place, asked: f"of {place}\n{line}\n")
    bench.main(["one"])
    text = page.read_text(encoding="utf8")
    assert "of one\n" in text and "| 0.2 s | yes |" in text and "| 1.1 | yes |" in text
    now = json.loads(kept.read_text(encoding="utf8"))
    assert now["one full-size"] == old["one full-size"] and set(now) == {"one", "one full-size"}
    bench.main(["one", "--quick"])
    assert page.read_text(encoding="utf8") == text


def in_page(*words: str) -> list[str]:
    found = bench.places(bench.PAGE.read_text(encoding="utf8"))
    return [place for place in found if set(place.split()[1:]) <= set(words)]


def runs(place: str, folder: Path) -> tuple[str, list[Finding]]:
    """A program's text and findings of a quick run."""
    asked = Flags(full_size=True, quick=True, images=folder)
    return summary.taken_out(bench.printed(place, asked))


@pytest.mark.torch  # that environment has lark and matplotlib
def test_a_program_runs_quickly(tmp_path: Path) -> None:
    text, findings = runs("schedule", tmp_path)
    assert "| 10 edits |" in text and {found.bar for found in findings} == {"schedule", "growth"}
    assert (tmp_path / "growth-schedule.png").exists()


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("place", in_page("full-size"))
def test_every_program_runs(place: str, tmp_path: Path) -> None:
    text, _ = runs(place, tmp_path)
    assert "| ---" in text or "![" in text


def test_a_row_of_a_big_picture_is_within_the_bar_only_with_less_memory_in_little_time_and_exactly() -> None:
    whole = Row("full", Measured((10.0,), 4000, 1))

    def within(seconds: float, peak: int, most: float | None) -> bool:
        return Row("tiles, 16% of the bytes", Measured((seconds,), peak, 1), most, most).within(whole)

    assert within(19.0, 999, 0.9)
    assert not (within(20.0, 999, 0.9) or within(19.0, 1000, 0.9) or within(19.0, 999, 1.0) or within(19.0, 999, None))


def test_a_big_picture_that_memory_is_too_short_for_is_a_row_too(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row("full", None), Row("tiles, 16% of the bytes", Measured((3.0,), 2**20, 1))]
    assert not told("SD1, 4096 px", rows) and rows[1].beside(rows[0]) == "fits, the whole does not"
    assert rows[0].beside(rows[1]) == "out of memory"
    assert "| full | out of memory | out of memory |" in capsys.readouterr().out


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_slope_is_the_power(power: float) -> None:
    sizes = [10, 20, 40, 80]
    assert exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power)
    assert last_exponent(sizes, [1e9, 1e-9, *(size**power for size in sizes[2:])]) == pytest.approx(power)


def test_times_are_told_by_their_median_and_ends() -> None:
    times = Times((0.0034, 1.25, 0.002))
    assert times.median == 0.0034 and times.spread == "2 .. 1,250"


def test_what_is_compared_takes_turns() -> None:
    order: list[str] = []
    times = in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3 and all(len(one.seconds) == 3 for one in times.values())


@pytest.mark.torch
def test_a_chart_is_a_file_and_a_line_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks import plots

    monkeypatch.setattr(plots, "flags", lambda: Flags(images=tmp_path))
    slopes = plots.chart("some", "Some", "items", "seconds", {"it": ([1, 2, 4], [2.0, 4.0, 8.0])}, bar=(3.0, "bar"))
    assert slopes == {"it": pytest.approx(1.0)}
    assert (tmp_path / "some.png").stat().st_size > 5_000 and "![Some](performance/some.png)" in capsys.readouterr().out
