"""The row of presets under real gradio, and what its buttons do with a stranger's words."""

import base64
import json

import gradio as gr
import pytest

from lib_vaeface.presets.factory import FACTORY
from lib_vaeface.settings import FIELDS, NAMES, Settings
from lib_vaeface.ui import panel, preset_work
from lib_vaeface.ui.preset_work import MARK, Presets
from tests.extension.test_panel import AccordionHost, SampleScript

HOSTILE = '<img src=x onerror="alert(1)">'
IDS = {name: f"id_{name}" for name in NAMES}
DEFAULTS = [field.default for field in FIELDS]
ON = Settings(enabled=True, face_strength=0.25, faces=True)
VALUES = [getattr(ON, name) for name in NAMES]


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setattr(preset_work, "_RECENT", {})
    made = AccordionHost()
    made.data = tmp_path
    return made


@pytest.fixture
def work(host):
    return Presets(host)


def value(update):
    return update.get("value", "left")


def filled(outputs):
    """The values that the controls get, by field."""
    return {name: value(update) for name, update in zip(NAMES, outputs[: len(NAMES)], strict=True) if "value" in update}


def test_what_is_saved_is_chosen_again_with_every_value(work):
    listed, said, loaded = work.save(IDS, "Eyes", *VALUES)
    assert listed["value"] == "Eyes" and listed["choices"][0] == "Eyes" and "is saved" in said
    assert json.loads(loaded) == {"name": "Eyes", "ids": list(IDS.values())}
    *outputs, name, said, loaded = work.choose("Eyes", IDS)
    assert filled(outputs) == dict(zip(NAMES, VALUES, strict=True)) and said == "" and name["value"] == "Eyes"
    assert json.loads(loaded)["ids"] == list(IDS.values())


def test_factory_presets_are_marked_last_and_say_what_they_are(work):
    work.save(IDS, "Eyes", *VALUES)
    assert work.choices() == ["Eyes", *(name + MARK for name in FACTORY)]
    *outputs, name, said, loaded = work.choose("Schedule only" + MARK, IDS)
    assert filled(outputs) == dict(FACTORY["Schedule only"].values) and name["value"] == ""
    assert "comes with the extension" in work.save(IDS, "Portrait: MSE eyes", *VALUES)[1]
    assert "Only the prompt" in said and json.loads(loaded)["name"] == "Schedule only" + MARK


def test_what_the_machine_lacks_is_said_in_the_row(work):
    work.save(IDS, "Eyes", *[HOSTILE if name == "vae_name" else v for name, v in zip(NAMES, VALUES, strict=True)])
    *outputs, said, _ = work.choose("Eyes", IDS)
    assert "vae_name" not in filled(outputs) and "vae_hash" not in filled(outputs)
    assert "is not on this machine" in said and "&lt;img" in said and "<img" not in said


@pytest.mark.parametrize("act", ["save", "delete", "ask", "bring"])
def test_nothing_is_written_for_people_outside(work, host, act):
    work.save(IDS, "Eyes", *VALUES)
    sent = json.dumps([{"name": "x", "data": base64.b64encode(work.export()[0].encode()).decode()}])
    acts = {
        "save": lambda: work.save(IDS, "More", *VALUES)[1],
        "delete": lambda: work.delete("Eyes")[1],
        "ask": lambda: work.ask("Eyes")[2],
        "bring": lambda: work.bring(sent, "Keep both")[1],
    }
    host.outside = True
    assert "reached from other computers" in acts[act]()
    assert work.choices()[0] == "Eyes" and len(work.choices()) == 1 + len(FACTORY)
    assert filled(work.choose("Eyes", IDS)), "reading is no harm"
    host.options["vaeface_outside_access"] = True
    assert "other computers" not in acts[act]()


@pytest.mark.parametrize(
    "name", ["", None, 3, ["x"], {}, HOSTILE, "../x", "x" * 10_000_000, "\0", "Schedule only" + MARK, "CON"]
)
def test_names_from_strangers_get_an_answer(work, host, name):
    said = work.save(IDS, name, *VALUES)[1], work.ask(name)[2], work.delete(name)[1], work.choose(name, IDS)[-2]
    assert all(isinstance(text, str) and "<img" not in text and len(text) < 1000 for text in said)
    assert all("vaeface-error" in text for text in said[:3]) and not host.errors
    assert not list((host.data / "vaeface").rglob("*.json"))


def test_values_from_strangers_are_saved_as_valid_ones(work):
    work.save(IDS, "x", *[{"a": HOSTILE}] * len(NAMES))
    *outputs, _, _ = work.choose("x", IDS)
    assert filled(outputs) == dict(zip(NAMES, DEFAULTS, strict=True))
    work.save(IDS, "y")
    assert filled(work.choose("y", IDS)) == dict(zip(NAMES, DEFAULTS, strict=True))


def test_a_preset_that_is_gone_changes_nothing(work):
    *outputs, said, loaded = work.choose("Eyes", IDS)
    assert not filled(outputs) and "There is no preset Eyes." in said and loaded == ""


def test_deleting_asks_and_then_moves_the_file(work, host):
    work.save(IDS, "Eyes", *VALUES)
    sure, question, _ = work.ask("Eyes")
    assert sure["visible"] and "Delete “Eyes”?" in question and work.choices()[0] == "Eyes"
    listed, said, loaded, sure = work.delete("Eyes")
    assert listed["value"] is None and "Eyes" not in listed["choices"] and not sure["visible"] and "is deleted" in said
    assert json.loads(loaded)["name"] == ""
    assert (host.data / "vaeface" / "presets" / "deleted" / "Eyes.json").is_file()


def test_damaged_files_are_told_when_the_list_is_refreshed(work, host):
    work.save(IDS, "Eyes", *VALUES)
    (host.data / "vaeface" / "presets" / "bad.json").write_text("{")
    (host.data / "vaeface" / "presets" / "<img src=x>.json").write_text("{")
    listed, said = work.refresh()
    assert "bad" not in listed["choices"] and "“bad” is damaged" in said
    assert "&lt;img" in said and "<img" not in said
    assert "“bad” is damaged" in work.refresh()[1], "the other tab's row tells it too"


def upload(text):
    return json.dumps([{"name": "x.json", "data": base64.b64encode(text.encode()).decode()}])


def test_export_and_import_are_each_others_inverse(work, host, tmp_path):
    work.save(IDS, "Eyes", *VALUES)
    work.save(IDS, "Größe", *DEFAULTS)
    text, _ = work.export()
    host.data = tmp_path / "another"
    _, said = work.bring(upload(text), "Leave mine")
    assert "Added: Eyes, Größe." in said and work.export()[0] == text
    _, said = work.bring(upload(text), "Leave mine")
    assert "There already: Eyes, Größe." in said


def test_an_import_overwrites_nothing_unasked(work, host):
    work.save(IDS, "Eyes", *VALUES)
    text = work.export()[0].replace('"Eyes"', '"eYES"').replace("0.25", "0.75")
    for conflicts, words, names in (
        ("Leave mine", "Left alone", ["Eyes"]),
        (HOSTILE, "Left alone", ["Eyes"]),
        ("Keep both", "Added: eYES (2).", ["Eyes", "eYES (2)"]),
        ("Replace mine", "Replaced", ["eYES", "eYES (2)"]),
    ):
        assert words in work.bring(upload(text), conflicts)[1]
        assert work.choices()[: len(names)] == names
    deleted = json.loads((host.data / "vaeface" / "presets" / "deleted" / "Eyes.json").read_text())
    assert deleted["values"]["face_strength"] == 0.25


def document(name, values=None):
    return {"schema": 1, "name": name, "values": values or {}}


BAD = ["", "{", "[]", "3", "{}", '{"vaeface_presets":1}', '{"vaeface_presets":1,"presets":{}}', "[" * 100_000,
       json.dumps({"vaeface_presets": 1, "presets": [{}] * 1001})]  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:30])
def test_files_that_hold_no_presets_are_refused(work, host, text):
    assert "vaeface-error" in work.bring(upload(text), "Leave mine")[1] and not host.errors
    assert not (host.data / "vaeface").exists()


@pytest.mark.parametrize("sent", ["", None, 3, "x", "[]", '[{"name": 1}]', '[{"name": "x", "data": "%"}]'])
def test_uploads_that_are_none_are_refused(work, host, sent):
    assert "vaeface-error" in work.bring(sent, "Leave mine")[1] and not host.errors


def test_bad_presets_of_a_file_do_not_hinder_the_good_ones(work):
    names = ["good", HOSTILE, "../x", "Schedule only", 3, "CON"]
    text = json.dumps({"vaeface_presets": 1, "presets": [*map(document, names), 3, {"name": "x"}]})
    said = work.bring(upload(text), "Leave mine")[1]
    assert "Added: good." in said and said.count("was not imported") == 7 and "<img" not in said
    assert work.choices()[0] == "good" and len(work.choices()) == 1 + len(FACTORY)


def test_a_file_of_one_preset_is_imported_and_its_unknown_entries_stay(work):
    text = json.dumps({**document("one", {"later": [1], "faces": True}), "schema": 9, "colour": "red"})
    assert "Added: one." in work.bring(upload(text), "Leave mine")[1]
    kept = json.loads(work.export()[0])["presets"][0]
    assert kept == json.loads(text)


def test_an_error_of_ours_is_said_and_the_page_stays(work, host, monkeypatch):
    monkeypatch.setattr(preset_work, "fitted", lambda *_: 1 / 0)
    *outputs, said, _ = work.choose("Schedule only", IDS)
    assert not filled(outputs) and "ZeroDivisionError" in said and len(host.errors) == 1


def built(host, tab="txt2img"):
    with gr.Blocks() as page:
        controls = panel.build(SampleScript(tab), host)
    return page, controls


def test_the_rows_controls_are_no_arguments_and_no_defaults_of_the_webui(host):
    page, controls = built(host)
    own = [block for block in page.blocks.values() if "_preset" in (getattr(block, "elem_id", None) or "")]
    assert len(own) > 10 and not set(own) & set(controls) and len(controls) == len(FIELDS)
    kept = [block for block in own if isinstance(block, (gr.Textbox, gr.Button, gr.Dropdown, gr.Radio))]
    assert kept and all(block.do_not_save_to_config for block in kept)
    assert not list(host.data.iterdir()), "building the page writes nothing"


def test_one_answer_fills_all_controls(host):
    page, controls = built(host)
    listed = next(b._id for b in page.blocks.values() if getattr(b, "elem_id", "") == "script_txt2img_vae_face_preset")
    from_list = [event for event in page.config["dependencies"] if listed in event["targets"] and event["backend_fn"]]
    assert len(from_list) == 1, "one request for a choice, none for its effects"
    assert set(from_list[0]["outputs"]) > {control._id for control in controls}
