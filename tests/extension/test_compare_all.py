"""Every picture by every fitting VAE beside it, and presets by name, in the pocket WebUI."""

from pathlib import Path

import pytest

from tests.extension.forks import play
from tests.extension.pocket_run import CHECKOUT

pytestmark = pytest.mark.torch
RUN = Path(__file__).with_name("compare_run.py")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    data = tmp_path_factory.mktemp("pocket")
    return play(RUN, "compared,failing,stopped,presets", data, "--extension", str(CHECKOUT))


def test_each_picture_gets_a_sheet_and_nothing_is_sampled_again(scenes):
    off, on = scenes["compared"]["off"], scenes["compared"]["on"]
    sheets = on["sizes"][len(off["sizes"]) :]
    assert len(sheets) == 4 and on["sizes"][: len(off["sizes"])] == off["sizes"]
    assert on["texts"] == len(on["sizes"]), "each shown picture has an infotext"
    assert on["calls"] == off["calls"]
    assert all(width > 4 * 256 for width, _ in sheets), "the reference, the model's own, same, tuned and renamed"
    assert on["first"] == off["first"] and on["state"] == off["state"]
    assert on["ours"]["VAE Face VAE"]["compare"] is True


@pytest.mark.parametrize("name", ["with faces", "with a VAE"])
def test_it_goes_with_the_rest(scenes, name):
    found = scenes["compared"][name]
    assert len(found["sizes"]) == 2 and "error" not in found["ours"]["VAE Face"] and not found["comments"]


def test_a_failure_costs_the_sheet_alone(scenes):
    found = scenes["failing"]["sheet"]
    assert len(found["sizes"]) == 1 and "could not be compared (ZeroDivisionError" in found["comments"]
    assert "error" not in found["ours"]["VAE Face"]


def test_a_file_that_cannot_be_read_in_its_turn_is_named(scenes):
    said = scenes["failing"]["unread"]
    assert said.count("not compared: same.safetensors: the disk is gone") == 1 and "tuned" not in said


def test_who_interrupts_waits_for_no_further_vae(scenes):
    found = scenes["stopped"]
    assert len(found["sizes"]) == 1 and found["begun"] == 1 and "comparison of VAEs was stopped" in found["comments"]
    assert "error" not in found["ours"]["VAE Face"]


def test_presets_by_name_in_a_request(scenes):
    named, missing = scenes["presets"]["named"]["ours"], scenes["presets"]["missing"]
    assert named["VAE Face faces"]["score"] == 0.5
    assert "There is no preset none" in missing["comments"]
    assert any("There is no preset none" in note for note in missing["ours"]["VAE Face"]["notes"])
    assert missing["ours"]["VAE Face schedule"]["timing"] == "exact"


def test_options_about_outside_can_be_set_only_from_inside_and_by_the_page(scenes):
    assert scenes["presets"]["inside"] == [[True, True, False]] * 2
    assert scenes["presets"]["outside"] == [True, *[[False, False, False]] * 2]


def test_a_name_of_this_computer_alone_is_not_outside(scenes):
    assert scenes["presets"]["by name"] == ["0.0.0.0", "192.168.1.5", "::", "paint.example", "127.0.0.1.example"]
