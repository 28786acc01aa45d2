"""Starts the pocket WebUI in a process of its own and runs one set of scenes; prints their results as JSON.

Usage: python pocket_run.py SCENES DATA_DIR [--extension DIR]. SCENES is a function of this file. The extension is
loaded by the WebUI alone: the checkout is on sys.path only while `pocket_webui` itself is imported.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import sys
import time
from pathlib import Path

from PIL import Image

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRESS = r".*\d+/\d+ \[.*\]|.*\dit \[.*\]"
NATIVE = "[a cat:a (dog:1.2):0.5] AND a hat"


def start(data: str, extra: list[str]) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # small models are many times faster so on a busy machine
    sys.path.insert(0, str(CHECKOUT))
    import pocket_webui  # noqa: F401
    from pocket_webui.nets import checkpoint

    sys.path[0] = str(CHECKOUT / "pocket_webui" / "webui")
    model = Path(data) / "models" / "Stable-diffusion" / "tiny.safetensors"
    if not model.exists():
        model.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.random_checkpoint(model)
    from modules import initialize

    flags = ["--data-dir", data, "--ckpt", str(model), "--skip-install", "--use-cpu", "all", "--no-half", "--api"]
    initialize.start(headless=True, args=[*flags, *extra])


def job(args=None, prompt=NATIVE, steps=6, sampler="Euler a", **values):
    """A job as the page would send it, with our panel's `args` when our script is there; img2img if `init_images`."""
    from modules import initialize, processing, scripts, shared

    repaint = "init_images" in values
    if values.get("enable_hr") and shared.cmd_opts.host_mode == "forge":  # its page sends these, its API needs them
        values = {"hr_additional_modules": ["Use same choices"], "hr_cfg": 7.0, **values}
    make = processing.StableDiffusionProcessingImg2Img if repaint else processing.StableDiffusionProcessingTxt2Img
    p = make(
        sd_model=shared.sd_model,
        do_not_save_samples=True,
        do_not_save_grid=True,
        **{
            "prompt": prompt,
            "seed": 7,
            "steps": steps,
            "width": 64,
            "height": 64,
            "sampler_name": sampler,
            "scheduler": "Automatic",
            **values,
        },
    )
    p.is_api = True  # else the page's own Sampler and Seed scripts overwrite steps, sampler and seed
    p.scripts = scripts.scripts_img2img if repaint else scripts.scripts_txt2img
    p.script_args = initialize.script_defaults(repaint)
    ours = ours_of(p.scripts)
    if ours and args is not None:
        p.script_args[ours.args_from : ours.args_from + len(args)] = args
    return p


def ours_of(runner):
    return next((script for script in runner.alwayson_scripts if script.title() == "VAE Face"), None)


def process(p) -> dict:
    """Paint, and tell what came of it; "console" is what it said beside progress."""
    from modules import processing

    console = io.StringIO()
    with contextlib.redirect_stderr(console), contextlib.redirect_stdout(console):
        done = processing.process_images(p)
    return {
        "pixels": [hashlib.sha256(image.tobytes()).hexdigest() for image in done.images],
        "infotexts": done.infotexts,
        "ours": [ours(text) for text in done.infotexts],
        "comments": done.comments,
        "console": [line for line in console.getvalue().splitlines() if re.search(r"\w", re.sub(PROGRESS, "", line))],
    }


def ours(text: str) -> dict:
    from modules import infotext_utils

    try:
        parameters = infotext_utils.parse_generation_parameters(text)
    except ValueError:  # the WebUI cannot read a prompt like (a:1.2.3) back
        return {}
    return {key: json.loads(value) for key, value in parameters.items() if key.startswith("VAE Face")}


JOBS = {
    "plain": {},
    "heun": {"sampler": "Heun", "steps": 4},
    "batches": {"batch_size": 2, "n_iter": 2},
    "hires": {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.6, "hr_upscaler": "Latent"},
    "img2img": {"init_images": [Image.linear_gradient("L").convert("RGB").resize((64, 64))], "steps": 8},
}


def native() -> dict:
    return {name: process(job(**values)) for name, values in JOBS.items()}


def off() -> dict:
    return {name: process(job([False], **values)) for name, values in JOBS.items()}


def on() -> dict:
    results = {name: process(job([True], **values)) for name, values in JOBS.items()}
    results["exact"] = process(job([True, True, "exact"], **JOBS["heun"]))
    results["ddim"] = process(job([True, True, "exact"], prompt="a [cat|dog]", sampler="DDIM", steps=20))
    results["dict"] = process(job([{"timing": "exact", "colour": "red"}]))
    return results


def failing() -> dict:
    """Our code raises in every place it can; the library is found in sys.modules, where the WebUI left it."""
    session = sys.modules["lib_vaeface.session.generation"]
    results = {}
    for owner, name in (
        (sys.modules["lib_vaeface.schedule.trace"].Trace, "record"),
        (sys.modules["lib_vaeface.schedule.trace"].Trace, "summary"),
        (session.Session, "before_process"),
        (session.Session, "before_process_batch"),
        (session.Session, "postprocess"),
    ):
        kept = getattr(owner, name)
        setattr(owner, name, lambda *_, **__: 1 / 0)
        results[name] = process(job([True]))
        setattr(owner, name, kept)
    results["afterwards"] = process(job([True]))
    return results


def nested() -> dict:
    """Another extension paints inside our generation with the same scripts and our switch on, then one dies."""
    from modules import processing, scripts

    inner: list[dict] = []

    class Other(scripts.Script):
        filename = "other.py"

        def postprocess_image(self, p, pp, *args):
            if not inner:
                inner.append({})
                inner[0] = process(job([True, True, "exact"], prompt="a dog", steps=3))

    other = Other()
    other.args_from = other.args_to = 0
    scripts.scripts_txt2img.alwayson_scripts.append(other)
    scripts.scripts_txt2img.callback_map.clear()
    outer = process(job([True]))
    scripts.scripts_txt2img.alwayson_scripts.remove(other)
    scripts.scripts_txt2img.callback_map.clear()

    dying = job([True])
    dying.sample = lambda *_, **__: 1 / 0
    with contextlib.suppress(ZeroDivisionError):
        processing.process_images(dying)
    return {"outer": outer, "inner": inner[0], "after a death": process(job([True]))}


def page() -> dict:
    """ui() again and again, Reload UI, the HTTP API, the cost of loading and of a call."""
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    import webui
    from modules import script_callbacks, script_loading, scripts, shared

    runner = scripts.scripts_txt2img
    script = ours_of(runner)
    found = {"labels": [c.label for c in script.controls], "ids": [c.elem_id for c in script.controls]}
    found["classes"] = [d.script_class.__name__ for d in scripts.scripts_data if d.path.endswith("vaeface.py")]
    found["option"] = shared.opts.vaeface_record_calls
    found["checkout on sys.path"] = str(CHECKOUT) in sys.path

    app = FastAPI()
    webui.create_api(app)
    client = TestClient(app)
    body = {"prompt": NATIVE, "steps": 6, "width": 64, "height": 64, "seed": 7, "sampler_name": "Euler a"}
    painted = client.post("/sdapi/v1/txt2img", json={**body, "alwayson_scripts": {"vae face": {"args": [True]}}})
    text = json.loads(painted.json()["info"])["infotexts"][0]
    pasted = client.post("/sdapi/v1/txt2img", json={**body, "infotext": text.replace("webui", "exact")})
    found["api"] = [painted.status_code, ours(text)]
    found["api pasted"] = [pasted.status_code, ours(json.loads(pasted.json()["info"])["infotexts"][0])]
    found["api off"] = ours(json.loads(client.post("/sdapi/v1/txt2img", json=body).json()["info"])["infotexts"][0])
    found["script-info"] = [
        [a["label"] for a in s["args"]] for s in client.get("/sdapi/v1/script-info").json() if s["name"] == "vae face"
    ]

    found["callbacks"] = []
    for _ in range(3):
        registered = script_callbacks.callback_map["callbacks_cfg_denoiser"]
        found["callbacks"].append(len([c for c in registered if c.name.endswith("/vaeface")]))
        script_callbacks.script_unloaded_callback()
        found["callbacks"].append(len([c for c in registered if c.name.endswith("/vaeface")]))
        scripts.load_scripts()
    path = str(CHECKOUT / "scripts" / "vaeface.py")
    sys.path.insert(0, str(CHECKOUT))
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "lib_vaeface"}
    begin = time.perf_counter()
    script_loading.load_module(path)
    found["seconds to load"] = time.perf_counter() - begin
    sys.modules.update(kept)
    return found


def faces_together() -> None:
    """From now on as many faces in a batch as on a GPU; on a CPU they are painted one by one."""
    vars(sys.modules["lib_vaeface.session.faces"])["at_once"] = lambda device: 8


def main(scenes_of, prepare=lambda data: None):
    """Run the scenes that the command line names and print what they tell. scenes_of: globals() of a file of scenes."""
    scenes, data, *flags = sys.argv[1:]
    with contextlib.redirect_stdout(sys.stderr):
        start(data, flags)
        prepare(Path(data))
        results = {name: scenes_of[name]() for name in scenes.split(",")}
    print(json.dumps(results))


if __name__ == "__main__":
    main(globals())
