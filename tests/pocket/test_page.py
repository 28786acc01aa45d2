"""The page as gradio would serve it: ids, order of controls, callbacks, defaults file, links."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

BOTH = (
    "prompt", "neg_prompt", "generate", "interrupt", "interrupting", "skip", "steps", "sampling", "scheduler", "width",
    "height", "batch_count", "batch_size", "cfg_scale", "seed", "subseed_show", "gallery", "gallery_container",
    "script_container", "results", "styles", "override_settings", "token_counter", "negative_token_counter",
    "restore_progress", "settings", "toprow", "tools", "denoising_strength", "generation_info_button",
)
TXT2IMG = ("txt2img_hr", "txt2img_hr-checkbox", "txt2img_hr_upscaler", "txt2img_hires_steps", "txt2img_hr_scale",
           "txt2img_hr_resize_x", "hr_checkpoint", "hr_sampler", "hr_scheduler", "hires_prompt", "hires_neg_prompt",
           "html_info_txt2img", "html_log_txt2img", "generation_info_txt2img", "paste", "txt2img_upscale")
IMG2IMG = ("img2img_image", "img2img_sketch", "img2maskimg", "inpaint_sketch", "img_inpaint_base", "img_inpaint_mask",
           "mode_img2img", "resize_mode", "img2img_mask_blur", "img2img_mask_mode", "img2img_inpainting_fill",
           "img2img_inpaint_full_res", "img2img_inpaint_full_res_padding", "img2img_scale", "html_info_img2img")
REST = ("tabs", "tab_txt2img", "tab_img2img", "tab_pnginfo", "tab_settings", "quicksettings",
        "setting_sd_model_checkpoint", "setting_sd_vae", "settings_submit", "settings_restart_gradio", "settings_json",
        "pnginfo_image", "txt2img_tab", "img2img_tab", "footer")

# A1111 gives the first three to both generation tabs and the others to two pages of settings.
TWICE = {"script_list", "axis_options", "swap_axes", "settings_ui", "column_settings_ui"}


@pytest.fixture(scope="module")
def config(booted: Any) -> dict[str, Any]:
    return booted.demo.get_config_file()


@pytest.fixture(scope="module")
def ids(config: dict[str, Any]) -> Counter[str]:
    return Counter(c["props"]["elem_id"] for c in config["components"] if c["props"].get("elem_id"))


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_ids_of_both_tabs(ids: Counter[str], tab: str) -> None:
    missing = [f"{tab}_{name}" for name in BOTH if f"{tab}_{name}" not in ids]
    assert not missing


def test_other_ids(ids: Counter[str]) -> None:
    assert not [name for name in (*TXT2IMG, *IMG2IMG, *REST) if name not in ids]


def test_ids_are_unique(ids: Counter[str]) -> None:
    twice = {name for name, count in ids.items() if count > 1}
    assert not {name for name in twice - TWICE if not name.startswith(("xyz_grid", "xy_", "yz_", "xz_"))}


def test_every_event_refers_to_parts_of_the_page(config: dict[str, Any]) -> None:
    known = {component["id"] for component in config["components"]}
    for event in config["dependencies"]:
        assert {*event["inputs"], *event["outputs"]} <= known


def test_components_carry_class_and_tooltip(config: dict[str, Any]) -> None:
    button = next(c for c in config["components"] if c["props"].get("elem_id") == "txt2img_res_switch_btn")
    assert button["props"]["elem_classes"][:2] == ["gradio-button", "tool"]
    assert button["props"]["webui_tooltip"] == "Switch width/height"


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_inputs_fit_the_function_behind_generate(webui: Any, tab: str) -> None:
    """The page sends its values by position."""
    import importlib
    import inspect

    from modules import scripts

    button = next(b for b in webui.demo.blocks.values() if getattr(b, "elem_id", None) == f"{tab}_generate")
    event = next(d for d in webui.demo.dependencies
                 if d["targets"] == [button._id] and d["trigger"] == "click" and d["inputs"])
    module = importlib.import_module(f"modules.{tab}")
    function = module.txt2img_create_processing if tab == "txt2img" else module.img2img
    named = [p for p in inspect.signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    runner = scripts.scripts_txt2img if tab == "txt2img" else scripts.scripts_img2img
    own = len(event["inputs"]) - len(runner.inputs)
    assert own == len(named) - 1, "gradio itself adds the request"
    labels = [getattr(webui.demo.blocks[i], "label", None) for i in event["inputs"]]
    place = [p.name for p in named if p.name != "request"].index("cfg_scale")
    assert labels[place] == "CFG Scale"


def test_scripts_values_follow_the_tabs_own(webui: Any) -> None:
    from modules import scripts

    for runner in (scripts.scripts_txt2img, scripts.scripts_img2img):
        assert runner.inputs[0].elem_id == "script_list"
        covered = sorted(i for s in runner.scripts for i in range(s.args_from, s.args_to))
        assert covered == list(range(1, len(runner.inputs)))


def test_the_defaults_file_has_the_paths_of_labels(booted: Any) -> None:
    stored = json.loads(Path(booted.cmd_opts.ui_config_file).read_text("utf8"))
    assert stored["txt2img/Width/value"] == 256
    assert stored["customscript/sampler.py/txt2img/Sampling steps/value"] == 20
    assert stored["customscript/seed.py/img2img/Seed/value"] == -1
    assert "customscript/xyz_grid.py/txt2img/X type/value" in stored


def test_stored_defaults_come_back_by_exact_type_only(booted: Any, tmp_path: Path) -> None:
    import gradio as gr

    from modules.ui_components import InputAccordion
    from modules.ui_loadsave import UiLoadsave

    class Own(gr.Slider):
        pass

    file = tmp_path / "ui-config.json"
    file.write_text(json.dumps({"t/S/value": 7, "t/D/value": "gone", "t/O/value": 7, "t/A/value": True,
                                "customscript/x.py/t/T/value": "kept"}))
    with gr.Blocks():
        slider, own = gr.Slider(0, 9, value=1, label="S"), Own(0, 9, value=1, label="O")
        dropdown = gr.Dropdown(["a"], value="a", label="D")
        text = gr.Textbox("x", label="T")
        text.custom_script_source = "x.py"
        accordion = InputAccordion(False, label="A")
        hidden = gr.Textbox("x", label="H")
        hidden.do_not_save_to_config = True
    loadsave = UiLoadsave(str(file))
    for component in (slider, own, dropdown, text, accordion, accordion.accordion, hidden):
        loadsave.add_block(component, "t")
    assert (slider.value, own.value, dropdown.value, text.value) == (7, 1, "a", "kept")
    assert accordion.value is True and accordion.accordion.open is True
    assert "t/H/value" not in loadsave.ui_settings


def test_a_broken_defaults_file_is_left_alone(booted: Any, tmp_path: Path) -> None:
    from modules.ui_loadsave import UiLoadsave

    file = tmp_path / "ui-config.json"
    file.write_text("{")
    loadsave = UiLoadsave(str(file))
    loadsave.ui_settings["x"] = 1
    loadsave.dump_defaults()
    assert file.read_text() == "{"


def test_the_page_asks_no_other_server(booted: Any) -> None:
    import gradio

    from modules import ui_gradio_extensions

    raw = (Path(gradio.__file__).parent / "templates/frontend/index.html").read_bytes()
    assert b"https://" in raw
    assert b"https://" not in ui_gradio_extensions.without_foreign_links(raw)
    assert not booted.demo.stylesheets


def test_scripts_and_styles_of_extensions_are_linked(booted: Any) -> None:
    from modules import ui_gradio_extensions

    head = ui_gradio_extensions.javascript_html()
    assert head.index("script.js") < head.index("progressbar.js")
    assert "file=" in head and "style.css?" in ui_gradio_extensions.css_html()


def test_pnginfo_escapes_what_strangers_wrote(booted: Any) -> None:
    from PIL import Image

    from modules import ui_postprocessing

    image = Image.new("RGB", (8, 8))
    image.info["parameters"] = "<img src=x onerror=alert(1)>\nSteps: 1"
    _, infotext, shown = ui_postprocessing.run_pnginfo(image)
    assert infotext.startswith("<img")
    assert "<img" not in shown and "&lt;img" in shown


def test_settings_page_refuses_a_wrong_type(webui: Any) -> None:
    from modules import ui_settings

    page = ui_settings.UiSettings()
    page.dummy_component = object()
    page.components = [page.dummy_component] * len(webui.opts.data_labels)
    keys = list(webui.opts.data_labels)
    page.components[keys.index("samples_save")] = object()
    values: list[Any] = [None] * len(keys)
    values[keys.index("samples_save")] = "yes"
    with pytest.raises(ValueError, match="samples_save"):
        page.run_settings(*values)


def test_token_counter_counts_the_longest_text_of_a_schedule(webui: Any) -> None:
    from modules import ui

    short = ui.update_token_counter("a", 20, [])
    assert ui.update_token_counter("[a:a a a a:0.5]", 20, []) != short
    assert "/75" in ui.update_token_counter("[a:", 20, []), "text that does not parse yet is counted as it stands"


def test_hires_resolution_text(webui: Any) -> None:
    from modules import ui

    assert ui.calc_resolution_hires(False, 64, 64, 2, 0, 0) == ""
    assert "128x192" in ui.calc_resolution_hires(True, 64, 96, 2, 0, 0)
