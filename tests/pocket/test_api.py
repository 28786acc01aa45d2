"""The HTTP API against the tiny model: status codes, answers, and what reaches scripts."""

from __future__ import annotations

import base64
import importlib
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

SMALL = {"prompt": "a cat", "steps": 2, "width": 64, "height": 64, "seed": 5, "sampler_name": "Euler"}


@pytest.fixture(scope="module")
def server(booted: object) -> FastAPI:
    app = FastAPI()
    importlib.import_module("webui").create_api(app)
    return app


@pytest.fixture
def client(webui: object, server: FastAPI) -> Iterator[TestClient]:
    with TestClient(server, raise_server_exceptions=False) as client:
        yield client


def picture(answer: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(answer["images"][0])))


def encoded(color: str = "red", size: tuple[int, int] = (64, 64)) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_txt2img_paints_and_describes(client: TestClient) -> None:
    answer = client.post("/sdapi/v1/txt2img", json=SMALL)
    assert answer.status_code == 200, answer.text
    image = picture(answer.json())
    assert image.size == (64, 64)
    assert "Seed: 5" in image.info["parameters"]
    assert json.loads(answer.json()["info"])["all_seeds"] == [5]
    assert answer.json()["parameters"]["prompt"] == "a cat"


def test_same_seed_same_picture_other_seed_other_picture(client: TestClient) -> None:
    def paint(**more: Any) -> bytes:
        return picture(client.post("/sdapi/v1/txt2img", json={**SMALL, **more}).json()).tobytes()

    assert paint() == paint()
    assert paint() != paint(seed=6)


def test_send_images_off_sends_none(client: TestClient) -> None:
    answer = client.post("/sdapi/v1/txt2img", json={**SMALL, "send_images": False}).json()
    assert answer["images"] == []


def test_img2img_with_mask(client: TestClient) -> None:
    request = {**SMALL, "init_images": [encoded()], "mask": encoded("white"), "denoising_strength": 0.5}
    answer = client.post("/sdapi/v1/img2img", json=request)
    assert answer.status_code == 200, answer.text
    assert picture(answer.json()).size == (64, 64)
    assert answer.json()["parameters"]["init_images"] is None


def test_img2img_without_a_picture_is_404(client: TestClient) -> None:
    answer = client.post("/sdapi/v1/img2img", json=SMALL)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Init image not found")


@pytest.mark.parametrize("bad", ["AAAA", "http://127.0.0.1/x.png"])
def test_an_unreadable_picture_is_500(client: TestClient, bad: str) -> None:
    assert client.post("/sdapi/v1/img2img", json={**SMALL, "init_images": [bad]}).status_code == 500


def test_unknown_scripts_are_422(client: TestClient) -> None:
    for field in ({"alwayson_scripts": {"no such": {"args": []}}}, {"script_name": "no such"}):
        answer = client.post("/sdapi/v1/txt2img", json={**SMALL, **field})
        assert answer.status_code == 422, answer.text
        assert "not found" in answer.json()["detail"]


def test_a_script_that_is_chosen_is_no_alwayson_script(client: TestClient) -> None:
    answer = client.post("/sdapi/v1/txt2img", json={**SMALL, "alwayson_scripts": {"X/Y/Z plot": {"args": []}}})
    assert answer.status_code == 422


def test_a_wrong_type_is_422(client: TestClient) -> None:
    assert client.post("/sdapi/v1/txt2img", json={**SMALL, "steps": "many"}).status_code == 422


def test_an_unknown_sampler_becomes_the_first_one(client: TestClient) -> None:
    """As on A1111 1.10.1, whose own check comes after the name has been replaced."""
    from modules import sd_samplers

    answer = client.post("/sdapi/v1/txt2img", json={**SMALL, "sampler_name": "no such sampler"}).json()
    assert json.loads(answer["info"])["sampler_name"] == sd_samplers.samplers[0].name


def test_alwayson_arguments_any_case_short_and_long(webui: object, server: FastAPI) -> None:
    from modules import scripts
    from modules.api import models, script_args

    runner = scripts.scripts_txt2img
    seed = runner.script("Seed")
    defaults = script_args.default_args(runner)

    def args(given: list[Any]) -> list[Any]:
        request = models.StableDiffusionTxt2ImgProcessingAPI(alwayson_scripts={"sEEd": {"args": given}})
        full = script_args.with_request_args(request, defaults, runner, None, None, {})
        assert len(full) == len(defaults)
        return full[seed.args_from : seed.args_to]

    untouched = defaults[seed.args_from : seed.args_to]
    assert args([]) == untouched
    assert args([77]) == [77, *untouched[1:]]
    assert args([77, *untouched[1:], "extra", "extra"]) == [77, *untouched[1:]]


def test_controls_are_built_twice_per_tab_for_the_api(webui: object) -> None:
    """facts/host-a1111-1.10.1.md, "Hook order", start-up: ui() four more times on the same Script objects."""
    from modules import scripts
    from modules.api import script_args

    for runner in (scripts.scripts_txt2img, scripts.scripts_img2img):
        script, calls = runner.script("Seed"), []
        original = script.ui
        script.ui = lambda *a, original=original, calls=calls: (calls.append(1), original(*a))[1]
        script_args.default_args(runner)
        del script.ui
        assert len(calls) == 2


def test_infotext_fills_what_the_request_leaves_out(client: TestClient) -> None:
    infotext = ("a dog\nNegative prompt: rain\n"
                "Steps: 3, Sampler: Euler a, CFG scale: 4, Seed: 9, Size: 64x64, Clip skip: 2")
    answer = client.post("/sdapi/v1/txt2img", json={"infotext": infotext, "cfg_scale": 2}).json()
    info = json.loads(answer["info"])
    assert (info["prompt"], info["negative_prompt"], info["seed"], info["steps"]) == ("a dog", "rain", 9, 3)
    assert (info["sampler_name"], info["cfg_scale"], info["clip_skip"]) == ("Euler a", 2, 2)


def test_options_round_trip_and_an_unknown_checkpoint(client: TestClient) -> None:
    assert client.post("/sdapi/v1/options", json={"CLIP_stop_at_last_layers": 2}).status_code == 200
    assert client.get("/sdapi/v1/options").json()["CLIP_stop_at_last_layers"] == 2
    assert client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "no such"}).status_code == 500


def test_override_settings_are_used_and_restored(client: TestClient, webui: Any) -> None:
    webui.opts.data["CLIP_stop_at_last_layers"] = 1
    answer = client.post("/sdapi/v1/txt2img", json={**SMALL, "override_settings": {"CLIP_stop_at_last_layers": 2}})
    assert json.loads(answer.json()["info"])["clip_skip"] == 2
    assert webui.opts.CLIP_stop_at_last_layers == 1


def test_png_info_reads_what_txt2img_wrote(client: TestClient) -> None:
    painted = client.post("/sdapi/v1/txt2img", json=SMALL).json()["images"][0]
    answer = client.post("/sdapi/v1/png-info", json={"image": painted}).json()
    assert answer["parameters"]["Prompt"] == "a cat" and answer["parameters"]["Seed"] == "5"
    empty = client.post("/sdapi/v1/png-info", json={"image": encoded()}).json()
    assert empty["info"] == ""


def test_lists(client: TestClient) -> None:
    def names(path: str, key: str = "name") -> list[str]:
        answer = client.get(f"/sdapi/v1/{path}")
        assert answer.status_code == 200, answer.text
        return [item[key] for item in answer.json()]

    assert {"Euler", "Euler a", "DDIM", "UniPC"} <= set(names("samplers"))
    assert "automatic" in names("schedulers")
    assert "Latent" in names("latent-upscale-modes")
    assert "tiny" in names("sd-models", "model_name")
    assert "alt-mse.safetensors" in names("sd-vae", "model_name")
    assert "seed" in names("script-info")
    assert "x/y/z plot" in client.get("/sdapi/v1/scripts").json()["img2img"]
    for path in ("upscalers", "prompt-styles", "embeddings", "cmd-flags", "memory"):
        assert client.get(f"/sdapi/v1/{path}").status_code == 200, path


def test_progress_interrupt_and_skip(client: TestClient, webui: Any) -> None:
    webui.state.end()
    assert client.get("/sdapi/v1/progress").json()["progress"] == 0
    assert client.post("/sdapi/v1/interrupt").status_code == 200
    assert client.post("/sdapi/v1/skip").status_code == 200
    assert webui.state.interrupted and webui.state.skipped


def test_refresh_and_reload(client: TestClient) -> None:
    for path in ("refresh-checkpoints", "refresh-vae", "refresh-embeddings", "reload-checkpoint"):
        assert client.post(f"/sdapi/v1/{path}").status_code == 200, path


def test_api_auth_asks_for_the_password(webui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webui.cmd_opts, "api_auth", "eve:secret")
    app = FastAPI()
    importlib.import_module("webui").create_api(app)
    with TestClient(app) as client:
        assert client.get("/sdapi/v1/samplers").status_code == 401
        assert client.get("/sdapi/v1/samplers", auth=("eve", "wrong")).status_code == 401
        assert client.get("/sdapi/v1/samplers", auth=("eve", "secret")).status_code == 200


def test_xyz_plot_through_the_api(client: TestClient) -> None:
    info = next(s for s in client.get("/sdapi/v1/script-info").json() if s["name"] == "x/y/z plot")
    args = [a["value"] for a in info["args"]]
    types = info["args"][0]["choices"]
    args[0], args[1] = types.index("Seed"), "1-2"
    args[3], args[4] = types.index("Steps"), "1,2"
    args[6], args[2], args[5], args[8] = 0, [], [], []
    lone = next(i for i, a in enumerate(info["args"]) if a["label"] == "Include Sub Images")
    args[lone] = True
    answer = client.post("/sdapi/v1/txt2img", json={**SMALL, "script_name": "x/y/z plot", "script_args": args})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["images"]) == 1 + 4
    grid = picture(answer.json())
    assert grid.width > 128 and grid.height > 128, "two by two cells and their labels"
    infotext = json.loads(answer.json()["info"])["infotexts"][0]
    assert "X Type: Seed" in infotext and 'Y Values: "1,2"' in infotext
