"""Options of the settings page: each is shown, each acts from the next generation on, and none needs a restart."""

from pathlib import Path

import pytest

from lib_vaeface.options import OPTIONS
from tests.extension.forks import play
from tests.extension.pocket_run import CHECKOUT

RUN = Path(__file__).with_name("options_run.py")
SCENES = "page,default_vae,memory,others,limits,syntax,timing"
BY_NAME = {option.name.removeprefix("vaeface_"): option for option in OPTIONS}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    data = tmp_path_factory.mktemp("pocket")
    return play(RUN, SCENES, data, "--extension", str(CHECKOUT))


@pytest.mark.torch
def test_they_stand_in_a_category_of_their_own(scenes):
    page = scenes["page"]
    assert page["sections"] == [["vaeface", "VAE Face", "vaeface"]] and page["category"] == "VAE Face"
    assert set(page["controls"]) >= {option.name for option in OPTIONS}
    assert all(option.help in page["help"][option.name] for option in OPTIONS)


@pytest.mark.torch
def test_each_has_the_control_that_suits_it(scenes):
    controls = scenes["page"]["controls"]
    assert controls["vaeface_default_vae"] == "DropdownEditable" and controls["vaeface_timing"] == "Radio"
    assert controls["vaeface_vae_gib"] == controls["vaeface_latents_mib"] == "Slider"
    assert all(controls[option.name] == "Checkbox" for option in OPTIONS if isinstance(option.default, bool))
    choices = scenes["page"]["default vae"]
    assert choices[0] == "Built-in" and "tuned.safetensors" in choices


@pytest.mark.torch
def test_the_default_vae_is_taken_where_nothing_else_speaks(scenes):
    wanted = {"none": "Built-in", "tuned": "tuned.safetensors", "unfit": "Built-in", "missing": "Built-in"}
    assert scenes["default_vae"] == wanted


@pytest.mark.torch
def test_picks_are_remembered_until_that_is_switched_off(scenes):
    tuned, own = "tuned.safetensors", "Built-in"
    wanted = {"picked": tuned, "again": tuned, "off": own, "nothing new": own, "forgotten": own}
    assert scenes["memory"] == wanted


@pytest.mark.torch
def test_only_the_vae_of_the_whole_picture_is_remembered(scenes):
    found, tuned, same = scenes["others"], "tuned.safetensors", "same.safetensors"
    assert found["faces painted by"]["VAE Face faces"]["used"] == tuned and found["faces"] == "Built-in"
    assert found["hires painted by"]["VAE Face VAE"]["used"] == tuned and found["hires"] == same
    assert found["cell painted by"]["VAE Face VAE"]["used"] == tuned and found["cell"] == same


@pytest.mark.torch
def test_limits_limit(scenes):
    assert scenes["limits"] == {"codecs 0": 1, "codecs 2": 2, "latents 0": False, "latents 256": True}


@pytest.mark.torch
def test_native_syntax_alone_is_the_webui_to_the_bit(scenes):
    found = scenes["syntax"]
    assert found["native"]["pixels"] == found["off"]["pixels"] != found["ours"]["pixels"]
    assert found["exact"]["pixels"] == found["off"]["pixels"], "text has no timing"
    assert found["native"]["ours"][0]["VAE Face schedule"]["syntax"] == "webui"
    assert "syntax" not in found["ours"]["ours"][0]["VAE Face schedule"]


@pytest.mark.torch
def test_timing_is_the_options_where_nothing_else_is_said(scenes):
    assert scenes["timing"] == {"dict": "exact", "open": "exact", "said": "webui", "nonsense": "webui"}


@pytest.mark.parametrize(
    "name, given, taken",
    [
        ("vae_gib", 1e9, 64.0), ("vae_gib", -1, 0.0), ("vae_gib", "lots", 2.0), ("latents_mib", "12", 12),
        ("timing", "exact", "exact"), ("timing", "later", "webui"), ("timing", None, "webui"),
        ("remember_vae", "false", False), ("remember_vae", [], True), ("default_vae", 3, "Built-in"),
        ("default_vae", "my own.safetensors", "my own.safetensors"),
    ],
)  # fmt: skip
def test_values_from_anywhere_become_valid_ones(name, given, taken):
    found = BY_NAME[name].taken(given)
    assert found == taken and type(found) is type(BY_NAME[name].default)


def test_the_table_is_sound():
    assert len(BY_NAME) == len(OPTIONS)
    for option in OPTIONS:
        assert option.taken(option.default) == option.default
        assert option.label and option.help and (option.minimum is None) == (option.maximum is None)
