"""Infotext is read by A1111's rules: what survives, what is lost, what is filled in."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LINE = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 965400086, Size: 512x768, Model hash: 45dee52b"

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1)
WORD = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1).filter(
    lambda text: text[0] != '"'
)


@pytest.fixture
def parse(host):
    from modules.infotext_utils import parse_generation_parameters

    return parse_generation_parameters


def test_whole_text(parse) -> None:
    res = parse(f"a cat\nsecond line\nNegative prompt: ugly\nand bad\n{LINE}")
    assert (res["Prompt"], res["Negative prompt"]) == ("a cat\nsecond line", "ugly\nand bad")
    assert (res["Steps"], res["Size-1"], res["Size-2"], res["Sampler"]) == ("20", "512", "768", "Euler a")


def test_fewer_than_three_parameters_are_prompt(parse) -> None:
    res = parse("a cat\nSteps: 20, Seed: 1")
    assert res["Prompt"] == "a cat\nSteps: 20, Seed: 1" and "Steps" not in res


@pytest.mark.parametrize("key", ["VAE Face", "VAE-Face", "VAE/Face", "VAE_Face", "ab"])
def test_keys_that_survive(parse, key: str) -> None:
    assert parse(f"x\n{LINE}, {key}: on")[key] == "on"


@pytest.mark.parametrize(("key", "found_as"), [("VAE.Face", "Face"), ("VAE Face (1)", None), ("V", None)])
def test_keys_that_are_lost(parse, key: str, found_as: str | None) -> None:
    """Conventions 2.4: keys hold only letters, digits, `_`, space, `-`, `/` and are at least 2 long."""
    res = parse(f"x\n{LINE}, {key}: on, Last: 1")
    assert key not in res and res["Last"] == "1"
    if found_as is not None:
        assert res[found_as] == "on"


def test_values_that_change(parse) -> None:
    res = parse(f'x\n{LINE}, Split: 64x32, Quoted: "a, b", Empty: , Last: 1')
    assert (res["Split-1"], res["Split-2"]) == ("64", "32") and "Split" not in res
    assert res["Quoted"] == "a, b"
    assert "Empty" not in res and res["Last"] == "1"


def test_json_survives_when_quoted(parse) -> None:
    from modules.infotext_utils import quote

    value = json.dumps({"v": 1, "vae": "a, b: \"c\"", "faces": [1, 2]})
    assert json.loads(parse(f"x\n{LINE}, VAE Face: {quote(value)}")["VAE Face"]) == json.loads(value)


def test_own_quotes_are_lost(parse) -> None:
    """Conventions 2.4: a value that is itself quoted loses its quotes."""
    from modules.infotext_utils import quote

    own = '"on"'
    assert quote(own) == own
    assert parse(f"x\n{LINE}, VAE Face: {quote(own)}")["VAE Face"] == "on"


@given(TEXT)
def test_quote_round_trip(value: str) -> None:
    from modules.infotext_utils import quote, unquote

    if quote(value) != value or not (value[0] == '"' and value[-1] == '"'):
        assert unquote(quote(value)) == value


@pytest.mark.usefixtures("host")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(WORD)
def test_value_round_trip(value: str) -> None:
    from modules.infotext_utils import parse_generation_parameters, quote, re_imagesize

    if not re_imagesize.match(value):
        assert parse_generation_parameters(f"x\n{LINE}, Probe: {quote(value)}, Last: 1")["Probe"] == value


def test_missing_values_are_filled_in(parse) -> None:
    res = parse(f"x\n{LINE}")
    assert (res["Clip skip"], res["RNG"], res["Schedule type"], res["VAE Encoder"]) == ("1", "GPU", "Automatic", "Full")
    assert res["Hires sampler"] == "Use same sampler" and res["Hires resize-1"] == 0
    assert "Emphasis" not in res and parse(f"(x:1.2)\n{LINE}")["Emphasis"] == "Original"


def test_first_pass_size_of_old_hires_fix(parse) -> None:
    res = parse(f"x\n{LINE}, First pass size: 256x384")
    assert (res["Size-1"], res["Size-2"], res["Hires resize-1"], res["Hires resize-2"]) == (256, 384, 512, 768)


@pytest.mark.parametrize(("version", "keys"), [
    ("v1.5.2", {"Old prompt editing timelines", "Downcast alphas_cumprod"}),
    ("v1.6.1", {"Downcast alphas_cumprod"}), ("v1.7.0-225-gabc", set()), ("v1.10.1", set()), ("nonsense", set()),
])
def test_old_versions_ask_for_old_behaviour(parse, version: str, keys: set[str]) -> None:
    res = parse(f"[a:b:3]\n{LINE}, Version: {version}")
    assert {key for key in ("Old prompt editing timelines", "Downcast alphas_cumprod") if res.get(key)} == keys


def test_skipped_fields(parse, host) -> None:
    assert "Seed" not in parse(f"x\n{LINE}", skip_fields=["Seed"])
    host.opts.data["infotext_skip_pasting"] = ["Steps"]
    assert "Steps" not in parse(f"x\n{LINE}")


def test_override_settings(host, parse) -> None:
    from modules.infotext_utils import create_override_settings_dict, get_override_settings

    given_pairs = ["Clip skip: 2", "ENSD: 31337", "VAE: a: b.pt", "Unknown: 1"]
    assert create_override_settings_dict(given_pairs) == {
        "sd_vae": "a: b.pt", "CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 31337
    }
    found = get_override_settings({"Clip skip": "2", "VAE": "Automatic", "Model hash": "abc", "ENSD": "1"},
                                  skip_fields=["ENSD"])
    assert found == [("Clip skip", "CLIP_stop_at_last_layers", 2)]


def test_values_go_to_components_by_their_type(host) -> None:
    import gradio as gr

    from modules.infotext_utils import PasteField, pasted_value

    with gr.Blocks(analytics_enabled=False):
        box, number, text = gr.Checkbox(True), gr.Slider(0, 10, 3, step=1), gr.Textbox("")
    params = {"On": "False", "Count": "7", "Bad": "many"}
    assert pasted_value(box, "On", params)["value"] is False
    assert pasted_value(number, "Count", params)["value"] == 7.0
    assert "value" not in pasted_value(number, "Bad", params)
    assert "value" not in pasted_value(text, "Missing", params)
    assert pasted_value(text, lambda p: p["Count"] + "!", params)["value"] == "7!"
    assert "value" not in pasted_value(text, lambda p: p["nothing"], params)
    field = PasteField(text, "Count", api="count")
    assert tuple(field) == (text, "Count") and (field.api, field.label, field.function) == ("count", "Count", None)


def test_paste_fields_and_names(host) -> None:
    from modules import infotext_utils, shared_items

    infotext_utils.reset()
    fields = [("component", "Probe key")]
    infotext_utils.add_paste_fields("txt2img", None, fields)
    assert isinstance(fields[0], infotext_utils.PasteField)
    assert {"Probe key", "VAE", "Clip skip"} <= set(shared_items.get_infotext_names())
    infotext_utils.reset()


def test_old_module_name_is_the_same_module(host) -> None:
    from modules import generation_parameters_copypaste, infotext_utils

    assert generation_parameters_copypaste is infotext_utils
