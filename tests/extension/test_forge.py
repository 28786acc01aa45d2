"""The extension in the pocket WebUI in Forge mode: schedule, VAE and faces as on A1111, and the WebUI whole behind."""

from pathlib import Path

import pytest

from tests.extension.forks import play
from tests.extension.pocket_run import CHECKOUT
from tests.extension.test_faces import done, pictures
from tests.extension.test_vae import farthest

pytestmark = pytest.mark.torch
RUN = Path(__file__).with_name("forge_run.py")
NATIVE = ("plain", "heun", "batches", "hires", "img2img", "cfg 1", "negative", "ddim", "and", "hires negative")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    data = tmp_path_factory.mktemp("forge")
    return play(RUN, "native,ours,vaes,faces", data, "--host-mode", "forge", "--extension", str(CHECKOUT))


def test_the_first_picture_loads_the_checkpoint_with_us_in_it(scenes):
    first = scenes["native"]["first"]
    assert first["ours"][0]["VAE Face"]["host"] == "Forge"
    assert first["comments"] == "" and "Traceback" not in str(first["console"])


@pytest.mark.parametrize("name", NATIVE)
def test_native_prompts_keep_every_pixel_off_and_on(scenes, name):
    plain, off, on = scenes["native"][name]
    assert plain["pixels"] == off["pixels"] == on["pixels"]
    assert off["ours"][0] == {} and "error" not in on["ours"][0]["VAE Face"]
    assert on["console"] == []


def test_calls_are_counted_by_pass(scenes):
    schedule = scenes["native"]["hires"][2]["ours"][0]["VAE Face schedule"]
    assert schedule["first"] == {"calls": 6, "conditionings": 2, "switches": [4]} and schedule["hires"]["calls"] == 6


@pytest.mark.parametrize("name", ["plain", "batch", "cfg 1", "heun"])
def test_blends_are_painted_and_encoded_texts_serve_again(scenes, name):
    first, again = scenes["ours"][name]
    assert first["pixels"] == again["pixels"] and first["comments"] == "" and first["console"] == []
    assert first["ours"][0]["VAE Face schedule"]["first"]["conditionings"] > 2


@pytest.mark.parametrize("name", ["plain", "batches", "hires", "img2img", "tiling"])
def test_the_picked_vae_paints_as_forges_module_would(scenes, name):
    found, before = scenes["vaes"]["picks"][name], scenes["vaes"]["picks"]["before"]
    assert farthest(found["own"], found["host tuned"]) > 5, "the fine-tune must show"
    assert farthest(found["tuned"], found["host tuned"]) <= 1
    assert farthest(found["same"], found["own"]) <= 1
    assert all(job["state"][1] == [] for job in found.values())
    assert found["tuned"]["state"] == before


def test_a_vae_of_another_family_is_refused(scenes):
    refused = scenes["vaes"]["refused"]["ours"]["VAE Face VAE"]
    assert refused["used"] == "Built-in" and "another family of latents" in refused["why"]


def test_latents_are_carried_once_although_the_hook_rings_twice(scenes):
    hires = scenes["vaes"]["hires"]
    assert hires["changed"] == [False, True, False]  # the first pass, and the second twice
    assert hires["comments"].count("latents were carried across") == 1


@pytest.mark.parametrize("name", ["batches", "hires", "only masked", "ddim"])
def test_faces_are_painted_again_and_nothing_else_changes(scenes, name):
    job = scenes["faces"][name]
    assert all(kinds == ["refined"] for kinds in done(job["refined"])), job["refined"]["comments"]
    assert job["off"]["pictures"] == job["after"]["pictures"] != job["refined"]["pictures"]
    for mine, theirs in zip(pictures(job["off"]), pictures(job["refined"]), strict=True):
        assert (mine[:4] == theirs[:4]).all() and (mine[-4:] == theirs[-4:]).all()
    assert job["refined"]["host"][1] == []
