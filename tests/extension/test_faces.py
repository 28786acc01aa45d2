"""The face stage in the pocket WebUI: what it changes, what it leaves alone, and what goes wrong without harm."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.extension.forks import play
from tests.extension.pocket_run import CHECKOUT

pytestmark = pytest.mark.torch
RUN = Path(__file__).with_name("faces_run.py")
JOBS = ("plain", "heun", "batches", "hires", "img2img", "pixel hires", "only masked", "ddim", "and")
FEATHER = 0.18


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    data = tmp_path_factory.mktemp("pocket")
    return play(RUN, "every_job,options,failures,numbers,nested,vaes,extras", data, "--extension", str(CHECKOUT))


def pictures(found):
    return [np.array(rows) for rows in found["pictures"]]


def changed(one, other):
    """For every pair of pictures where they differ: left, top, right, bottom as shares; None where they are equal."""
    spots = []
    for mine, theirs in zip(pictures(one), pictures(other), strict=True):
        rows, columns = np.nonzero((mine != theirs).any(-1))
        height, width = mine.shape[:2]
        box = (columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height)
        spots.append(box if len(rows) else None)
    return spots


def done(found):
    """What was done to each face of each picture."""
    return [[record["done"] for record in faces["found"]] for faces in found["faces"]]


@pytest.mark.parametrize("name", JOBS)
def test_decoding_by_the_vae_that_painted_in_full_precision_changes_nothing(scenes, name):
    job = scenes["every_job"][name]
    assert job["decoded"]["pictures"] == job["off"]["pictures"]


@pytest.mark.parametrize("name", JOBS)
def test_a_refined_face_changes_and_all_around_it_stays_bit_for_bit(scenes, name):
    job = scenes["every_job"][name]
    assert all(kinds == ["refined"] for kinds in done(job["refined"]))
    for spot in changed(job["off"], job["refined"]):
        assert spot is not None
        assert min(spot[:2]) > 0.3 - FEATHER and max(spot[2:]) < 0.7 + FEATHER


@pytest.mark.parametrize("name", JOBS)
def test_the_webui_is_as_it_was(scenes, name):
    job = scenes["every_job"][name]
    for key in ("host", "progress", "history"):
        assert job["refined"][key] == job["off"][key], key
    assert not job["refined"]["traceback"] and job["refined"]["error"] == [""] * len(job["refined"]["pictures"])


def test_every_face_has_its_own_prompt_seed_and_strength(scenes):
    found = scenes["options"]
    two = found["two"]["faces"][0]["found"]
    assert [face["refine"]["seed"] for face in two] == [7, 8]
    assert two[0]["size"] < two[1]["size"] and two[0]["refine"]["strength"] > two[1]["refine"]["strength"] > 0.6
    assert [face["refine"]["strength"] for face in found["fixed"]["faces"][0]["found"]] == [0.6, 0.6]
    assert [face["refine"]["seed"] for face in found["same seed"]["faces"][0]["found"]] == [7, 7]
    assert found["same seed"]["pictures"] != found["two"]["pictures"]
    assert done(found["skipped"]) == [["nothing", "refined"]]


def test_prompts_for_faces_are_read_as_the_pictures_are(scenes):
    found = scenes["options"]
    plain = scenes["every_job"]["plain"]["refined"]["pictures"]
    assert found["same prompt"]["pictures"] == plain
    assert found["other prompt"]["pictures"] != plain


def test_the_strongest_and_the_weakest_differ_and_both_are_inside(scenes):
    off = scenes["options"]["off"]
    weak, strong = (np.abs(pictures(x)[0] - pictures(off)[0]).mean() for x in (
        scenes["options"]["weak"], scenes["every_job"]["plain"]["refined"]))  # fmt: skip
    assert 0 < weak < strong


def test_samplers_that_blend_before_the_model_call_keep_strengths_apart(scenes):
    found = scenes["options"]["ddim"]
    assert done(found) == [["refined", "refined"]]
    strengths = [face["refine"]["strength"] for face in found["faces"][0]["found"]]
    assert strengths[0] > strengths[1]


def test_further_passes_see_the_first_and_wrong_ones_are_told(scenes):
    found = scenes["options"]
    assert done(found["passes"]) == [["refined", "refined"]]
    assert "no setting 'colour', ignored" in found["passes"]["comments"]
    assert found["passes"]["pictures"] != scenes["every_job"]["plain"]["refined"]["pictures"]
    assert "no JSON" in found["broken passes"]["comments"]
    assert found["broken passes"]["pictures"] == scenes["every_job"]["plain"]["refined"]["pictures"]


@pytest.mark.parametrize("name, said", [
    ("broken boxes", "four numbers are wanted"), ("no faces", ""), ("no such detector", "facexlib is not installed"),
])  # fmt: skip
def test_without_faces_the_picture_stays(scenes, name, said):
    found = scenes["options"][name]
    assert found["pictures"] == scenes["options"]["off"]["pictures"] and done(found) == [[]]
    assert said in found["comments"]


@pytest.mark.parametrize("name, why", [
    ("sampler", "the sampler broke"), ("interrupt", "interrupted"), ("stage", ""), ("skip", "interrupted"),
])  # fmt: skip
def test_a_failure_costs_no_picture(scenes, name, why):
    found, off = scenes["failures"][name], scenes["failures"]["off twice" if name == "skip" else "off"]
    count = len(found["pictures"])
    assert found["pictures"] == off["pictures"][:count] and found["host"] == off["host"]
    assert all(why in face.get("why", "") for faces in found["faces"] for face in faces["found"])
    assert not found["error"][0]
    if name == "stage":
        assert found["comments"].count("ZeroDivisionError") == 1 and found["traceback"]


def test_what_is_finished_survives_an_interrupt(scenes):
    """A batch of two strengths goes in two parts with DDIM; the person interrupts in the second."""
    assert done(scenes["failures"]["interrupt in the second part"]) == [["refined", "nothing"]]


def test_skipping_in_a_face_goes_on_with_the_next_picture(scenes):
    assert len(scenes["failures"]["skip"]["pictures"]) == 2


def test_short_of_memory_faces_are_painted_in_smaller_batches(scenes):
    found = scenes["failures"]
    assert done(found["memory"]) == [["refined", "refined"]]
    farthest = np.abs(pictures(found["memory"])[0] - pictures(found["two"])[0]).max()
    assert farthest <= 2, "how many go together must not show"


def test_all_faces_of_a_batch_go_together_and_texts_are_encoded_once(scenes):
    found = scenes["numbers"]
    own = len(found["off"]["calls"])
    assert found["one"]["calls"][own:] == [2] * len(found["one"]["calls"][own:])  # two pictures, a face each
    assert found["two"]["calls"][own:] == [4] * len(found["two"]["calls"][own:])
    assert found["off"]["texts"] == ["a cow"] and not found["one"]["texts"] and not found["two"]["texts"]


def test_others_hear_nothing_of_our_jobs_nor_we_of_theirs(scenes):
    found = scenes["nested"]
    assert not [name for _, name in found["heard"] if "Face" in name]
    assert len(found["heard"]) == 4  # the job and the one inside it, each once
    assert found["on"]["pictures"] == found["alone"]["pictures"]


def test_what_was_asked_for_is_shown_behind_the_picture(scenes):
    found, plain = pictures(scenes["options"]["everything"]), scenes["every_job"]["plain"]
    picture, before, overlay, mask, crops = found
    assert (picture == pictures(plain["refined"])[0]).all()
    assert np.abs(before - pictures(plain["off"])[0]).max() <= 1  # rounded, where the WebUI cuts off
    assert (overlay != before).any() and mask.max() == 255 and mask.min() == 0
    assert crops.shape[1] == 2 * crops.shape[0]
    touched = (np.abs(picture - pictures(plain["off"])[0]) > 1).any(-1)  # both are cut to 8 bits
    assert (mask[touched] > 0).all()


@pytest.mark.parametrize("name", ["automatic", "named"])
def test_faces_are_decoded_by_the_fine_tune_and_the_rest_by_the_pictures_own(scenes, name):
    found = scenes["vaes"]
    told = found[name]["faces"][0]
    assert told["used"] == "vae-ft-mse.safetensors" and done(found[name]) == [["decoded"]]
    assert len(told["hash"]) == 10 and told["hash"] == found["automatic"]["faces"][0]["hash"]
    off, mse, picture = (pictures(found[key])[0] for key in ("off", "host mse", name))
    core, edge = np.s_[26:38, 26:38], np.s_[:10]
    assert np.abs(picture[core] - mse[core]).max() <= 1 < np.abs(off[core] - mse[core]).max()
    assert (picture[edge] == off[edge]).all()


def test_with_the_vae_that_painted_the_picture_there_is_nothing_to_decode_again(scenes):
    found = scenes["vaes"]
    assert found["same"]["pictures"] == found["off"]["pictures"]
    assert np.abs(pictures(found["painted by it"])[0] - pictures(found["host mse"])[0]).max() <= 1


def test_a_vae_that_does_not_fit_is_not_used_for_faces(scenes):
    found = scenes["vaes"]["stranger"]
    assert found["pictures"] == scenes["vaes"]["off"]["pictures"] and found["faces"][0]["used"] == "Built-in"
    assert "other.safetensors was not used" in found["comments"]
    assert found["comments"].count("was not used") == 1
    assert found["faces"][0]["notes"][0].startswith("other.safetensors was not used, does not fit")


def test_the_face_vae_is_at_both_ends_of_the_sampler(scenes):
    found = scenes["vaes"]
    assert found["refined"]["faces"][0]["used"] == "vae-ft-mse.safetensors"
    assert found["refined"]["pictures"] != found["refined, built-in"]["pictures"]
    assert found["refined"]["host"] == found["off"]["host"]


def test_extras_decodes_the_faces_of_a_finished_picture(scenes):
    found = scenes["extras"]
    assert found["off"]["spot"] is None and found["off"]["told"] is None
    told, (left, top, right, bottom), box = found["on"]["told"], found["on"]["spot"], found["box"]
    assert told["used"] == "tuned.safetensors" and [face["done"] for face in told["found"]] == ["decoded"]
    width, height = box[2] - box[0], box[3] - box[1]
    assert left > box[0] - width / 2 and right < box[2] + width / 2
    assert top > box[1] - height / 2 and bottom < box[3] + height / 2
    assert found["on"]["mode"] == "RGBA" and found["on"]["alpha"]


@pytest.mark.parametrize("name, said", [
    ("stranger", "another family"), ("broken", "ZeroDivisionError"), ("odd", "'search' must be one of"),
])  # fmt: skip
def test_in_extras_too_nothing_that_fails_costs_the_picture(scenes, name, said):
    found = scenes["extras"][name]
    assert found["spot"] is None and said in json.dumps(found["told"])


def test_faces_may_be_estimated_from_what_the_picked_vae_left(scenes):
    found = scenes["vaes"]
    names = ("estimated", "exact", "not picked")
    ways = {name: found[name]["faces"][0]["found"][0]["decode"] for name in names}
    assert ways["estimated"].startswith("approximate") and "off in measured pictures" in ways["estimated"]
    assert ways["exact"].startswith("exact") and ways["not picked"].startswith("exact")
    exact, estimated, own = (pictures(found[name])[0] for name in ("exact", "estimated", "large"))
    near, far = np.abs(exact - estimated).max(), np.abs(exact - own).max()
    assert 0 < near < far / 3
