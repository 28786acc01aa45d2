"""Styles: merging, finding them again, files."""

from __future__ import annotations

from pathlib import Path

import pytest

CSV = """name,prompt,negative_prompt
portrait,"portrait of {prompt}, soft light",ugly
film,"film grain, 35mm",
# comment,x,y
empty,,
"""


@pytest.fixture
def styles(host, tmp_path: Path):
    from modules.styles import StyleDatabase

    (tmp_path / "styles.csv").write_text(CSV, encoding="utf-8-sig")
    return StyleDatabase([str(tmp_path / "styles.csv")])


def test_merging(styles) -> None:
    both = styles.apply_styles_to_prompt("a cat", ["portrait", "film"])
    assert both == "portrait of a cat, soft light, film grain, 35mm"
    assert styles.apply_styles_to_prompt("", ["film", "unknown"]) == "film grain, 35mm"
    assert styles.apply_negative_styles_to_prompt("bad", ["portrait", "film"]) == "bad, ugly"
    assert list(styles.styles) == ["portrait", "film", "empty"]


def test_extraction_undoes_merging(styles) -> None:
    chosen = ["portrait", "film"]
    prompt = styles.apply_styles_to_prompt("a cat", chosen)
    negative = styles.apply_negative_styles_to_prompt("bad", chosen)
    assert styles.extract_styles_from_prompt(prompt, negative) == (chosen, "a cat", "bad")
    assert styles.extract_styles_from_prompt("a dog", "") == ([], "a dog", "")


def test_both_texts_must_be_there(styles) -> None:
    assert styles.extract_styles_from_prompt("portrait of a cat, soft light", "")[0] == []


def test_infotext_finds_styles(host, styles, monkeypatch) -> None:
    from modules.infotext_utils import parse_generation_parameters

    monkeypatch.setattr(host, "prompt_styles", styles)
    text = "a cat, film grain, 35mm\nSteps: 1, Sampler: Euler, Seed: 1"
    res = parse_generation_parameters(text)
    assert (res["Prompt"], res["Styles array"]) == ("a cat", ["film"])
    host.opts.data["infotext_styles"] = "Ignore"
    assert parse_generation_parameters(text)["Prompt"] == "a cat, film grain, 35mm"


def test_saving_keeps_styles_and_a_backup(styles, tmp_path: Path) -> None:
    from modules.styles import PromptStyle, StyleDatabase

    styles.styles["new"] = PromptStyle("new", "a, {prompt}", "b")
    styles.save_styles()
    again = StyleDatabase([str(tmp_path / "styles.csv")])
    assert again.styles["new"][:3] == ("new", "a, {prompt}", "b")
    assert {"portrait", "film"} <= set(again.styles)
    assert "new" not in (tmp_path / "styles.csv.bak").read_text(encoding="utf-8-sig")


def test_several_files_get_headings(styles, tmp_path: Path) -> None:
    from modules.styles import StyleDatabase

    (tmp_path / "more.csv").write_text("name,prompt,negative_prompt\nx,y,z\n")
    several = StyleDatabase([str(tmp_path / "*.csv")])
    assert {"x", "film"} <= set(several.styles)
    several.save_styles()
    assert "STYLES" not in (tmp_path / "styles.csv").read_text(encoding="utf-8-sig")


def test_broken_file_is_reported(tmp_path: Path, host, capsys) -> None:
    from modules.styles import StyleDatabase

    (tmp_path / "styles.csv").write_text("title\nx\n")
    assert StyleDatabase([str(tmp_path / "styles.csv")]).styles == {}
    assert "styles.csv" in capsys.readouterr().err
