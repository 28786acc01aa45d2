"""Picking a VAE for one generation, in the pocket WebUI: the right one paints, a wrong one never, the host is whole."""

from pathlib import Path

import pytest

from tests.extension.forks import play
from tests.extension.pocket_run import CHECKOUT

pytestmark = pytest.mark.torch
RUN = Path(__file__).with_name("vae_run.py")
BAD = {
    "other.safetensors": "another family of latents",
    "sixteen.safetensors": "16 channels",
    "cut.safetensors": "it ends within its header",
    "nan.safetensors": "no numbers",
    "old.pt": "Pickles",
    "nothing": "No VAE is called 'nothing'",
}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    data = tmp_path_factory.mktemp("pocket")
    return play(RUN, "picks,refusals,automatic,between,failures,previews,hundred", data, "--extension", str(CHECKOUT))


def farthest(one, other):
    """The largest difference of two lists of pictures, in steps of 255."""
    assert len(one["pictures"]) == len(other["pictures"])
    pairs = zip(one["pictures"], other["pictures"], strict=True)
    return max(abs(a - b) for mine, theirs in pairs for a, b in zip(mine, theirs, strict=True))


@pytest.mark.parametrize("name", ["plain", "batches", "hires", "img2img", "tiling"])
def test_the_picked_vae_paints_as_it_would_in_the_host(scenes, name):
    found = scenes["picks"][name]
    assert farthest(found["own"], found["host tuned"]) > 5, "the fine-tune must show"
    assert farthest(found["tuned"], found["host tuned"]) <= 1
    assert farthest(found["same"], found["own"]) <= 1
    assert found["tuned"]["ours"]["VAE Face VAE"]["used"] == "tuned.safetensors"


def test_the_hosts_vae_is_as_before_after_every_generation(scenes):
    before = scenes["picks"]["before"]
    jobs = [job for name, group in scenes["picks"].items() if name != "before" for job in group.values()]
    for job in (*jobs, *scenes["refusals"].values(), *scenes["automatic"].values()):
        assert job["state"] == before


@pytest.mark.parametrize("name, reason", BAD.items())
def test_what_does_not_fit_is_not_used_and_the_reason_is_said(scenes, name, reason):
    found = scenes["refusals"][name]
    assert farthest(found, scenes["picks"]["plain"]["own"]) == 0
    assert reason in found["comments"]
    assert found["ours"]["VAE Face VAE"]["used"] == "Built-in"


def test_a_refusal_names_the_files_that_fit(scenes):
    assert "same.safetensors" in scenes["refusals"]["other.safetensors"]["comments"]


def test_what_fits_is_judged_by_the_checkpoints_own_vae_not_by_one_that_the_webui_has_loaded(scenes):
    """With a stranger as A1111's own setting, the VAE that fits was refused as of another family."""
    found = scenes["automatic"]["beside a stranger"]
    assert found["ours"]["VAE Face VAE"]["fit"] == "fits"
    assert found["pictures"] == scenes["automatic"]["chosen"]["pictures"]


def test_automatic_takes_what_was_picked_last(scenes):
    found = scenes["automatic"]
    assert found["again"]["ours"]["VAE Face VAE"]["used"] == "tuned.safetensors"
    assert "picked last" in found["again"]["ours"]["VAE Face VAE"]["why"]
    assert farthest(found["again"], found["chosen"]) == 0


def test_a_hash_finds_a_renamed_copy(scenes):
    found = scenes["automatic"]["renamed"]["ours"]["VAE Face VAE"]
    assert found["used"] in ("renamed.safetensors", "tuned.safetensors")
    assert farthest(scenes["automatic"]["renamed"], scenes["automatic"]["chosen"]) <= 1


def test_built_in_is_the_models_own(scenes):
    assert farthest(scenes["automatic"]["built-in"], scenes["picks"]["plain"]["own"]) == 0


def test_between_two_passes_pixels_are_rounded_not_cut(scenes):
    (ours, *_), (host, *_) = scenes["between"]["means"]
    assert ours - host == pytest.approx(1 / 255, abs=1e-5)
    assert 0 < farthest(scenes["between"]["one"], scenes["between"]["own"]) <= 8


def test_the_hires_pass_may_have_its_own_vae(scenes):
    found = scenes["between"]["hires"]
    assert found["ours"]["VAE Face VAE"]["used"] == "tuned.safetensors"
    assert farthest(found, scenes["between"]["own"]) > 5


def test_a_codec_that_fails_costs_no_picture(scenes):
    found = scenes["failures"]
    assert farthest(found["broken"], found["own"]) == 0
    assert "VAE Face failed" in found["broken"]["comments"]


def test_what_a_dead_job_leaves_behind_does_nothing(scenes):
    found = scenes["failures"]
    assert found["left"][1] == ["decode", "encode"], "A1111 runs no hook after an error"
    assert farthest(found["afterwards"], found["own"]) == 0
    assert found["afterwards"]["state"] == scenes["picks"]["before"]


def test_a_dead_job_that_is_closed_leaves_nothing_behind(scenes):
    found = scenes["failures"]
    assert found["closed"] == [scenes["picks"]["before"], False]
    assert farthest(found["copied"], found["tuned"]) == 0, "only a copy of the job was closed"


def test_full_live_previews_are_decoded_by_the_picked_vae(scenes):
    found = scenes["previews"]
    assert len(found["tuned"]) == len(found["host tuned"]) >= 3
    pairs = list(zip(found["tuned"], found["host tuned"], found["own"], strict=True))
    assert max(abs(a - b) for tuned, host, _ in pairs for a, b in zip(tuned, host, strict=True)) <= 1
    assert max(abs(a - b) for tuned, _, own in pairs for a, b in zip(tuned, own, strict=True)) > 5


def test_a_hundred_picks_of_good_and_bad_files_leave_the_hosts_weights_alone(scenes):
    found = scenes["hundred"]
    assert found["same"] and found["used"] + found["refused"] == 100 and min(found["used"], found["refused"]) > 10
