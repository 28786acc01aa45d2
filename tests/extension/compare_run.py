"""Scenes of decoding with every fitting VAE, and of presets: `compare_run.py SCENES DATA_DIR`, see pocket_run."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import pocket_run
import vae_run

COMPARE = {"vae": True, "vae_name": "Built-in", "vae_compare": True}
BATCH = {"batch_size": 2, "n_iter": 2}
NAMES = ["127.0.0.1", "localhost", "::1", "0.0.0.0", "192.168.1.5", "::", "paint.example", "127.0.0.1.example"]


def painted(settings, **values) -> dict:
    from modules import processing, shared

    calls: list[int] = []
    p = pocket_run.job([settings] if settings else [False], **values)
    forward = shared.sd_model.apply_model
    shared.sd_model.apply_model = lambda *a, **k: calls.append(1) or forward(*a, **k)
    with contextlib.redirect_stderr(io.StringIO()):
        done = processing.process_images(p)
    shared.sd_model.apply_model = forward
    return {
        "sizes": [image.size for image in done.images],
        "first": list(done.images[done.index_of_first_image].tobytes()),
        "texts": len(done.infotexts),
        "ours": pocket_run.ours(done.infotexts[done.index_of_first_image]),
        "calls": len(calls),
        "comments": done.comments,
        "state": vae_run.state(),
    }


def compared() -> dict:
    return {
        "off": painted(None, **BATCH),
        "on": painted(COMPARE, **BATCH),
        "with faces": painted({**COMPARE, "faces": True}),
        "with a VAE": painted({**COMPARE, "vae_name": "tuned.safetensors"}),
    }


def failing() -> dict:
    comparing = sys.modules["lib_vaeface.session.comparing"]
    real, comparing.contact_sheet = comparing.contact_sheet, lambda found: 1 / 0
    try:
        return {"sheet": painted(COMPARE), "unread": _unread()}
    finally:
        comparing.contact_sheet = real


def _unread() -> str:
    """What is said where one file can't be read when it is its turn."""
    picked = sys.modules["lib_vaeface.vae.picked"]
    real = picked.judge

    def judge(path, *args, **keywords):
        if path.name == "same.safetensors":
            raise OSError(f"{path.name}: the disk is gone")
        return real(path, *args, **keywords)

    picked.judge = judge
    try:
        return painted(COMPARE)["comments"]
    finally:
        picked.judge = real


def stopped() -> dict:
    """The person interrupts while the first VAE decodes."""
    from modules import shared

    comparing = sys.modules["lib_vaeface.session.comparing"]
    real, begun = comparing.decode_each, []

    def interrupted(latents, codecs, *args, **keywords):
        def opened(make):
            def codec():
                begun.append(make)
                shared.state.interrupted = True
                return make()

            return codec

        return real(latents, {name: opened(make) for name, make in codecs.items()}, *args, **keywords)

    comparing.decode_each = interrupted
    try:
        return {**painted(COMPARE), "begun": len(begun)}
    finally:
        comparing.decode_each, shared.state.interrupted = real, False


def presets() -> dict:
    """By the API's dict, from the folder that the option names; and the options where the WebUI can be reached."""
    from modules import cmd_args, script_callbacks, shared  # noqa: F401

    host = sys.modules["lib_vaeface.host"].current()
    folder = Path(sys.argv[2]) / "mine"
    folder.mkdir()
    (folder / "Eyes.json").write_text(json.dumps({"schema": 1, "values": {"faces": True, "face_score": 0.5}}))
    shared.opts.data["vaeface_preset_folder"] = "mine"
    found = {"named": painted({"preset": "Eyes"}), "missing": painted({"preset": "none", "timing": "exact"})}
    found["inside"] = _options()
    shared.cmd_opts.webui_is_non_local = True
    try:
        script_callbacks.ui_settings_callback()
        found["outside"] = [host.reachable_from_outside(), *_options()]
        found["by name"] = [name for name in NAMES if _served_as(host, name)]
    finally:
        shared.cmd_opts.webui_is_non_local = False
    return found


def _served_as(host, name: str) -> bool:
    """Whether a WebUI that was started with this --server-name counts as one that others reach."""
    from modules import shared

    before, shared.cmd_opts.server_name = shared.cmd_opts.server_name, name
    try:
        return host.reachable_from_outside()
    finally:
        shared.cmd_opts.server_name = before


def _options() -> list:
    """Of each private option: whether it is shown, and whether the page and the API could set it."""
    from modules import shared

    told = []
    for name, value in (("vaeface_outside_access", True), ("vaeface_preset_folder", "elsewhere")):
        was = shared.opts.data.get(name)
        shown = (shared.opts.data_labels[name].component_args or {}).get("visible", True)
        told.append([shown, shared.opts.set(name, value), shared.opts.set(name, was or type(value)(), is_api=True)])
        shared.opts.data[name] = was if was is not None else type(value)()
    return told


if __name__ == "__main__":
    pocket_run.main(globals(), vae_run.write_files)
