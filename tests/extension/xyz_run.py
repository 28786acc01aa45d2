"""Scenes of the X/Y/Z plot and the API, in a pocket WebUI of its own: `python xyz_run.py SCENES DATA_DIR`."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
import pocket_run
import vae_run

BODY = {"prompt": "a [cat:dog:0.5], hat", "steps": 4, "width": 64, "height": 64, "seed": 7, "sampler_name": "Euler a"}
FACES = {"faces": True, "face_boxes": "0.2,0.2,0.8,0.8", "face_vae": "Same"}


def client(flags=None):
    """Of the WebUI's API; flags: changes to its command line."""
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    import webui
    from modules import script_callbacks, shared

    kept = {name: getattr(shared.cmd_opts, name, None) for name in flags or {}}
    vars(shared.cmd_opts).update(flags or {})
    app = FastAPI()
    webui.create_api(app)
    script_callbacks.app_started_callback(None, app)
    vars(shared.cmd_opts).update(kept)
    return TestClient(app, raise_server_exceptions=False)


def plot_module():
    from modules import scripts

    return next(d.module for d in scripts.scripts_data if hasattr(d.module, "axis_options"))


def number(label: str, repaint=False) -> int:
    """Of an axis in the plot's list, with our prefix."""
    from modules import scripts

    runner = scripts.scripts_img2img if repaint else scripts.scripts_txt2img
    script = next(one for one in runner.selectable_scripts if one.title() == "X/Y/Z plot")
    names = [option.label for option in script.current_axis_options]
    return names.index(label if label in names else f"[VAE Face] {label}")


def axis(label: str, values: list, repaint=False) -> list:
    import csv

    if not label:
        return [0, "", []]
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return [number(label, repaint), line.getvalue().strip(), [str(value) for value in values]]


@contextlib.contextmanager
def counted():
    """How often the model is called, by anyone."""
    from modules import script_callbacks

    calls = []

    def count(params):
        calls.append(params.denoiser.step)

    script_callbacks.on_cfg_denoiser(count, name="counted")
    yield calls
    script_callbacks.remove_callbacks_for_function(count)


def post(api, body: dict, path="txt2img") -> dict:
    """Pictures as hashes, infotexts of ours, and the model's calls."""
    with counted() as calls, contextlib.redirect_stderr(io.StringIO()) as said:
        answer = api.post(f"/sdapi/v1/{path}", json=body)
    found = {"status": answer.status_code, "calls": len(calls), "said": said.getvalue()[-3000:]}
    if answer.status_code != 200:
        return {**found, "error": answer.text[:2000]}
    told = answer.json()
    images = [Image.open(io.BytesIO(base64.b64decode(one))) for one in told["images"]]
    info = json.loads(told["info"])
    return {
        **found,
        "pixels": [hashlib.sha256(one.convert("RGB").tobytes()).hexdigest() for one in images],
        "infotexts": info["infotexts"],
        "ours": [pocket_run.ours(text) for text in info["infotexts"]],
        "size": images[0].size if images else None,
    }


def plot(api, x, y=("", []), z=("", []), ours=None, path="txt2img", **more) -> dict:
    """A plot with all its cells; the cells' pictures begin behind the grid."""
    axes = [part for label, values in (x, y, z) for part in axis(label, values, path == "img2img")]
    rest = [True, True, False, False, False, False, False, 0, False]
    scripts = {"alwayson_scripts": {"VAE Face": {"args": [ours]}}} if ours is not None else {}
    found = post(api, {**BODY, "script_name": "x/y/z plot", "script_args": [*axes, *rest], **scripts, **more}, path)
    if "pixels" in found:
        found["pixels"], found["ours"] = found["pixels"][1:], found["ours"][1:]
        found["grid"], found["texts"] = found["infotexts"][0], found["infotexts"][1:]
    return found


def single(api, settings=None, path="txt2img", **more) -> dict:
    scripts = {"alwayson_scripts": {"VAE Face": {"args": [settings]}}} if settings is not None else {}
    return post(api, {**BODY, **scripts, **more}, path)


def axes() -> dict:
    """What the plot offers, when asked again, and after "Reload UI"."""
    from modules import script_callbacks, scripts

    def labels():
        return [option.label for option in plot_module().axis_options if "VAE Face" in option.label]

    found = {"first": labels()}
    script_callbacks.before_ui_callback()
    found["again"] = labels()
    script_callbacks.script_unloaded_callback()
    scripts.load_scripts()
    script_callbacks.before_ui_callback()
    found["reloaded"] = labels()
    options = {option.label: option for option in plot_module().axis_options}
    ours = {name: option for name, option in options.items() if name.startswith("[VAE Face]")}
    found["choices"] = {name: option.choices() if option.choices else None for name, option in ours.items()}
    found["kinds"] = {name: option.type.__name__ for name, option in ours.items()}
    found["costs"] = {name: option.cost for name, option in ours.items()}
    found["shown"] = ours["[VAE Face] Refine"].format_value(None, ours["[VAE Face] Refine"], 0.1 + 0.2)
    found["refused"] = {}
    for name, value in (
        ("Refine", 1.5), ("Refine", float("nan")), ("VAE file", "gone.safetensors"), ("Timing", "slow"),
        ("Enabled", "perhaps"), ("Sampler of faces", "Best"), ("Steps of faces", -3),
    ):  # fmt: skip
        try:
            ours[f"[VAE Face] {name}"].confirm(None, [value])
        except ValueError as error:
            found["refused"][f"{name} {value}"] = str(error)
    for name, value in (("VAE file", "tuned"), ("VAE file", "Built-in"), ("Enabled", "false"), ("Refine", 0.5)):
        ours[f"[VAE Face] {name}"].confirm(None, [value])
    return found


def vaes() -> dict:
    """A plot of VAEs with the extension off on the panel, and the single requests that its cells stand for."""
    api, names = client(), ["Built-in", "same.safetensors", "tuned.safetensors"]
    found = {"plot": plot(api, ("VAE file", names)), "batches": {}}
    found["single"] = [single(api, {"vae": True, "vae_name": name, "schedule": False}) for name in names]
    found["own"] = single(api)
    more = {"batch_size": 2, "n_iter": 2}
    found["seeds"] = plot(api, ("Seed", [7, 8]), ("VAE file", names[1:]), ours={"timing": "exact"})
    found["seeds single"] = [
        single(api, {"timing": "exact", "vae": True, "vae_name": name}, seed=seed)
        for name in names[1:] for seed in (7, 8)
    ]  # fmt: skip
    found["batches"] = plot(api, ("VAE file", names[1:]), ours={}, **more)
    found["batches single"] = single(api, {"vae": True, "vae_name": names[2]}, **more)
    return found


def samples() -> dict:
    """What changes latents is sampled; also a cell after a job that was no cell."""
    api, two = client(), ["same.safetensors", "tuned.safetensors"]
    hires = {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.6, "hr_upscaler": "Latent"}
    buffer = io.BytesIO()
    pocket_run.JOBS["img2img"]["init_images"][0].save(buffer, "PNG")
    picture = {"init_images": [base64.b64encode(buffer.getvalue()).decode()], "denoising_strength": 0.5}
    found = {
        "timing": plot(api, ("Timing", ["webui", "exact"])),
        "enabled": plot(api, ("Enabled", ["True", "False"]), ours={"vae": True, "vae_name": two[1]}),
        "hires": plot(api, ("VAE file", two), **hires),
        "img2img": plot(api, ("VAE file", two), path="img2img", **picture),
        "steps": plot(api, ("Steps", [3, 4]), ("VAE file", two)),
        "faces": plot(api, ("Match of tone", ["0", "1"]), ours=FACES),
        "eta": plot(api, ("Eta", ["0.5", "0.7"]), ("VAE file", two)),
        "bad": plot(api, ("Refine", ["0.5", "7"])),
    }
    found["eta single"] = [single(api, {"schedule": False}, eta=eta) for eta in (0.5, 0.7)]
    found["left"] = len(sys.modules["lib_vaeface.session.cells"].KEPT.found)
    return found


@contextlib.contextmanager
def guest(**hooks):
    """Another extension's script with these hooks, last in the row."""
    from modules import scripts

    runner = scripts.scripts_txt2img
    script = type("Guest", (scripts.Script,), {"filename": "guest.py", **hooks})()
    script.args_from = script.args_to = 0
    runner.alwayson_scripts.append(script)
    runner.callback_map.clear()
    yield
    runner.alwayson_scripts.remove(script)
    runner.callback_map.clear()


def guests() -> dict:
    """Others that paint a copy of a cell's job in it, that have taken its sampling, or that die in it."""
    from copy import copy

    from modules import processing

    api, two, inner = client(), ["same.safetensors", "tuned.safetensors"], []

    def paint_a_copy(script, p, *args, **keywords):
        other = copy(p)
        other.scripts_value, other.extra_generation_params = None, {}
        done = processing.process_images(other)
        inner.append(hashlib.sha256(done.images[0].convert("RGB").tobytes()).hexdigest())

    def take(script, p, *args, **keywords):
        own = p.sample
        p.sample = lambda *a, **k: own(*a, **k) * 1.0

    def die(script, p, *args, **keywords):
        raise RuntimeError("in a hook")

    def broken(job, latents, left):
        raise RuntimeError("kept latents are gone")

    found = {}
    with guest(process_batch=paint_a_copy):
        found["copies"] = plot(api, ("VAE file", two))
    found["inner"] = inner
    with guest(process_batch=take):
        found["taken"] = plot(api, ("VAE file", two))
    with guest(process_batch=die):
        found["errors"] = plot(api, ("VAE file", two))
    webui = sys.modules["lib_vaeface.host"].current()
    webui.as_sampled = broken
    found["broken"] = plot(api, ("VAE file", two))
    del webui.as_sampled
    found["single"] = [single(api, {"vae": True, "vae_name": name, "schedule": False}) for name in two]
    found["own"] = single(api)
    return found


def forge() -> dict:
    """Plots of VAEs on model parts, also where another extension has put its own VAE among them."""
    from copy import copy

    from modules import shared

    def put(script, p, *args, **keywords):
        objects = shared.sd_model.forge_objects
        objects.vae = copy(objects.vae)
        objects.vae.decode = lambda latents: type(objects.vae).decode(objects.vae, latents) * 0.5

    api, names = client(), ["tuned.safetensors", "Built-in"]

    def both() -> dict:
        singles = [single(api, {"vae": True, "vae_name": name, "schedule": False}) for name in names]
        return {"plot": plot(api, ("VAE file", names)), "single": singles}

    found = {"alone": both(), "batches": plot(api, ("VAE file", names), ours={}, batch_size=2, n_iter=2)}
    with guest(process_before_every_sampling=put):
        found["put where it counts"] = both()
    with guest(process_batch=put):
        found["put where it is lost"] = both()
    return found


if __name__ == "__main__":
    pocket_run.main(globals(), vae_run.write_files)
