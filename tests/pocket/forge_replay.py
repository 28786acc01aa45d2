"""Replays a file of recorded scenarios on the pocket WebUI in Forge mode, in a process of its own, through its API.

Usage: python forge_replay.py RECORDING DATA_DIR. Prints {scenario: trace} as JSON. A process has one mode for good.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from tests.extension.pocket_run import start  # noqa: E402
from tests.pocket.jobs import centred_mask, encoded, gradient  # noqa: E402

IN_MODE = ("setup", "before_", "after_", "process", "post", "on_mask_blend")


def probe() -> object:
    """The probe extension, that notes what the recording of Forge notes."""
    import torch

    from modules import scripts

    data = next(data for data in scripts.scripts_data if data.script_class.__name__ == "Probe")
    module, kept = data.module, data.module.note

    def note(hook, **values):
        if hook == "schedules_built":
            return
        if hook.startswith(IN_MODE):
            values["inference_mode"] = torch.is_inference_mode_enabled()
        values.pop("is_final_blend", None)
        values.pop("ckpt", None)
        if hook == "on_cfg_denoiser":
            values["text_uncond_rows"] = values["text_uncond_rows"] or ""
        kept(hook, **values)

    module.note = note
    module.parse_and_note.__globals__["note"] = note
    data.script_class.before_process_init_images = lambda self, p, pp, *args: note("before_process_init_images")
    return module


def request(entry: dict) -> dict:
    pictures = {}
    if entry["endpoint"] == "img2img":
        pictures["init_images"] = [encoded(gradient())]
    if entry["scenario"].startswith("inpaint"):
        pictures["mask"] = encoded(centred_mask())
    return {**entry["request"], **pictures}


def replay(recording: Path) -> dict:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    module = probe()

    def add_sigma(params):
        module.trace[-1]["sigma"] = module.shape(params.sigma)

    app = FastAPI()
    importlib.import_module("webui").create_api(app)
    client, traces = TestClient(app), {}
    for entry in map(json.loads, recording.read_text("utf8").splitlines()):
        module.start(on_cfg_denoiser=add_sigma)
        answer = client.post(f"/sdapi/v1/{entry['endpoint']}", json=request(entry))
        assert answer.status_code == 200, (entry["scenario"], answer.text)
        traces[entry["scenario"]] = module.stop()
    return traces


if __name__ == "__main__":
    start(sys.argv[2], ["--host-mode", "forge", "--no-hashing", "--extension",
                        str(CHECKOUT / "tests" / "fixtures" / "extensions" / "probe")])  # fmt: skip
    print(json.dumps(replay(Path(sys.argv[1]))))
