"""Infotext: round trips through a parameter line written and read by the WebUI's rules."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_vaeface import infotext
from lib_vaeface.settings import GROUPS, TIMINGS, Settings

KEY = r"\w[\w \-/]+"
QUOTED = r'"(?:[^"\\]|\\.)+"'
PARAMETER = re.compile(rf"\s*({KEY}):\s*({QUOTED}|[^,]*)(?:,|$)")


def through_the_line(parameters):
    """Write as the WebUI does (quoted as JSON where a comma, colon or line break demands it) and read it back."""
    quoted = {k: json.dumps(v, ensure_ascii=False) if set(v) & set(",:\n") else v for k, v in parameters.items()}
    line = ", ".join(f"{key}: {value}" for key, value in {"Steps": "4", **quoted, "Version": "v1"}.items())
    assert "\n" not in line
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
