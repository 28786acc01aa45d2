"""Scenes of picking a VAE, run in a pocket WebUI of its own: `python vae_run.py SCENES DATA_DIR`, see pocket_run."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import pocket_run

JOBS = {
    "plain": {},
    "batches": pocket_run.JOBS["batches"],
    "hires": pocket_run.JOBS["hires"],
    "img2img": pocket_run.JOBS["img2img"],
    "tiling": {"tiling": True},
}
PIXEL_HIRES = {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.6, "hr_upscaler": "Lanczos"}
BAD = ("other.safetensors", "sixteen.safetensors", "cut.safetensors", "nan.safetensors", "old.pt", "nothing")


def write_files(data: Path) -> None:
    """A copy of the model's own VAE, a fine-tune of its decoder, and files that must never be used."""
    import torch
    from safetensors.torch import save_file

    from modules import sd_models, sd_vae, shared
    from pocket_webui.nets import checkpoint

    folder = data / "models" / "VAE"
    folder.mkdir(parents=True, exist_ok=True)
    if forge():
        sd_models.forge_model_reload()  # else the first picture loads it
    own = {key: value.clone().contiguous() for key, value in module().state_dict().items()}
    torch.manual_seed(1)
    tuned = {key: _nudged(value) if key.startswith("decoder") else value for key, value in own.items()}
    broken = {**tuned, "decoder.conv_out.weight": tuned["decoder.conv_out.weight"] * float("nan")}
    save_file(own, str(folder / "same.safetensors"))
    save_file(tuned, str(folder / "tuned.safetensors"))
    save_file({key: value.half() for key, value in tuned.items()}, str(folder / "renamed.safetensors"))
    save_file(broken, str(folder / "nan.safetensors"))
    checkpoint.random_vae(folder / "other.safetensors", seed=9)
    checkpoint.random_vae(folder / "sixteen.safetensors", seed=9, z=16)
    (folder / "cut.safetensors").write_bytes((folder / "same.safetensors").read_bytes()[:5000])
    torch.save(own, folder / "old.pt")
    sd_vae.refresh_vae_list()
    shared.opts.data["forge_additional_modules"] = []
    shared.opts.data["sd_vae"] = "Automatic"  # a never saved option's override would stick (facts, "VAE")


def write_fine_tune() -> Path:
    """`write_files`, with the fine-tune under a name that says so. The folder."""
    from modules import sd_vae

    data = Path(sys.argv[2])
    write_files(data)
    folder = data / "models" / "VAE"
    (folder / "tuned.safetensors").rename(folder / "vae-ft-mse.safetensors")
    sd_vae.refresh_vae_list()
    return folder


def _nudged(value):
    import torch

    return value + 0.05 * value.std() * torch.randn_like(value) if value.numel() > 1 else value


def forge() -> bool:
    from modules import shared

    return shared.cmd_opts.host_mode == "forge"


def module():
    from modules import shared

    return (shared.sd_model.network if forge() else shared.sd_model).first_stage_model


def by_host(name: str) -> dict:
    """The host's own way to another VAE for one job."""
    return {"forge_additional_modules": [name]} if forge() else {"sd_vae": name}


def state() -> list:
    """The host's VAE: its weights, and what is shadowed on it."""
    from modules import shared

    names = set(vars(module())) | set(vars(shared.sd_model))
    weights = hashlib.sha256(b"".join(v.cpu().numpy().tobytes() for v in module().state_dict().values()))
    return [weights.hexdigest(), sorted(names & {"encode", "decode", "decode_first_stage", "encode_first_stage"})]


def painted(args=None, **values) -> dict:
    """What `pocket_run.process` tells, the pictures as numbers, and the host's VAE afterwards."""
    import numpy as np

    from modules import processing

    p = pocket_run.job(args, **values)
    with contextlib.redirect_stderr(io.StringIO()):
        done = processing.process_images(p)
    return {
        "pictures": [np.asarray(image).astype(int).ravel().tolist() for image in done.images],
        "ours": pocket_run.ours(done.infotexts[0]),
        "comments": done.comments,
        "state": state(),
    }


def picked(name: str, **values) -> dict:
    settings = {"vae": True, "vae_name": name, **values.pop("settings", {})}
    return painted([settings], **values)


def picks() -> dict:
    found = {"before": state()}
    for name, values in JOBS.items():
        found[name] = {
            "own": painted([False], **values),
            "host tuned": painted([False], override_settings=by_host("tuned.safetensors"), **values),
            "same": picked("same.safetensors", **values),
            "tuned": picked("tuned.safetensors", **values),
        }
    return found


def refusals() -> dict:
    return {name: picked(name) for name in BAD}


def automatic() -> dict:
    """What was picked last for the checkpoint comes again; a hash finds a renamed copy."""
    chosen = picked("tuned.safetensors")
    again = picked("Automatic")
    renamed = picked("gone.safetensors", settings={"vae_hash": chosen["ours"]["VAE Face VAE"]["hash"]})
    stranger = picked("tuned.safetensors", override_settings=by_host("other.safetensors"))
    found = {"chosen": chosen, "again": again, "renamed": renamed, "beside a stranger": stranger}
    return {**found, "built-in": picked("Built-in")}


def between() -> dict:
    """Hires fix that upscales pixels: the first pass's picture is rounded, and the second pass may have its own VAE."""
    from modules import shared

    seen = []
    keep = shared.sd_model.decode_first_stage

    def watch(*args, **keywords):
        found = keep(*args, **keywords)
        seen.append(float(found.mean()))
        return found

    shared.sd_model.decode_first_stage = watch
    one = picked("same.safetensors", **PIXEL_HIRES)
    first = list(seen)
    seen.clear()
    own = painted([False], **PIXEL_HIRES)
    del shared.sd_model.decode_first_stage
    hires = picked("Built-in", settings={"vae_hires": "tuned.safetensors"}, **PIXEL_HIRES)
    return {"one": one, "own": own, "hires": hires, "means": [first, list(seen)]}


def failures() -> dict:
    """The picked codec fails in the middle; a job dies; another job paints inside ours."""
    from modules import processing

    codec = sys.modules["lib_vaeface.vae.codec"].Autoencoder
    keep = codec.decode_raw
    codec.decode_raw = lambda *_: 1 / 0
    broken = picked("same.safetensors")
    codec.decode_raw = keep
    settings = {"vae": True, "vae_name": "tuned.safetensors"}
    dying = pocket_run.job([settings])
    dying.sample = lambda *_, **__: 1 / 0
    with contextlib.suppress(ZeroDivisionError), contextlib.redirect_stderr(io.StringIO()):
        processing.process_images(dying)
    left = state()
    dying.close()
    closed = [state(), "close" in vars(dying)]
    return {"broken": broken, "left": left, "closed": closed, "copied": _copies_closed(settings),
            "tuned": picked("tuned.safetensors"), "afterwards": painted([False]), "own": painted([False])}


def _copies_closed(settings: dict) -> dict:
    """A job of which another extension closes a copy before it is decoded."""
    import numpy as np

    from modules import processing

    job = pocket_run.job([settings])
    sample = job.sample

    def closing(*args, **keywords):
        copy.copy(job).close()
        return sample(*args, **keywords)

    job.sample = closing
    with contextlib.closing(job), contextlib.redirect_stderr(io.StringIO()):
        done = processing.process_images(job)
    return {"pictures": [np.asarray(image).astype(int).ravel().tolist() for image in done.images]}


def previews() -> dict:
    """Live previews in full quality, made by another thread as for the page: with the picked VAE as with the host's."""
    import threading

    import numpy as np

    from modules import sd_samplers_common, shared

    kept, store, seen = shared.opts.data.get("show_progress_type"), sd_samplers_common.store_latent, []

    def stored(latent) -> None:
        store(latent)
        thread = threading.Thread(target=shared.state.do_set_current_image)
        thread.start()
        thread.join()
        seen.append(np.asarray(shared.state.current_image).astype(int).ravel().tolist())

    def watched(**values) -> list:
        seen.clear()
        shared.state.begin("test")
        painted(**values)
        shared.state.end()
        return list(seen)

    shared.opts.data["show_progress_type"] = "Full"
    sd_samplers_common.store_latent = stored
    try:
        return {
            "own": watched(args=[False]),
            "host tuned": watched(args=[False], override_settings={"sd_vae": "tuned.safetensors"}),
            "tuned": watched(args=[{"vae": True, "vae_name": "tuned.safetensors"}]),
        }
    finally:
        sd_samplers_common.store_latent = store
        shared.opts.data["show_progress_type"] = kept or "Approx NN"


def hundred() -> dict:
    """A hundred picks in a row of good and bad files, some through files that break while they are read."""
    import random

    host, vaes = sys.modules["lib_vaeface.host"].current(), sys.modules["lib_vaeface.session.vaes"]
    folder = Path(sys.argv[2]) / "models" / "VAE"
    whole, rng, before = (folder / "same.safetensors").read_bytes(), random.Random(4), state()
    used, refused, same = 0, 0, True
    for number in range(100):
        name = rng.choice((*BAD, "same.safetensors", "tuned.safetensors", "broken.safetensors"))
        if name == "broken.safetensors":
            cut = bytearray(whole[: rng.randrange(len(whole))])
            place = rng.randrange(min(len(cut), 4000) or 1)
            cut[place : place + 1] = bytes([rng.randrange(256)])
            (folder / name).write_bytes(bytes(cut))
        pick = vaes.picker().pick(name, host.vae(None))
        used += pick.codec is not None
        refused += pick.refused
        assert pick.codec is not None or pick.why, name
        same = same and (number % 10 or state() == before)
    (folder / "broken.safetensors").unlink(missing_ok=True)
    return {"used": used, "refused": refused, "same": bool(same and state() == before)}


if __name__ == "__main__":
    pocket_run.main(globals(), write_files)
