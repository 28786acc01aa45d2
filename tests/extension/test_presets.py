"""The shelf of presets: nothing is lost, nothing is half-written, and what is wrong is said."""

import errno
import json
import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_vaeface.presets import files, shelf_in
from lib_vaeface.presets.factory import FACTORY, Like
from lib_vaeface.presets.fitting import fit
from lib_vaeface.presets.preset import SCHEMA, Preset
from lib_vaeface.presets.shelf import PresetError, Shelf
from lib_vaeface.settings import NAMES, Settings

VALUES = {"enabled": True, "face_strength": 0.4, "face_prompt": "a “quoted” text"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])), st.lists
)


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "vaeface" / "presets")


def put(shelf, name, data):
    shelf.make_ready()
    path = shelf.folder / f"{name}.json"
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return path


def names(shelf):
    return list(shelf.listing().mine)


def test_looking_makes_no_folder(shelf):
    assert names(shelf) == [] and not shelf.folder.parent.exists()
    with pytest.raises(PresetError, match="no preset x"):
        shelf.get("x")
    assert not shelf.folder.parent.exists()


def test_what_is_saved_is_found(shelf):
    shelf.save("Eyes", VALUES)
    assert Shelf(shelf.folder).get("Eyes").values == VALUES
    document = json.loads((shelf.folder / "Eyes.json").read_text("utf8"))
    assert document == {"schema": SCHEMA, "name": "Eyes", "values": VALUES}
    assert (shelf.folder / ".gitignore").read_text() == "*\n"


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES) | st.text(st.characters(exclude_categories=["Cs"])), JSON))
def test_any_values_come_back(tmp_path_factory, values):
    shelf = Shelf(tmp_path_factory.mktemp("presets"))
    shelf.save("x", values)
    assert shelf.get("x").values == values


def test_unknown_entries_survive_saving_again(shelf):
    put(shelf, "x", {"schema": 7, "name": "x", "colour": "red", "values": {"later": [1], "face_strength": 0.1}})
    shelf.save("x", {"face_strength": 0.9})
    document = json.loads((shelf.folder / "x.json").read_text())
    assert document == {"schema": 7, "name": "x", "colour": "red", "values": {"face_strength": 0.9, "later": [1]}}


def test_look_alikes_and_factory_names_are_refused(shelf):
    shelf.save("Eyes", VALUES)
    for name in ("eyes", "EYES", "Eуes"):
        with pytest.raises(PresetError, match="looks like the preset “Eyes”"):
            shelf.save(name, {})
    with pytest.raises(PresetError, match="comes with the extension"):
        shelf.save("schedule ONLY", {})
    assert names(shelf) == ["Eyes"] and shelf.get("Eyes").values == VALUES


def test_a_name_that_the_file_system_keeps_decomposed_is_found_and_replaced(shelf):
    put(shelf, "e\u0301", {"schema": 1, "values": VALUES})
    assert names(shelf) == ["é"] and shelf.get("é").values == VALUES
    shelf.save("é", {"enabled": False})
    assert [path.name for path in shelf.folder.glob("*.json")] == ["e\u0301.json"]
    shelf.delete("é")
    assert names(shelf) == []


def test_deleted_presets_can_be_had_again(shelf):
    for number in range(3):
        shelf.save("x", {"face_count": number})
        shelf.delete("x")
        with pytest.raises(PresetError, match="no preset x"):
            shelf.delete("x")
    kept = sorted((shelf.folder / "deleted").iterdir())
    assert [json.loads(path.read_text())["values"]["face_count"] for path in kept] == [1, 2, 0]
    os.rename(kept[0], shelf.folder / "again.json")
    assert shelf.get("again").values == {"face_count": 1}


def test_factory_presets_are_there_and_stay(shelf):
    assert shelf.get("Schedule only").factory
    with pytest.raises(PresetError, match="can't be deleted"):
        shelf.delete("Schedule only")


DAMAGE = [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"schema":1}', b'{"schema":1,"values":[]}', b'{"values":{}}',
          b'{"schema":true,"values":{}}', b'{"schema":1,"values":{"a":NaN}}', b"[" * 100_000, b" " * (files.LIMIT + 1),
          b'{"schema":1,"values":{"a":1}']  # fmt: skip


@pytest.mark.parametrize("data", DAMAGE, ids=lambda data: repr(data[:20]))
def test_damaged_files_are_set_aside_and_the_others_are_there(shelf, data):
    shelf.save("good", VALUES)
    put(shelf, "bad", data)
    found = shelf.listing()
    assert list(found.mine) == ["good"] and found.mine["good"].values == VALUES
    assert len(found.notes) == 1 and "“bad” is damaged: " in found.notes[0] and "damaged/bad.json" in found.notes[0]
    assert (shelf.folder / "damaged" / "bad.json").read_bytes() == data
    assert not shelf.listing().notes
    put(shelf, "bad", data)
    with pytest.raises(PresetError, match=r"damaged.*damaged/bad 2\.json"):
        shelf.get("bad")
    put(shelf, "bad", data)
    shelf.save("bad", VALUES)
    assert shelf.get("bad").values == VALUES and len(list((shelf.folder / "damaged").iterdir())) == 3


def test_every_cut_of_a_file_is_damage_or_the_whole(shelf):
    shelf.save("x", {"face_prompt": "é"})
    whole = (shelf.folder / "x.json").read_bytes()
    cuts = range(len(whole) - 1)  # the longest leaves out the last bracket and the line's end
    for length in cuts:
        put(shelf, "x", whole[:length])
        assert "x" not in names(shelf)
    assert len(list((shelf.folder / "damaged").iterdir())) == len(cuts)
    put(shelf, "x", whole[:-1])
    assert "x" in names(shelf)


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "CON", "..", "a:b", "Schedule Only", "x" * 200])
def test_files_with_names_that_are_none_are_left_alone_and_said(shelf, name):
    path = put(shelf, name, {"schema": 1, "values": VALUES})
    found = shelf.listing()
    assert not found.mine and len(found.notes) == 1 and "was left alone" in found.notes[0]
    assert path.exists()


def test_links_are_refused(shelf, tmp_path):
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps({"schema": 1, "values": VALUES}))
    shelf.make_ready()
    (shelf.folder / "x.json").symlink_to(outside)
    assert "is a link" in shelf.listing().notes[0]
    for act in (lambda: shelf.get("x"), lambda: shelf.save("x", {}), lambda: shelf.delete("x")):
        with pytest.raises(PresetError, match="is a link"):
            act()
    assert json.loads(outside.read_text())["values"] == VALUES


def test_a_link_in_place_of_the_folder_for_deleted_ones_is_refused(shelf, tmp_path):
    shelf.save("x", VALUES)
    (tmp_path / "outside").mkdir()
    (shelf.folder / "deleted").symlink_to(tmp_path / "outside")
    with pytest.raises(PresetError, match="is a link"):
        shelf.delete("x")
    assert names(shelf) == ["x"] and not list((tmp_path / "outside").iterdir())


def test_folders_and_pipes_are_no_presets(shelf):
    shelf.make_ready()
    (shelf.folder / "a.json").mkdir()
    os.mkfifo(shelf.folder / "b.json")
    assert [("is no file" in note) for note in shelf.listing().notes] == [True, True]


def test_a_file_in_place_of_the_folder(shelf):
    shelf.folder.parent.mkdir()
    shelf.folder.write_text("x")
    assert names(shelf) == []
    for act in (lambda: shelf.get("x"), lambda: shelf.save("x", {}), lambda: shelf.delete("x")):
        with pytest.raises(PresetError):
            act()


@pytest.mark.parametrize("failing", ["open", "fsync", "replace", "fdopen"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disk_that_fails_leaves_the_old_one(shelf, monkeypatch, failing, number):
    shelf.save("x", VALUES)
    real, armed = getattr(os, failing), [True]

    def fails(target, *rest, **more):
        if armed[0] and (failing != "open" or str(target).endswith((files.WRITING, files.LOCK))):
            raise OSError(number, os.strerror(number), "/a/folder/of/this/machine")
        return real(target, *rest, **more)

    monkeypatch.setattr(os, failing, fails)
    with pytest.raises(PresetError) as said:
        shelf.save("x", {"enabled": False})
    armed[0] = False
    words = {errno.ENOSPC: "the disk is full", errno.EROFS: "the disk is read-only"}
    assert str(said.value).endswith(f": {words.get(number, os.strerror(number).lower())}.")
    assert shelf.get("x").values == VALUES
    assert not list(shelf.folder.glob(f"*{files.WRITING}"))
    shelf.save("x", {"enabled": False})


def test_a_full_disk_is_called_so(shelf, monkeypatch):
    shelf.make_ready()
    monkeypatch.setattr(files.tempfile, "mkstemp", lambda **_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "x")))
    with pytest.raises(PresetError, match=r"^x was not saved: the disk is full\.$"):
        shelf.save("x", VALUES)


def test_values_that_are_no_json_are_refused(shelf):
    for values in ({"a": float("nan")}, {"a": object()}, {"a": "\ud800"}, {"a": "x" * 2_000_000}):
        with pytest.raises(PresetError):
            shelf.save("x", values)
    assert names(shelf) == []


def test_old_temporary_files_are_swept_and_new_ones_are_not(shelf):
    shelf.make_ready()
    old, new = (shelf.folder / f"{name}{files.WRITING}" for name in ("old", "new"))
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (1, 1))
    shelf.listing()
    assert not old.exists() and new.exists()


def test_two_that_save_look_alikes_at_once_do_not_both_get_them(shelf):
    said = []

    def save(name):
        try:
            said.append(shelf.save(name, VALUES).name)
        except PresetError as error:
            assert "looks like" in str(error)

    for round_ in range(5):
        spellings = [f"Name{round_}", f"name{round_}", f"NAME{round_}", f"nаme{round_}"]
        threads = [threading.Thread(target=save, args=(name,)) for name in spellings]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(said) == 5 == len(names(shelf))


def test_where_the_folder_is(tmp_path):
    data = tmp_path / "vaeface"
    assert shelf_in(data, "").folder == data / "presets" == shelf_in(data, None).folder
    assert shelf_in(data, "mine").folder == tmp_path / "mine"
    assert shelf_in(data, str(tmp_path / "else")).folder == tmp_path / "else"
    assert shelf_in(data, "a\0b").folder == data / "presets"


THERE = {"vaes": ["a.safetensors", "vae-ft-ema-560000-ema-pruned.safetensors"], "samplers": ["Euler"]}


def test_what_this_machine_lacks_is_said_and_left_alone():
    given = {"vae_name": "gone.safetensors", "vae_hash": "0123", "face_sampler": "Euler b", "face_strength": 7,
             "timing": "never", "vae_hires": "a.safetensors", "faces": True, "later": 1}  # fmt: skip
    fitted = fit(Preset("x", given), THERE)
    assert fitted.values == {"vae_hires": "a.safetensors", "faces": True}
    assert len(fitted.notes) == 5 and "gone.safetensors is not on this machine" in fitted.notes[1]
    assert any("Refine was left as it is: 7" in note for note in fitted.notes) and "later" in fitted.notes[-1]


def test_missing_values_leave_controls_alone():
    assert fit(Preset("x", {"faces": True}), THERE).values == {"faces": True}


@given(st.dictionaries(st.sampled_from(NAMES), JSON | st.floats()))
def test_what_is_taken_is_always_valid(values):
    fitted = fit(Preset("x", values), THERE)
    settings, notes = Settings.from_mapping(fitted.values)
    assert not notes and all(getattr(settings, name) == value for name, value in fitted.values.items())


@pytest.mark.parametrize("preset", FACTORY.values(), ids=FACTORY)
def test_factory_presets_mean_something_here(preset):
    assert preset.about and set(preset.values) <= set(NAMES) and "enabled" in preset.values
    there = {"vaes": ["sdxl-vae-fp16-fix.safetensors", *THERE["vaes"]]}
    fitted = fit(preset, there)
    assert not fitted.notes and set(fitted.values) == set(preset.values)
    assert not set(preset.values) & {"face_prompt", "face_negative", "face_boxes", "face_passes"}, "typed by the person"
    without = fit(preset, {})
    assert len(without.notes) == sum(isinstance(value, Like) for value in preset.values.values())
    assert "vae_name" in without.values or "vae_hash" not in without.values


def test_the_ema_file_is_not_the_mse_one():
    mse = "vae-ft-mse-840000-ema-pruned.safetensors"
    assert fit(FACTORY["Anime: EMA"], {"vaes": [mse, *THERE["vaes"]]}).values["vae_name"] == THERE["vaes"][1]
    assert "vae_name" not in fit(FACTORY["Anime: EMA"], {"vaes": [mse]}).values
