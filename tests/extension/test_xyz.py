"""X/Y/Z plots in the pocket WebUI: what the axes offer, what a cell is, and what is not sampled again."""

from pathlib import Path

import pytest

from lib_vaeface.settings import FIELDS, Settings
from tests.extension.forks import play
from tests.extension.pocket_run import CHECKOUT

pytestmark = pytest.mark.torch
RUN = Path(__file__).with_name("xyz_run.py")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    data = tmp_path_factory.mktemp("pocket")
    return play(RUN, "vaes,samples,guests,axes", data, "--extension", str(CHECKOUT))


def test_an_axis_for_every_field_that_a_person_would_compare(scenes):
    found = scenes["axes"]
    wanted = [f"[VAE Face] {f.label}" for f in FIELDS if f.axis]
    assert found["first"] == ["[VAE Face] Enabled", *wanted[1:]]
    assert len(found["first"]) > 25 and not any(f.axis and f.hidden for f in FIELDS)


def test_axes_are_there_once_however_often_the_page_is_built(scenes):
    found = scenes["axes"]
    assert found["again"] == found["reloaded"] == found["first"]


def test_choices_kinds_and_costs(scenes):
    found = scenes["axes"]
    choices = {name.removeprefix("[VAE Face] "): value for name, value in found["choices"].items()}
    assert choices["Faces"] == ["True", "False"] and choices["Timing"] == ["webui", "exact"]
    assert {"Automatic", "Built-in", "tuned.safetensors"} <= set(choices["VAE file"])
    assert "sixteen.safetensors" not in choices["VAE file"], "it does not fit"
    assert "Euler a" in choices["Sampler of faces"] and choices["Refine"] is None
    assert found["kinds"]["[VAE Face] Refine"] == "float" and found["kinds"]["[VAE Face] Steps of faces"] == "int"
    assert 0 < found["costs"]["[VAE Face] VAE file"] < 1 and found["costs"]["[VAE Face] Refine"] == 0
    assert found["shown"] == "Refine: 0.3"


def test_wrong_values_are_refused_before_anything_is_painted(scenes):
    refused = scenes["axes"]["refused"]
    assert len(refused) == 7, refused
    assert "it goes from 0 to 1" in refused["Refine 1.5"]
    assert "No VAE is called 'gone.safetensors'" in refused["VAE file gone.safetensors"]
    assert "Euler a" in refused["Sampler of faces Best"]
    assert "webui or exact" in refused["Timing slow"]
    assert scenes["samples"]["bad"]["calls"] == 0
    assert "it goes from 0 to 1" in scenes["samples"]["bad"]["error"] + scenes["samples"]["bad"]["said"]


def test_a_plot_of_vaes_samples_once_and_each_cell_is_the_single_picture(scenes):
    found = scenes["vaes"]
    singles = [one["pixels"][0] for one in found["single"]]
    assert found["plot"]["calls"] == 4 == found["own"]["calls"], found["plot"]["said"]
    assert found["plot"]["pixels"][0] == found["own"]["pixels"][0]
    assert found["plot"]["pixels"] == singles and len(set(singles)) >= 2


def test_an_axis_switches_on_what_it_needs_and_its_infotext_restores_the_cell(scenes):
    names = ["Built-in", "same.safetensors", "tuned.safetensors"]
    for ours, single, name in zip(scenes["vaes"]["plot"]["ours"], scenes["vaes"]["single"], names, strict=True):
        assert ours["VAE Face VAE"] == single["ours"][0]["VAE Face VAE"]
        assert ours["VAE Face VAE"]["name"] == ours["VAE Face VAE"]["used"] == name
    kept = ["latents" in ours["VAE Face"] for ours in scenes["vaes"]["plot"]["ours"]]
    assert kept == [False, True, True]
    assert "X Type: [VAE Face] VAE file" in scenes["vaes"]["plot"]["grid"]


def test_latents_of_every_seed_are_kept_whatever_the_order_of_the_cells(scenes):
    found, singles = scenes["vaes"]["seeds"], scenes["vaes"]["seeds single"]
    assert found["calls"] == 2 * 4
    assert found["pixels"] == [one["pixels"][0] for one in singles]
    for ours, single in zip(found["ours"], singles, strict=True):
        assert ours["VAE Face schedule"] == single["ours"][0]["VAE Face schedule"]


def test_batches_are_kept_whole(scenes):
    found, single = scenes["vaes"]["batches"], scenes["vaes"]["batches single"]
    assert found["calls"] == 2 * 4
    # The plot shows the first picture of a cell, its grid where there is one.
    assert found["pixels"][1] == single["pixels"][0]


@pytest.mark.parametrize(
    "name, calls",
    [("timing", 8), ("enabled", 8), ("hires", 16), ("img2img", 6), ("steps", 7), ("faces", 4), ("eta", 8)],
)
def test_only_what_gives_the_same_latents_is_left_out(scenes, name, calls):
    assert scenes["samples"][name]["calls"] == calls


def test_cells_that_are_switched_off_are_the_webuis_own(scenes):
    on, off = scenes["samples"]["enabled"]["ours"]
    assert on["VAE Face VAE"]["used"] == "tuned.safetensors" and off == {}
    assert scenes["samples"]["enabled"]["pixels"][1] == scenes["vaes"]["own"]["pixels"][0]


def test_infotext_that_sampling_wrote_comes_with_its_latents(scenes):
    texts = scenes["samples"]["eta"]["texts"]
    assert ["Eta: 0.5" in text for text in texts] == [True, False, True, False]
    assert ["Eta: 0.7" in text for text in texts] == [False, True, False, True]


def test_latents_are_let_go_with_the_plot(scenes):
    assert scenes["samples"]["left"] == 0


def test_a_copy_of_a_cells_job_samples_by_itself(scenes):
    found = scenes["guests"]
    singles = [one["pixels"][0] for one in found["single"]]
    assert found["inner"] == found["copies"]["pixels"] == singles  # inside our job everything is decoded by its VAE
    assert found["copies"]["calls"] == 4 + 2 * 4


@pytest.mark.parametrize("name, calls", [("taken", 8), ("errors", 4), ("broken", 8)])
def test_other_extensions_and_failures_of_ours_cost_no_picture(scenes, name, calls):
    found, singles = scenes["guests"][name], [one["pixels"][0] for one in scenes["guests"]["single"]]
    assert found["calls"] == calls and found["pixels"][0] == singles[0]
    last = scenes["guests"]["own"]["pixels"][0] if name == "broken" else singles[1]
    assert found["pixels"][1] == last
    assert ("error" in found["ours"][1]["VAE Face"]) == (name == "broken")


def test_axes_win_over_the_panel_and_switch_on():
    assert Settings.from_args([False], {"face_strength": 0.5})[0] == Settings(True, faces=True, face_strength=0.5)
    assert not Settings.from_args([{"faces": True}], {"face_strength": 0.5, "faces": "False"})[0].faces
    assert not Settings.from_args([{}], {"enabled": "False", "timing": "exact"})[0].enabled
    assert Settings.from_args([{"vae_name": "a"}], {"vae_name": "b"})[0].vae_name == "b"


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    data = tmp_path_factory.mktemp("forge")
    return play(RUN, "forge", data, "--host-mode", "forge", "--extension", str(CHECKOUT))["forge"]


@pytest.mark.parametrize("name, calls", [("alone", 4), ("put where it counts", 8), ("put where it is lost", 4)])
def test_in_forge_a_plot_of_vaes_samples_once_unless_another_vae_is_among_the_parts(forge, name, calls):
    plot, singles = forge[name]["plot"], [one["pixels"][0] for one in forge[name]["single"]]
    assert plot["pixels"] == singles and plot["calls"] == calls, plot["said"]
    assert len(set(singles)) == 2
    assert (singles[1] == forge["alone"]["single"][1]["pixels"][0]) == (name != "put where it counts")


def test_in_forge_every_iteration_of_a_cell_is_kept(forge):
    assert forge["batches"]["calls"] == 2 * 4
