"""The API: the schema's route, answers to what is wrong, bodies from strangers, and the infotext field."""

import json
import math
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_vaeface import infotext
from lib_vaeface.fields import LONGEST
from lib_vaeface.settings import FIELDS, GROUPS, NAMES, Settings
from tests.extension.forks import play
from tests.extension.pocket_run import CHECKOUT

RUN = Path(__file__).with_name("api_run.py")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda one: st.lists(one, max_size=4) | st.dictionaries(st.text(), one, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    data = tmp_path_factory.mktemp("pocket")
    return play(RUN, "schema,bad,fuzz,pasted", data, "--extension", str(CHECKOUT))


@given(st.lists(JSON, max_size=40) | st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON).map(lambda one: [one]))
@settings(max_examples=200, deadline=None)
def test_settings_are_valid_whatever_comes(args):
    found, notes = Settings.from_args(args)
    for field in FIELDS:
        value = getattr(found, field.name)
        assert type(value) is field.kind
        if field.kind in (int, float):
            assert math.isfinite(value) and field.minimum <= value <= field.maximum
        if field.choices and not field.listed:
            assert value in field.choices
    assert Settings.from_args([getattr(found, name) for name in NAMES]) == (found, [])
    for text in [*notes, *infotext.write(found, {"vaeface": {"notes": notes}}).values()]:
        text.encode("utf8")


HOSTILE = (10**5000, -(10**400), math.nan, math.inf, "1e999", "\ud800", b"1", object(), {"a": 1}, [[1]], True, "")


@pytest.mark.parametrize("name", NAMES)
def test_no_value_of_any_field_raises(name):
    fresh = Settings(enabled=True)
    for value in HOSTILE:
        found, notes = Settings.from_args([{name: value}])
        changed = [one for one in NAMES if getattr(found, one) != getattr(fresh, one)]
        assert set(changed) <= {name}
        assert all(note.startswith(f"{name}: ") for note in notes)


def test_lists_in_lists_as_deep_as_python_goes():
    deep = []
    for _ in range(sys.getrecursionlimit() * 2):
        deep = [deep]
    found, notes = Settings.from_args([{"timing": deep, "enabled": deep}])
    assert found == Settings() and len(notes) == 2


def test_texts_are_cut_and_numbers_in_strings_taken():
    found, notes = Settings.from_args([{"face_strength": "0.4", "face_count": "3", "vae_name": "x" * 9999}])
    assert (found.face_strength, found.face_count, len(found.vae_name)) == (0.4, 3, LONGEST) and not notes


@pytest.mark.torch
def test_the_table_of_the_docs_is_this_one():
    from lib_vaeface.ui import schema

    text = (CHECKOUT / "docs" / "api.md").read_text(encoding="utf8")
    kept = text.partition("<!-- python -m lib_vaeface.ui.schema -->\n")[2].partition("<!-- end -->")[0]
    assert kept == schema.markdown(), "write it again: python -m lib_vaeface.ui.schema"


@pytest.mark.torch
def test_the_schema_says_what_the_api_takes(scenes):
    answer = scenes["schema"]["answer"]
    assert scenes["schema"]["status"] == 200
    assert answer["positional"] == list(NAMES) == list(answer["schema"]["properties"])[:-1]
    told = answer["schema"]["properties"]
    assert told["face_strength"]["minimum"] == 0 and told["timing"]["enum"] == ["webui", "exact"]
    assert "tuned.safetensors" in told["vae_name"]["examples"] and "Euler a" in told["face_sampler"]["examples"]
    assert list(answer["infotext"]["keys"]) == [group.key for group in GROUPS.values()]
    for example in answer["examples"]:
        _, notes = Settings.from_args(example["alwayson_scripts"]["VAE Face"]["args"])
        assert notes == []


@pytest.mark.torch
def test_defaults_of_the_schema_are_what_an_empty_object_means(scenes):
    told = scenes["schema"]["answer"]["schema"]["properties"]
    found, notes = Settings.from_args([{}])
    wanted = {name: getattr(found, name) for name in NAMES} | {"preset": ""}
    assert {name: one["default"] for name, one in told.items()} == wanted and not notes


@pytest.mark.torch
def test_the_schema_names_no_folder(scenes):
    text = json.dumps(scenes["schema"]["answer"])
    assert scenes["schema"]["data"] not in text and str(Path.home()) + "/" not in text


@pytest.mark.torch
def test_the_route_has_the_apis_password_and_only_reads(scenes):
    found = scenes["schema"]
    assert found["guarded"] == [401, 401, 200] and found["its own"] == [401, 200]
    assert found["post"] == 405 and found["routes"] == 1 and not found["bare"]


@pytest.mark.torch
@pytest.mark.parametrize(
    "name, group, said",
    [
        ("unknown name", "VAE Face", "colour: no such setting"),
        ("out of range", "VAE Face", "face_strength: 7 taken as 1.0"),
        ("bool as number", "VAE Face", "face_strength: 'True' refused"),
        ("a word", "VAE Face", "face_steps: 'many' refused, expected a number"),
        ("a choice", "VAE Face", "timing: 'slow' refused, expected webui or exact"),
        ("a list", "VAE Face", "timing: "),
        ("an object", "VAE Face", "face_prompt: "),
        ("huge", "VAE Face", "face_count: "),
        ("no such vae", "VAE Face VAE", "No VAE is called"),
        ("no such sampler", "VAE Face faces", "Best"),
        ("boxes", "VAE Face faces", "searched instead"),
        ("passes", "VAE Face faces", "Only the first pass"),
        ("positions", "VAE Face", "timing: 'slow' refused"),
    ],
)
def test_the_answer_says_what_was_wrong_and_has_its_picture(scenes, name, group, said):
    found = scenes["bad"][name]
    assert found["status"] == 200 and len(found["pixels"]) == 1
    assert said in json.dumps(found["ours"][0][group], ensure_ascii=False), found["ours"]


@pytest.mark.torch
def test_a_wrong_switch_stays_off_and_says_so(scenes):
    for name in ("switch", "nested"):
        found = scenes["bad"][name]
        assert found["status"] == 200 and found["pixels"] == scenes["bad"]["own"]["pixels"]
        assert "VAE Face note" in found["infotexts"][0] and "refused" in found["infotexts"][0]
    for name in ("null", "nothing"):
        assert scenes["bad"][name]["ours"] == [{}]


@pytest.mark.torch
def test_what_can_be_taken_gives_no_note(scenes):
    for name in ("strings", "too many", "text in prompts"):
        assert scenes["bad"][name]["status"] == 200
        assert "notes" not in scenes["bad"][name]["ours"][0]["VAE Face"]
    assert scenes["bad"]["strings"]["ours"][0]["VAE Face faces"]["score"] == 0.4


@pytest.mark.torch
def test_no_body_kills_a_generation(scenes):
    seen = scenes["fuzz"]["seen"]
    assert len(seen) >= 40 and set(seen) == {200}


@pytest.mark.torch
def test_the_infotext_field_restores_everything(scenes):
    first, again = scenes["pasted"]["first"], scenes["pasted"]["again"]
    assert first["status"] == again["status"] == 200
    assert again["ours"] == first["ours"] and again["pixels"] == first["pixels"]
    assert set(first["ours"][0]) == {group.key for group in GROUPS.values()}


@pytest.mark.torch
def test_pictures_without_our_key_and_arguments_of_ones_own(scenes):
    found = scenes["pasted"]
    assert found["own"]["ours"] == found["without"]["ours"] == [{}]
    assert found["explicit"]["ours"][0]["VAE Face schedule"]["timing"] == "webui"


@pytest.mark.torch
def test_the_vae_that_is_told_decoded_the_picture_whatever_is_encoded_after_it(scenes):
    told = scenes["pasted"]["hires"]["ours"][0]
    assert told["VAE Face faces"]["found"][0]["done"] == "refined"
    assert told["VAE Face VAE"]["name"] == "tuned.safetensors" and told["VAE Face VAE"]["used"] == "same.safetensors"
    assert len(told["VAE Face VAE"]["hash"]) == len(told["VAE Face VAE"]["decoded"]) == 10
    assert told["VAE Face VAE"]["hash"] != told["VAE Face VAE"]["decoded"]
