"""The extension with reForge's model parts: schedule, VAE and faces as on A1111, and the model whole behind."""

from pathlib import Path

import pytest

from tests.extension.forks import play
from tests.extension.pocket_run import CHECKOUT
from tests.extension.test_faces import done, pictures
from tests.extension.test_vae import farthest

pytestmark = pytest.mark.torch
RUN = Path(__file__).with_name("reforge_run.py")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    data = tmp_path_factory.mktemp("reforge")
    return play(RUN, "native,vaes,faces,ramped", data, "--extension", str(CHECKOUT))


@pytest.mark.parametrize("name", ["plain", "heun", "batches", "hires", "img2img"])
def test_native_prompts_keep_every_pixel_off_and_on(scenes, name):
    plain, off, on = scenes["native"][name]
    assert plain["pixels"] == off["pixels"] == on["pixels"]
    assert on["ours"][0]["VAE Face"]["host"] == "reForge" and "error" not in on["ours"][0]["VAE Face"]
    assert on["console"] == []


@pytest.mark.parametrize("name", ["plain", "batches", "hires", "img2img"])
def test_the_picked_vae_paints_as_the_webuis_own_option_would(scenes, name):
    found, before = scenes["vaes"][name], scenes["vaes"]["before"]
    assert farthest(found["own"], found["host tuned"]) > 5, "the fine-tune must show"
    assert farthest(found["tuned"], found["host tuned"]) <= 1
    assert farthest(found["same"], found["own"]) <= 1
    assert found["tuned"]["state"] == before


def test_reflective_padding_leaves_the_picture_to_the_webuis_own_vae(scenes):
    found = scenes["vaes"]["reflecting"]
    assert found["tuned"]["pictures"] == found["own"]["pictures"] != scenes["vaes"]["plain"]["own"]["pictures"]
    told = found["tuned"]["ours"]["VAE Face VAE"]
    assert told["used"] == "Built-in" and "reflective vae padding" in told["why"]


@pytest.mark.parametrize("name", ["batches", "hires", "pixel hires", "only masked"])
def test_faces_are_painted_again_and_nothing_else_changes(scenes, name):
    job = scenes["faces"]["jobs"][name]
    assert all(kinds == ["refined"] for kinds in done(job["refined"])), job["refined"]["comments"]
    assert job["off"]["pictures"] == job["after"]["pictures"] != job["refined"]["pictures"]
    for mine, theirs in zip(pictures(job["off"]), pictures(job["refined"]), strict=True):
        assert (mine[:4] == theirs[:4]).all() and (mine[-4:] == theirs[-4:]).all()


def test_a_blend_follows_reforges_own_ramp_of_clip_skips(scenes):
    plain, off, on = scenes["ramped"]["pictures"]
    assert plain["pixels"] == off["pixels"] == on["pixels"]
    shares = []
    for call, tried in enumerate(scenes["ramped"]["blend"]):
        (_, share, left), (_, _, other) = sorted(tried, key=lambda found: found[0] != (3 if call < 2 else 2))
        assert left < 1e-4 < 1e-2 < other
        shares.append(share)
    assert shares == sorted(shares) and shares[0] < 0.1 and shares[-1] > 0.7
    weights = scenes["ramped"]["weights"]
    assert len(set(weights)) == 5 and weights == sorted(weights)  # the WebUI counts the first two calls as one step


def test_tokens_are_counted_by_the_model_that_reforge_wants_named(scenes):
    assert scenes["ramped"]["tokens"] == 5


def test_a_faces_job_gives_the_models_parts_back(scenes):
    assert scenes["faces"]["marks"] and all(scenes["faces"]["marks"])
