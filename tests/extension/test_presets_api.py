"""Presets by name in the API's dict."""

import pytest

from lib_vaeface.presets import shelf_of
from lib_vaeface.session.asked import with_preset
from lib_vaeface.settings import Settings
from tests.extension.sample_host import SampleHost


@pytest.fixture
def host(tmp_path):
    made = SampleHost()
    made.data = tmp_path
    values = {"enabled": False, "face_strength": 0.4, "vae_name": "a.safetensors", "vae_hash": "0123"}
    shelf_of(made).save("Eyes", values)
    return made


def asked(host, *args):
    args, notes = with_preset(args, host)
    settings, more = Settings.from_args(args)
    return settings, [*notes, *more]


def test_a_presets_values_come_first_and_it_means_on(host):
    settings, notes = asked(host, {"preset": "Eyes", "timing": "exact"})
    assert not notes
    assert settings == Settings(True, timing="exact", face_strength=0.4, vae_name="a.safetensors", vae_hash="0123")
    assert asked(host, {"preset": "Eyes", "face_strength": 0.1})[0].face_strength == 0.1
    assert not asked(host, {"preset": "Eyes", "enabled": False})[0].enabled


def test_another_vae_does_not_get_the_presets_hash(host):
    settings, _ = asked(host, {"preset": "Eyes", "vae_name": "b.safetensors"})
    assert (settings.vae_name, settings.vae_hash) == ("b.safetensors", "")


def test_factory_presets_have_names_too(host):
    settings, notes = asked(host, {"preset": "Portrait: MSE eyes"})
    assert settings.enabled and settings.faces and not notes


def test_only_the_factorys_off_means_off(host):
    assert not asked(host, {"preset": "Off"})[0].enabled
    assert asked(host, {"preset": "Off", "enabled": True})[0].enabled


def test_what_the_machine_lacks_is_noted(host):
    settings, notes = asked(host, {"preset": "Anime: EMA"})
    assert settings.vae and settings.vae_name == Settings().vae_name
    assert len(notes) == 1 and notes[0].startswith("preset: VAE file was left as it is")


@pytest.mark.parametrize("name", ["none", "../x", 3, ["x"], {}, True, "x" * 1_000_000])
def test_a_preset_that_is_not_there_is_named_and_the_rest_is_taken(host, name):
    settings, notes = asked(host, {"preset": name, "timing": "exact"})
    assert settings == Settings(True, timing="exact")
    assert len(notes) == 1 and notes[0].startswith("preset: ") and len(notes[0]) < 300


@pytest.mark.parametrize("args", [(), (True, False), ({"timing": "exact"},), ({"preset": None},), ({"preset": ""},)])
def test_no_preset_changes_nothing(host, args):
    without = [{k: v for k, v in args[0].items() if k != "preset"}] if args and isinstance(args[0], dict) else args
    assert asked(host, *args) == Settings.from_args(without)
