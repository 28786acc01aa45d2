"""Each option of the settings page, changed while the WebUI runs: `python options_run.py SCENES DATA_DIR`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import pocket_run
import vae_run

OURS = "[a cat:a dog:1,5]"


@contextlib.contextmanager
def option(**values):
    """Options as the settings page leaves them, then as they were."""
    from modules import shared

    before = {name: shared.opts.data.get(f"vaeface_{name}") for name in values}
    shared.opts.data.update({f"vaeface_{name}": value for name, value in values.items()})
    try:
        yield
    finally:
        shared.opts.data.update({f"vaeface_{name}": value for name, value in before.items()})


def used(name: str) -> str:
    return vae_run.picked(name)["ours"]["VAE Face VAE"]["used"]


def page() -> dict:
    """Where the entries stand, and that the settings page can make a control for each."""
    import gradio as gr

    from modules import options, shared, ui_settings

    labels = {name: info for name, info in shared.opts.data_labels.items() if name.startswith("vaeface_")}
    with gr.Blocks():
        controls = {name: type(ui_settings.create_setting_component(name)).__name__ for name in labels}
    return {
        "controls": controls,
        "sections": sorted({(*info.section, info.category_id) for info in labels.values()}),
        "category": options.categories.mapping["vaeface"].label,
        "help": {name: info.comment_after for name, info in labels.items()},
        "default vae": labels["vaeface_default_vae"].component_args()["choices"],
    }


def default_vae() -> dict:
    found = {"none": used("Automatic")}
    with option(default_vae="tuned.safetensors"):
        found["tuned"] = used("Automatic")
    with option(default_vae="other.safetensors"):
        found["unfit"] = used("Automatic")
    with option(default_vae="nothing.safetensors"):
        found["missing"] = used("Automatic")
    return found


def memory() -> dict:
    found = {"picked": used("tuned.safetensors"), "again": used("Automatic")}
    with option(remember_vae=False):
        found["off"] = used("Automatic")
        used("same.safetensors")
        found["nothing new"] = used("Automatic")
    found["forgotten"] = used("Automatic")
    return found


def others() -> dict:
    """What Automatic takes after another VAE was picked for faces, for the hires pass, or for a cell of a plot."""
    found, faces = {}, {"faces": True, "face_boxes": "0.2,0.2,0.8,0.8"}
    found["faces painted by"] = vae_run.picked("Automatic", settings={**faces, "face_vae": "tuned.safetensors"})["ours"]
    found["faces"] = used("Automatic")
    hires = vae_run.picked("same.safetensors", settings={"vae_hires": "tuned.safetensors"}, **pocket_run.JOBS["hires"])
    found["hires painted by"], found["hires"] = hires["ours"], used("Automatic")
    cell = pocket_run.job([{"vae": True}])
    cell._vaeface_axes, cell._vaeface_plot = {"vae_name": "tuned.safetensors"}, object()
    found["cell painted by"], found["cell"] = pocket_run.process(cell)["ours"][0], used("Automatic")
    return found


def limits() -> dict:
    """How many codecs stay open, and whether latents are kept."""
    vaes, kept = sys.modules["lib_vaeface.session.vaes"], sys.modules["lib_vaeface.vae.kept"]
    found = {}
    for gib in (0.0, 2.0):
        with option(vae_gib=gib):
            used("same.safetensors"), used("tuned.safetensors")
            found[f"codecs {gib:g}"] = len(vaes.picker().codecs._kept)
    for mib in (0, 256):
        kept.forget()
        with option(latents_mib=mib):
            pocket_run.process(pocket_run.job([True]))
            found[f"latents {mib}"] = kept.last() is not None
    return found


def syntax() -> dict:
    found = {"off": pocket_run.process(pocket_run.job([False], prompt=OURS))}
    found["ours"] = pocket_run.process(pocket_run.job([True], prompt=OURS))
    with option(native_syntax=True):
        found["native"] = pocket_run.process(pocket_run.job([True], prompt=OURS))
        found["exact"] = pocket_run.process(pocket_run.job([True, True, "exact"], prompt=OURS))
    return found


def timing() -> dict:
    """Of a dict, of positions left open, and of those that say it."""
    with option(timing="exact"):
        asked = {"dict": [{}], "open": [True, True, None], "said": [{"timing": "webui"}]}
        painted = {name: pocket_run.process(pocket_run.job(args)) for name, args in asked.items()}
    with option(timing="tomorrow"):
        painted["nonsense"] = pocket_run.process(pocket_run.job([{}]))
    return {name: done["ours"][0]["VAE Face schedule"]["timing"] for name, done in painted.items()}


if __name__ == "__main__":
    pocket_run.main(globals(), vae_run.write_files)
