"""The real A1111 in this process, headless, with this checkout as an extension and a data folder of its own.

Its code is not ours and not in this repository: `--a1111` names a checkout whose `repositories` are in place, and
`--a1111-python` the Python that it runs with. Nothing in that folder is written to.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.flags import ROOT, Flags

MODELS = ROOT / "pocket_webui" / "models"
OPTIONS = (
    "--api", "--nowebui", "--use-cpu", "all", "--no-half", "--skip-torch-cuda-test", "--skip-python-version-check",
    "--skip-install", "--skip-prepare-environment", "--no-download-sd-model", "--skip-version-check",
    "--disable-console-progressbars",
)  # fmt: skip
OFFLINE = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
INSIDE = "VAEFACE_BENCHMARK_INSIDE_A1111"


def elsewhere(asked: Flags, program: str) -> bool:
    """Run the program again with A1111's Python, if this is not that process already; whether that was done."""
    if os.environ.get(INSIDE):
        return False
    environment = {**os.environ, **OFFLINE, INSIDE: "1", "PYTHONWARNINGS": "ignore"}
    command = [asked.a1111_python, "-m", f"benchmarks.{program}", *asked.for_place(["a1111"])]
    if code := subprocess.run(command, cwd=ROOT, env=environment).returncode:
        sys.exit(code)
    return True


def data_folder() -> Path:
    """A new data folder with the pocket model and this extension."""
    data = Path(tempfile.mkdtemp(prefix="vaeface-a1111-"))
    furnish(data)
    return data


def furnish(data: Path, extension: bool = True) -> None:
    """Put the pocket model, whose tokenizer is named by its full path, and this extension into a data folder."""
    models, extensions = data / "models" / "Stable-diffusion", data / "extensions"
    for folder in (models, extensions):
        folder.mkdir(parents=True)
    (models / "pocket.safetensors").symlink_to(MODELS / "pocket.safetensors")
    config = (MODELS / "pocket.yaml").read_text(encoding="utf8")
    told = config.replace("models/Stable-diffusion/pocket-clip", str(MODELS / "pocket-clip"))
    (models / "pocket.yaml").write_text(told, encoding="utf8")
    if extension:
        (extensions / "vaeface").symlink_to(ROOT)


def enter(folder: Path, data: Path, *more: str) -> None:
    """Make this process one in which `modules` are A1111's, as if it had been started with these flags."""
    checkpoint = data / "models" / "Stable-diffusion" / "pocket.safetensors"
    sys.argv = ["webui.py", *OPTIONS, "--data-dir", str(data), "--ckpt", str(checkpoint), *more]
    own = str(ROOT)
    sys.path[:] = [str(folder), *(entry for entry in sys.path if os.path.abspath(entry or os.curdir) != own)]
    os.chdir(folder)


def start(folder: Path, data: Path, *more: str) -> Any:
    """A client of its API, once the model is loaded. Once per process; what it prints goes to stderr."""
    enter(folder, data, *more)
    with contextlib.redirect_stdout(sys.stderr):
        client = _started()
        from modules import shared

        while not getattr(shared.sd_model, "first_stage_model", None):
            time.sleep(0.5)
    return client


def _started() -> Any:
    import torch  # before A1111 looks for it

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    from modules import initialize

    initialize.imports()
    initialize.initialize()
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    import webui
    from modules import script_callbacks

    app = FastAPI()
    webui.create_api(app)
    script_callbacks.before_ui_callback()
    script_callbacks.app_started_callback(None, app)
    return TestClient(app)


def paint(client: Any, body: dict[str, Any], ours: dict[str, Any] | None) -> dict[str, Any]:
    """One txt2img request with our settings, or with us switched off. RuntimeError: it did not give a picture."""
    scripts = {"vae face": {"args": [ours if ours is not None else False]}}
    with contextlib.redirect_stdout(sys.stderr):
        answer = client.post("/sdapi/v1/txt2img", json={**body, "alwayson_scripts": scripts})
    if answer.status_code != 200:
        raise RuntimeError(answer.text[:1000])
    found: dict[str, Any] = answer.json()
    return found
