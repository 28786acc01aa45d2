"""The promises, on the real thing: the pocket WebUI loads the extension from its folder and paints."""

from pathlib import Path

import pytest

from lib_vaeface.settings import FIELDS
from tests.extension.forks import play
from tests.extension.pocket_run import CHECKOUT, JOBS

pytestmark = pytest.mark.torch
RUN = Path(__file__).with_name("pocket_run.py")


def run(data: Path, scenes: str, *flags: str) -> dict:
    return play(RUN, scenes, data, *flags)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("pocket")


@pytest.fixture(scope="module")
def native(data):
    return run(data, "native")["native"]


@pytest.fixture(scope="module")
def ours(native, data):  # after `native`, which writes the checkpoint both use
    return run(data, "off,on,failing,nested,page", "--extension", str(CHECKOUT))


def pixels(result):
    return result["pixels"]


def test_the_scenes_differ(native):
    assert len({tuple(pixels(result)) for result in native.values()}) == len(JOBS)
    assert len(set(pixels(native["batches"]))) == len(pixels(native["batches"]))


def test_loading_said_nothing(ours):
    assert "Error" not in ours["console"] and "Traceback" not in ours["console"], ours["console"]


@pytest.mark.parametrize("name", JOBS)
def test_switched_off_is_the_webui_to_the_bit(native, ours, name):
    assert ours["off"][name] == native[name]


@pytest.mark.parametrize("name", JOBS)
def test_switched_on_keeps_the_pixels(native, ours, name):
    assert pixels(ours["on"][name]) == pixels(native[name])
    assert not ours["on"][name]["comments"]


def test_the_infotext_tells_what_happened(ours):
    (found,) = ours["on"]["plain"]["ours"]
    assert found["VAE Face"]["host"] == "A1111"
    assert found["VAE Face schedule"] == {
        "v": 1,
        "timing": "webui",
        "first": {"calls": 6, "conditionings": 2, "switches": [4]},  # 4 cat calls and 2 dog calls
    }


def test_second_order_samplers_count_every_call(ours):
    webui, exact = (ours["on"][name]["ours"][0]["VAE Face schedule"]["first"] for name in ("heun", "exact"))
    assert webui["calls"] == exact["calls"] == 7
    assert (webui["switches"], exact["switches"]) == ([5], [3])


def test_every_iteration_has_its_own_record(ours):
    for found in ours["on"]["batches"]["ours"]:
        assert found["VAE Face schedule"]["first"]["calls"] == 6


def test_hires_fix_has_two_passes(ours):
    schedule = ours["on"]["hires"]["ours"][0]["VAE Face schedule"]
    assert schedule["first"]["switches"] == [4] and schedule["hires"]["switches"] == []


def test_img2img_is_followed_too(ours):
    assert ours["on"]["img2img"]["ours"][0]["VAE Face schedule"]["first"]["calls"] == 7  # int(8 * 0.75) + 1


def test_a_dict_argument_and_its_unknown_name(ours):
    result = ours["on"]["dict"]
    assert result["ours"][0]["VAE Face schedule"]["timing"] == "exact"
    assert result["ours"][0]["VAE Face"]["notes"] == ["colour: no such setting, ignored"]
    assert result["comments"].count("colour") == 1


@pytest.mark.parametrize("place", ["record", "summary", "before_process", "before_process_batch", "postprocess"])
def test_a_failure_of_ours_never_costs_the_picture_and_is_said_once(native, ours, place):
    result = ours["failing"][place]
    assert pixels(result) == pixels(native["plain"])
    assert result["comments"].count("VAE Face") == 1 and "ZeroDivisionError" in result["comments"]
    assert "\n".join(result["console"]).count("VAE Face failed") == 1
    if place != "postprocess":  # by then the picture's infotext is written
        assert "ZeroDivisionError" in result["ours"][0]["VAE Face"]["error"]


def test_a_failure_is_forgotten_at_the_next_generation(ours):
    assert ours["failing"]["afterwards"]["ours"] == ours["on"]["plain"]["ours"]


def test_jobs_inside_ours_stay_the_webuis(native, ours):
    nested = ours["nested"]
    assert nested["inner"]["ours"] == [{}]
    assert nested["outer"]["ours"] == ours["on"]["plain"]["ours"]
    assert pixels(nested["outer"]) == pixels(native["plain"])


def test_a_dead_job_leaves_nothing_behind(ours):
    assert ours["nested"]["after a death"] == ours["on"]["plain"]


def test_the_page_has_our_controls(ours):
    page = ours["page"]
    assert page["classes"] == ["VAEFaceScript"]
    assert page["labels"] == [field.label for field in FIELDS] == page["script-info"][0]
    assert page["ids"][1:] == [f"script_txt2img_vae_face_{field.name}" for field in FIELDS[1:]]
    assert page["option"] is True and len(page["script-info"]) == 2


def test_the_api_switches_on_and_reads_infotext(ours):
    status, painted = ours["page"]["api"]
    assert status == 200 and painted["VAE Face schedule"]["first"]["calls"] == 6
    status, pasted = ours["page"]["api pasted"]
    assert status == 200 and pasted["VAE Face schedule"]["timing"] == "exact"
    assert ours["page"]["api off"] == {}


def test_one_callback_whatever_is_reloaded(ours):
    assert ours["page"]["callbacks"] == [1, 0] * 3


def test_loading_leaves_no_path(ours):
    assert not ours["page"]["checkout on sys.path"]


def test_exact_timing_reaches_the_last_step_that_ddim_makes(ours):
    found = ours["on"]["ddim"]["ours"][0]["VAE Face schedule"]["first"]
    assert found["calls"] == 19 and found["switches"] == list(range(2, 20))
