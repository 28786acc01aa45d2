"""The X/Y/Z plot's reading of values, order of cells and use by other extensions."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image


@pytest.fixture
def xyz(webui: object) -> Any:
    from modules import scripts

    return next(d.module for d in scripts.scripts_data if d.script_class.__module__ == "xyz_grid.py")


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("1-5", int, [1, 2, 3, 4, 5]),
        ("1-5 (+2)", int, [1, 3, 5]),
        ("10-5 (-3)", int, [10, 7]),
        ("1-10 [4]", int, [1, 4, 7, 10]),
        ("0-1 (+0.5)", float, [0.0, 0.5, 1.0]),
        ("0-1 [3]", float, [0.0, 0.5, 1.0]),
        ("-2", int, ["-2"]),
        ("7", int, ["7"]),
    ],
)
def test_ranges(webui: object, text: str, kind: type, values: list[Any]) -> None:
    from modules.xyz_values import expand_range

    expanded = expand_range(text, kind)
    assert expanded == (values if isinstance(values[0], str) else pytest.approx(values))


def test_a_range_without_a_step_is_refused(webui: object) -> None:
    from modules.xyz_values import expand_range

    with pytest.raises(ValueError, match="step of 0"):
        expand_range("1-5 (+0)", int)


def test_values_with_commas_are_quoted(webui: object) -> None:
    from modules.xyz_axes import csv_string_to_list_strip, list_to_csv_string

    assert csv_string_to_list_strip('a, "b, c" ,d') == ["a", "b, c", "d"]
    assert csv_string_to_list_strip(list_to_csv_string(["x, y", "z"])) == ["x, y", "z"]


@pytest.mark.parametrize(
    ("costs", "first"), [((1.0, 0, 0), 0), ((0, 1.0, 0), 1), ((0, 0, 0), 2), ((0.5, 0.7, 0), 1)]
)
def test_the_dearest_axis_changes_least(webui: object, costs: tuple[float, ...], first: int) -> None:
    from modules.xyz_plot import cells_by_cost

    cells = list(cells_by_cost((2, 3, 4), costs))
    assert len(set(cells)) == 24
    changes = [sum(a[axis] != b[axis] for a, b in itertools.pairwise(cells)) for axis in range(3)]
    assert changes[first] == (2, 3, 4)[first] - 1


def test_permutations_keep_the_words_places(xyz: Any) -> None:
    p = SimpleNamespace(prompt="red hat on a blue cat", negative_prompt="")
    xyz.apply_order(p, ("blue", "red"), [])
    assert p.prompt == "blue hat on a red cat"
    option = xyz.AxisOption("Prompt order", xyz.str_permutations, xyz.apply_order)
    from modules.xyz_values import read_axis

    assert len(read_axis(p, option, "a,b,c", [], False)) == 6


def test_prompt_search_and_replace_misses(xyz: Any) -> None:
    p = SimpleNamespace(prompt="a cat", negative_prompt="")
    xyz.apply_prompt(p, "dog", ["cat", "dog"])
    assert p.prompt == "a dog"
    with pytest.raises(RuntimeError, match="did not find"):
        xyz.apply_prompt(p, "x", ["bird", "x"])


def test_vae_names_any_case_and_unknown(xyz: Any) -> None:
    assert xyz.find_vae("ALT-mse.safetensors") == "alt-mse.safetensors"
    assert xyz.find_vae("none") == "None"
    assert xyz.find_vae("no such") == "Automatic"


def test_confirm_range(xyz: Any) -> None:
    check = xyz.confirm_range(0, 1, "Weight")
    check(None, [0, 0.5, 1])
    with pytest.raises(ValueError, match="Weight"):
        check(None, [2])


def test_axes_of_one_tab_only(xyz: Any) -> None:
    assert not xyz.AxisOptionTxt2Img("x", str, xyz.do_nothing).is_img2img
    assert xyz.AxisOptionImg2Img("x", str, xyz.do_nothing).is_img2img
    labels = [option.label for option in xyz.axis_options]
    assert {"Nothing", "Seed", "Steps", "CFG Scale", "Prompt S/R", "Sampler", "Checkpoint name", "VAE", "Denoising",
            "Clip skip", "Hires upscaler"} <= set(labels)


def test_an_extensions_axis_is_painted(xyz: Any, webui: Any, tmp_path: Path) -> None:
    """What `axis_options` held when the page was built reaches every cell."""
    from PIL import ImageStat

    from modules import initialize, processing, scripts

    seen: list[str] = []
    script = next(s for s in scripts.scripts_txt2img.selectable_scripts if s.title() == "X/Y/Z plot")
    option = xyz.AxisOption("[Test] word", str, lambda p, x, xs: seen.append(x))
    script.current_axis_options = [*script.current_axis_options, option]
    number = len(script.current_axis_options) - 1
    p = processing.StableDiffusionProcessingTxt2Img(
        sd_model=webui.sd_model, prompt="a cat", steps=1, width=64, height=64, seed=3, sampler_name="Euler",
        do_not_save_samples=True, do_not_save_grid=True)
    p.scripts, p.is_api, p.outpath_grids = scripts.scripts_txt2img, True, str(tmp_path)
    args = initialize.script_defaults()
    args[script.args_from : script.args_from + 9] = [number, "one,two", [], 0, "", [], 0, "", []]
    p.script_args = args
    args[0] = 1 + scripts.scripts_txt2img.selectable_scripts.index(script)
    result = scripts.scripts_txt2img.run(p, *args)
    script.current_axis_options.remove(option)
    assert seen == ["one", "two"]
    assert len(result.images) == len(result.infotexts) == len(list(tmp_path.rglob("*.png"))) == 1
    assert isinstance(result.images[0], Image.Image) and max(ImageStat.Stat(result.images[0]).stddev) > 0
