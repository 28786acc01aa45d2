"""The pocket WebUI, asked through its API, replays what was recorded on AUTOMATIC1111 1.10.1.
Format: tests/fixtures/contracts/README.md.

All scenarios run once, in the order of the file: the cache of encoded prompts belongs to the program, so what a
scenario finds in it is left there by those before (seen in `txt2img_batch2_iter2` and `sdxl_hires`)."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.pocket.jobs import centred_mask, encoded, gradient, settle

FILE = Path(__file__).resolve().parents[1] / "fixtures" / "contracts" / "a1111-1.10.1.jsonl"
SCENARIOS = {entry["scenario"]: entry for entry in map(json.loads, FILE.read_text("utf8").splitlines())}

# What depends on the recording's files: hashes and the program's version.
OF_THE_FILES = re.compile(r"(, )?\b(VAE hash: \w+|Version: [^,]+|Model hash: \w+)| \[[0-9a-f]{10}\]")


def without_width(shape: Any) -> Any:
    """A conditioning's shape without its last number, which is the checkpoint's."""
    if isinstance(shape, dict):
        return {key: part[:-1] for key, part in shape.items()}
    return shape[:-1]


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    """The event without what depends on the recording's checkpoints."""
    event = dict(event)
    for key in ("text_cond", "text_uncond"):
        if key in event:
            event[key] = without_width(event[key])
    if "infotext" in event:
        event["infotext"] = OF_THE_FILES.sub("", event["infotext"])
    return event


def request(entry: dict[str, Any]) -> dict[str, Any]:
    """What was posted, with the picture and the mask that the file leaves out."""
    pictures: dict[str, Any] = {}
    if entry["endpoint"] == "img2img":
        pictures["init_images"] = [encoded(gradient())]
    if entry["scenario"].startswith("inpaint"):
        pictures["mask"] = encoded(centred_mask())
    return {**entry["request"], **pictures}


@pytest.fixture(scope="module")
def replayed(booted: object) -> dict[str, list[dict[str, Any]]]:
    """The trace of each scenario."""
    from modules import scripts, shared

    module = next(data.module for data in scripts.scripts_data if data.script_class.__name__ == "Probe")
    settle()
    before = dict(shared.opts.data)
    app = FastAPI()
    importlib.import_module("webui").create_api(app)
    client, traces = TestClient(app), {}
    for name, entry in SCENARIOS.items():
        module.start()
        answer = client.post(f"/sdapi/v1/{entry['endpoint']}", json=request(entry))
        assert answer.status_code == 200, (name, answer.text)
        traces[name] = module.stop()
    shared.opts.data.clear()
    shared.opts.data.update(before)
    settle()
    return traces


@pytest.mark.parametrize("name", SCENARIOS)
def test_same_hooks_as_the_recording(name: str, replayed: dict[str, list[dict[str, Any]]]) -> None:
    recorded = SCENARIOS[name]["trace"]
    assert [event["hook"] for event in replayed[name]] == [event["hook"] for event in recorded]
    for number, (ours, theirs) in enumerate(zip(replayed[name], recorded, strict=True)):
        assert (number, comparable(ours)) == (number, comparable(json.loads(json.dumps(theirs))))


def test_the_comparison_sees_each_field() -> None:
    """The replay could pass for nothing if `comparable` dropped too much: it keeps every field but the widths."""
    event = next(e for e in SCENARIOS["sdxl_hires"]["trace"] if e["hook"] == "on_cfg_denoiser")
    kept = comparable(event)
    assert kept.keys() == event.keys()
    assert kept["text_cond"] == {"crossattn": [1, 77], "vector": [1]}
    assert {k: v for k, v in kept.items() if k not in ("text_cond", "text_uncond")} == {
        k: v for k, v in event.items() if k not in ("text_cond", "text_uncond")}
    infotext = SCENARIOS["vae_override"]["trace"][-2]["infotext"]
    assert "VAE: alt-mse.safetensors, Probe mode: log" in comparable({"infotext": infotext})["infotext"]
