"""Latents carried to a hires checkpoint of another family, kept for the tab, and saved beside pictures."""

from pathlib import Path

import pytest

from tests.extension.forks import play
from tests.extension.pocket_run import CHECKOUT

pytestmark = pytest.mark.torch
RUN = Path(__file__).with_name("latents_run.py")
EXACT = 1e-4


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    data = tmp_path_factory.mktemp("pocket")
    return play(RUN, "carrying,refiner,keeping", data, "--extension", str(CHECKOUT))


def test_a_stranger_gets_latents_decoded_by_the_first_and_encoded_by_itself(scenes):
    found = scenes["carrying"]["stranger"]
    assert found["error"] < EXACT and found["changed"][0] == 0 and found["changed"][1] > 1
    assert found["carried"] and "another family" in found["comments"] and not found["same picture"]


def test_noise_follows_carried_latents_where_that_is_wanted(scenes):
    found = scenes["carrying"]
    assert not any(found["stranger"]["noise"]) and found["adaptive"]["noise"][0] == 0 < found["adaptive"]["noise"][1]
    assert found["adaptive"]["ratios"] == pytest.approx(found["adaptive"]["shares"], rel=0.05)


@pytest.mark.parametrize("name", ["switched off", "twin", "same", "pixels"])
def test_where_nothing_needs_to_be_carried_the_picture_is_the_webuis(scenes, name):
    found = scenes["carrying"][name]
    assert found["same picture"] and not any(found["changed"]) and not found["comments"] and not found["carried"]


def test_nothing_of_ours_is_left_on_the_model(scenes):
    assert all(found["state"][1] == [] for found in scenes["carrying"].values())


def test_a_refiner_of_another_family_is_warned_of(scenes):
    assert "refiner" in scenes["refiner"]["stranger"] and scenes["refiner"]["stranger"].count("family") == 1
    assert not scenes["refiner"]["twin"]


@pytest.mark.parametrize("name", ["memory", "iterations", "hires", "previews"])
def test_the_last_generations_latents_are_those_that_were_decoded(scenes, name):
    found = scenes["keeping"][name]
    assert found["in memory"] < EXACT and len(found["texts"]) == found["pictures"]


@pytest.mark.parametrize("name", ["iterations", "hires", "comfyui", "previews"])
def test_every_picture_has_its_latents_beside_it(scenes, name):
    found = scenes["keeping"][name]
    assert len(found["files"]) == found["pictures"] and all(found["beside"])
    assert max(found["in files"]) < EXACT
    assert all(file.endswith(".latent" if name == "comfyui" else ".safetensors") for file in found["files"])


@pytest.mark.parametrize("name", ["none", "off"])
def test_nothing_is_kept_unasked(scenes, name):
    found = scenes["keeping"][name]
    assert found["in memory"] is None and not found["files"]
