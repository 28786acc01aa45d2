"""The face stage beside what else a WebUI and its extensions do: previews, networks, other checkpoints, stopping."""

from pathlib import Path

import pytest

from tests.extension.forks import play
from tests.extension.pocket_run import CHECKOUT

pytestmark = pytest.mark.torch
RUN = Path(__file__).with_name("faces_odd_run.py")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    data = tmp_path_factory.mktemp("pocket")
    return play(RUN, "others,held,saving,previews,second_checkpoint", data, "--extension", str(CHECKOUT))


def test_faces_with_the_same_network_tags_go_together(scenes):
    assert scenes["others"]["rows"] == [2]


def test_progress_is_said_while_faces_are_painted_and_not_afterwards(scenes):
    assert scenes["others"]["texts"] == ["Faces: 0 of 2"] and not scenes["others"]["after"]


def test_listeners_of_others_find_a_runner_without_scripts(scenes):
    counts = scenes["others"]["runners"]
    assert 0 in counts and all(count == 0 or count == counts[0] for count in counts)


def test_one_step_of_a_weak_face_does_not_begin_at_full_noise(scenes):
    noise = scenes["others"]["noise"]
    assert noise and max(noise) < 1


def test_what_controlnet_hung_into_the_model_is_off_it_in_faces_and_on_it_again(scenes):
    same, calls, in_faces, back = scenes["others"]["hooked"]
    assert same and calls > 0 and not in_faces and back


@pytest.mark.parametrize("name", ["plain", "exact"])
def test_weaker_faces_begin_where_img2img_would_begin(scenes, name):
    found = scenes["held"][name]
    strong, weak = found["strengths"]
    whole = int(12 / strong) if name == "exact" else 12
    assert strong > weak and found["calls"] == [12 if name == "exact" else int(strong * 12) + 1, int(weak * whole) + 1]


def test_previews_are_not_taken_for_the_pictures_latents(scenes):
    assert scenes["previews"]["same"] and not scenes["previews"]["off"]


def test_latents_of_another_checkpoint_are_decoded_by_its_own_vae(scenes):
    found = scenes["second_checkpoint"]
    assert found["same"] and found["done"] == [["refined"]] * 2 and found["errors"] == [""] * 2


@pytest.mark.parametrize("name, files", [("none", 4), ("interrupt", 2), ("skip", 4)])
def test_pictures_are_saved_although_their_faces_were_stopped(scenes, name, files):
    assert scenes["saving"][name]["files"] == files


def test_what_is_shown_beside_has_the_infotext_of_its_picture(scenes):
    found = scenes["saving"]["none"]
    assert found["seeds"] == [7, 8, 9, 10] * 2 and len(found["seeds"]) == found["pictures"] and all(found["shown"])
