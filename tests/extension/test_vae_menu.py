"""The panel's VAE pickers on real files: what is offered, what is said of each."""

import html
import re

import pytest

from lib_vaeface.settings import FIELDS, NAMES
from lib_vaeface.ui.preset_work import Presets
from lib_vaeface.ui.vae_menu import Menu
from lib_vaeface.vae.picked import picker_for
from tests.extension.tab_host import desk

ASKED = (("vae_name", "Automatic"), ("vae_hires", "Same"), ("face_vae", "Automatic"))


@pytest.fixture
def host(tmp_path):
    made = desk(tmp_path, "tuned", "same", "foreign").host
    (tmp_path / "VAE" / "<img src=x>.safetensors").write_bytes(b"junk")
    return made


def text(markup):
    return html.unescape(re.sub(r"<[^>]*>", " ", markup))


def test_what_fits_comes_first_and_what_does_not_is_not_offered(host):
    menu = Menu(host)
    name, card, hires, _, faces, _, table = menu.look(*ASKED)
    assert name["choices"] == ["Automatic", "Built-in", "same.safetensors", "tuned.safetensors", "foreign.safetensors"]
    assert hires["choices"][:3] == ["Same", "Automatic", "Built-in"] and faces["choices"][1] == "Same"
    assert "Takes the VAE of pocket" in text(card)
    assert "1 that can't be picked" in text(table) and "<img" not in table


def test_a_test_picture_settles_what_was_unknown(host):
    menu = Menu(host)
    told = []
    name, *_, table = menu.prove(*ASKED, told=lambda done, what: told.append(what))
    assert told == ["foreign.safetensors"]
    assert name["choices"] == ["Automatic", "Built-in", "same.safetensors", "tuned.safetensors"]
    assert "does not fit" in menu.card("vae_name", "foreign.safetensors")
    assert "another family of latents" in text(menu.card("vae_name", "foreign.safetensors"))


@pytest.mark.parametrize(
    "value, said",
    [
        ("tuned.safetensors", "fits"), ("tuned", "fits"), ("foreign.safetensors", "A test picture does"),
        ("Built-in", "The VAE of pocket"), ("<img src=x>.safetensors", "can't be used"), ("nothing", "not there"),
        ("", "not there"), ("../VAE/tuned.safetensors", "not there"),
    ],
)  # fmt: skip
def test_a_card_says_what_is_known_of_a_value(host, value, said):
    card = Menu(host).card("vae_name", value)
    assert said in text(card)
    assert "<img" not in card and str(host.data) not in card


def test_automatic_says_what_a_generation_takes(host):
    menu, own = Menu(host), host.vae(None)
    assert "Takes the VAE of pocket" in text(menu.card("vae_name", "Automatic"))
    host.options["vaeface_default_vae"] = "same"
    assert "Takes same.safetensors" in text(menu.card("vae_name", "Automatic"))
    picker_for(host).pick("tuned.safetensors", own, remember=True)
    card = text(menu.card("vae_name", "Automatic"))
    assert "Takes tuned.safetensors" in card and "picked last for this checkpoint" in card
    assert picker_for(host).pick("Automatic", own).name == "tuned.safetensors"
    assert "forgotten" in menu.forget()
    assert "Takes same.safetensors" in text(menu.card("vae_name", "Automatic"))


def test_faces_take_a_fine_tune_that_is_known_to_fit(host):
    folder = host.data / "VAE"
    (folder / "tuned.safetensors").rename(folder / "vae-ft-mse.safetensors")
    (folder / "foreign.safetensors").rename(folder / "other-mse.safetensors")
    card = text(Menu(host).card("face_vae", "Automatic"))
    assert "Takes vae-ft-mse.safetensors" in card and "or other-mse.safetensors, if a test picture proves" in card


def test_a_preset_restores_what_the_list_offers_and_what_was_typed(host):
    other = host.data / "VAE" / "other"
    other.mkdir()
    (host.data / "VAE" / "same.safetensors").rename(other / "tuned.safetensors")
    names = Menu(host).look(*ASKED)[0]["choices"]
    assert {"tuned.safetensors", "other/tuned.safetensors", "foreign.safetensors"} < set(names)
    work, ids = Presets(host), dict.fromkeys(NAMES, "")
    values = dict(zip(NAMES, (field.default for field in FIELDS), strict=True))
    for name in (*names[2:], "foreign"):
        work.save(ids, "Mine", *{**values, "vae_name": name}.values())
        *filled, _, said, _ = work.choose("Mine", ids)
        assert filled[NAMES.index("vae_name")].get("value") == name and said == "", name


def test_no_model_and_errors_are_said_and_nothing_else_changes(host):
    class Empty(type(host)):
        def has_model(self):
            return False

    host.__class__ = Empty
    menu = Menu(host)
    shown = menu.look(*ASKED)
    assert "No model is loaded yet" in shown[-1] and "No model is loaded yet" in menu.card("vae_name", "x")
    assert all("choices" not in one or one["choices"] is None for one in shown[:-1:2])


def test_a_model_that_is_known_needs_no_turn_in_the_queue(host):
    menu = Menu(host)
    menu.look(*ASKED)
    with host.busy:
        assert "fits" in menu.card("vae_name", "tuned.safetensors")
