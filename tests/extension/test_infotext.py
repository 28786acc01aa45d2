"""Infotext: round trips through a parameter line written and read by the WebUI's rules."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_vaeface import infotext
from lib_vaeface.settings import FIELDS, GROUPS, TIMINGS, Settings

KEY = r"\w[\w \-/]+"
QUOTED = r'"(?:[^"\\]|\\.)+"'
FIXTURES = Path(__file__).parents[1] / "fixtures" / "infotext"
PANEL = json.loads((FIXTURES / "panel.json").read_text(encoding="utf8"))
PARAMETER = re.compile(rf"\s*({KEY}):\s*({QUOTED}|[^,]*)(?:,|$)")


def through_the_line(parameters):
    """Write as the WebUI does (quoted as JSON where a comma, colon or line break demands it) and read it back."""
    quoted = {k: json.dumps(v, ensure_ascii=False) if set(v) & set(",:\n") else v for k, v in parameters.items()}
    line = ", ".join(f"{key}: {value}" for key, value in {"Steps": "4", **quoted, "Version": "v1"}.items())
    assert "\n" not in line
    return parameters_of(line)


def parameters_of(text):
    """As the WebUI reads a picture's text: the last line, what is in quotes as JSON."""
    *_, line = text.strip().split("\n")
    return {k: json.loads(v) if v[0] == '"' == v[-1] else v for k, v in PARAMETER.findall(line)}


@pytest.mark.parametrize("timing", TIMINGS)
@pytest.mark.parametrize("schedule", [True, False])
def test_round_trip(schedule, timing):
    settings = Settings(True, schedule, timing)
    values = infotext.read(through_the_line(infotext.write(settings, {})))
    assert values["enabled"] is True and values["schedule"] is schedule
    assert values.get("timing") == (timing if schedule else None)


@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=3))
def test_findings_survive_whatever_they_say(error, notes):
    texts = infotext.write(Settings(True), {"vaeface": {"error": error, "notes": notes}})
    found = infotext.found(through_the_line(texts))
    assert found["vaeface"]["error"] == error and found["vaeface"]["notes"] == notes


def test_nothing_is_written_when_off():
    assert infotext.write(Settings(False, True), {"vaeface": {"version": "1"}}) == {}
    assert list(infotext.write(Settings(True, False), {})) == ["VAE Face"]


def test_a_picture_without_our_key_switches_off_and_touches_nothing_else():
    assert infotext.read({"Steps": "4"}) == {"enabled": False}
    assert infotext.read({"VAE Face schedule": '{"v":1}'}) == {"enabled": False}


@pytest.mark.parametrize("damaged", ["", "{", "[1]", "null", "7", '{"timing":"never"}', "[" * 100_000])
def test_damaged_values_leave_the_control_alone(damaged):
    values = infotext.read({"VAE Face": damaged, "VAE Face schedule": damaged})
    assert values == {"enabled": True, "schedule": True, "vae": False, "faces": False}


def test_values_of_a_newer_schema_are_read_as_far_as_known():
    text = '{"v":99,"timing":"exact","curve":"smooth"}'
    assert infotext.read({"VAE Face": '{"v":99}', "VAE Face schedule": text})["timing"] == "exact"


def test_schema_1_stays_readable():
    line = {"VAE Face": '{"v":1,"version":"0.1.0","host":"A1111"}', "VAE Face schedule": '{"v":1,"timing":"exact"}'}
    assert infotext.read(line) == {"enabled": True, "schedule": True, "timing": "exact", "vae": False, "faces": False}


def test_keys_are_what_the_parameter_line_accepts():
    assert all(re.fullmatch(KEY, group.key) for group in GROUPS.values())
    assert all(json.loads(text)["v"] == infotext.SCHEMA for text in infotext.write(Settings(True), {}).values())


@pytest.mark.parametrize("name", sorted(path.stem for path in FIXTURES.glob("v*.txt")))
def test_what_was_written_once_is_read_for_ever(name):
    """Real texts of every schema; a new schema adds files and changes none."""
    text = (FIXTURES / f"{name}.txt").read_text(encoding="utf8")
    values = infotext.read(parameters_of(text))
    assert {field: values[field] for field in PANEL[name]} == PANEL[name]
    newer = {field.name: field.default for field in FIELDS if field.name in values and field.name not in PANEL[name]}
    assert all(values[field] == default for field, default in newer.items())


def test_there_are_texts_of_this_schema_for_every_feature():
    texts = {path.stem: path.read_text(encoding="utf8") for path in FIXTURES.glob(f"v{infotext.SCHEMA}-*.txt")}
    assert set(PANEL) == {path.stem for path in FIXTURES.glob("v*.txt")}
    for key in infotext.KEYS:
        assert any(key in parameters_of(text) for text in texts.values())


def test_what_happened_is_told():
    """The VAE that painted with its hash, each face and what was done to it, the timing and the switches."""
    told = infotext.found(parameters_of((FIXTURES / "v1-everything.txt").read_text(encoding="utf8")))
    assert told["schedule"]["timing"] == "exact" and told["schedule"]["first"]["switches"] == [4]
    assert told["vae"]["used"] == told["vae"]["hires"] == "Built-in" and told["vae"]["decoded"] == ""
    assert told["vae"]["name"] == "my-ema.safetensors" and len(told["vae"]["hash"]) == 10, "the name's own"
    assert re.fullmatch("[0-9a-f]{10}", told["faces"]["hash"]) and told["faces"]["used"] == "my-mse.safetensors"
    for face in told["faces"]["found"]:
        assert len(face["box"]) == 4 and 0 < face["score"] <= 1 and face["done"] == "refined" and face["refine"]["kept"]
    vae = infotext.found(parameters_of((FIXTURES / "v1-vae.txt").read_text(encoding="utf8")))["vae"]
    assert vae["used"] == vae["name"] == "my-mse.safetensors" and vae["fit"] == "fits" and len(vae["hash"]) == 10


def test_our_keys_in_a_prompt_mean_nothing():
    prompt = 'a cat, VAE Face: {"v":1,"timing":"exact"}, Steps: 4, Sampler: Euler, Size: 1x1'
    text = f"{prompt}\nNegative prompt: {prompt}\nSteps: 4, Sampler: Euler, Seed: 1, Size: 64x64"
    assert infotext.read(parameters_of(text)) == {"enabled": False}


@given(st.text(max_size=80), st.sampled_from(["face_prompt", "face_negative", "face_boxes", "face_model", "vae_name"]))
def test_texts_of_settings_come_back_whatever_they_hold(text, name):
    settings, notes = Settings.from_args([{name: text, "vae": True, "faces": True}])
    assert not notes
    values = infotext.read(through_the_line(infotext.write(settings, {})))
    assert values[name] == getattr(settings, name)
