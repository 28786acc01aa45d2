"""Scenes of what happens to latents, run in a pocket WebUI: carried to a hires checkpoint of another family, kept in
memory, saved beside pictures. `python latents_run.py SCENES DATA_DIR`, see pocket_run."""

from __future__ import annotations

import contextlib
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import pocket_run
import vae_run

HIRES = {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.5, "hr_upscaler": "Latent"}
VAE = {"vae": True, "vae_name": "Built-in"}


def write_checkpoints(data: Path) -> None:
    """Another family (other VAE), and a twin: another model with the very VAE of the first."""
    import torch
    from safetensors.torch import load_file, save_file

    from modules import sd_models
    from pocket_webui.nets import checkpoint

    folder = data / "models" / "Stable-diffusion"
    checkpoint.random_checkpoint(folder / "stranger.safetensors", seed=5)
    checkpoint.random_checkpoint(folder / "twin.safetensors", seed=6)
    torch.manual_seed(0)
    own = load_file(folder / "tiny.safetensors")
    twin = load_file(folder / "twin.safetensors")
    first_stage = {key: value for key, value in own.items() if key.startswith("first_stage_model.")}
    save_file({**twin, **first_stage}, str(folder / "twin.safetensors"))
    sd_models.list_models()


def carrying() -> dict:
    """Each hires checkpoint; what the stage read and wrote, beside the same by the files themselves."""
    from lib_vaeface.session.crossing import Crossing
    from lib_vaeface.vae.autoencoder import load

    carry, seen = Crossing.carry, []

    def watched(self, job, latents, noise):
        before, white = latents.clone(), noise.clone()
        carry(self, job, latents, noise)
        seen.append((before, latents.clone(), white, noise.clone()))

    Crossing.carry = watched
    found = {}
    for name, more, settings in (
        ("stranger", {"hr_checkpoint_name": "stranger"}, VAE),
        ("adaptive", {"hr_checkpoint_name": "stranger"}, {**VAE, "vae_adaptive": True}),
        ("switched off", {"hr_checkpoint_name": "stranger"}, {**VAE, "vae_bridge": False}),
        ("twin", {"hr_checkpoint_name": "twin"}, VAE),
        ("same", {}, VAE),
        ("pixels", {"hr_checkpoint_name": "stranger", "hr_upscaler": "Lanczos"}, VAE),
    ):
        seen.clear()
        on = vae_run.painted([settings], **{**HIRES, **more})
        off = vae_run.painted([False], **{**HIRES, **more})
        changed = [float((before - after).abs().max()) for before, after, _, _ in seen]
        found[name] = {"same picture": on["pictures"] == off["pictures"], "changed": changed, **_told(on)}
        found[name]["noise"] = [float((white - noise).abs().max()) for _, _, white, noise in seen]
        if name == "adaptive":
            found[name]["ratios"] = (seen[-1][3] / seen[-1][2]).mean((0, 2, 3)).tolist()
            spread = seen[-1][1].std((0, 2, 3))
            found[name]["shares"] = (spread / spread.pow(2).mean().sqrt()).tolist()
        if name == "stranger":
            folder = Path(sys.argv[2]) / "models" / "Stable-diffusion"
            first, second = (load(folder / file) for file in ("tiny.safetensors", "stranger.safetensors"))
            before, after, _, _ = seen[-1]
            found[name]["error"] = float((second.encode(first.decode(before)) - after).abs().max())
    Crossing.carry = carry
    return found


def _told(on: dict) -> dict:
    carried = on["ours"]["VAE Face VAE"].get("carried", False)
    return {"comments": on["comments"], "carried": carried, "state": on["state"]}


def refiner() -> dict:
    found = {}
    for name in ("stranger", "twin"):
        on = vae_run.painted([VAE], refiner_checkpoint=name, refiner_switch_at=0.5)
        found[name] = on["comments"]
    return found


@contextlib.contextmanager
def decodes(seen: list, preview: bool):
    """Notes what the WebUI decodes on its own thread. preview: the page asks for one just while it does so."""
    from modules import shared

    model = type(shared.sd_model)
    keep = model.decode_first_stage

    def watched(self, z, *args, **keywords):
        if threading.current_thread() is not threading.main_thread():
            return keep(self, z, *args, **keywords)
        seen.append(z.clone())
        found = keep(self, z, *args, **keywords)
        if preview:
            thread = threading.Thread(target=shared.state.do_set_current_image)
            thread.start()
            thread.join()
        return found

    model.decode_first_stage = watched
    try:
        yield
    finally:
        model.decode_first_stage = keep


def keeping() -> dict:
    """Latents in memory and beside pictures, against those that the WebUI decoded; and with the options off."""
    import torch

    from lib_vaeface.vae import kept, sampled
    from modules import processing, shared

    shared.opts.data["show_progress_type"] = "Full"
    out = Path(sys.argv[2]) / "out"
    options = ("vaeface_keep_latents", "vaeface_save_latents", "vaeface_comfyui_latents")

    def run(chosen, on=True, preview=False, **values):
        for name, value in zip(options, chosen, strict=True):
            shared.opts.data[name] = value
        kept.forget()
        folder = out / str(len(list(out.glob("*"))) if out.exists() else 0)
        p = pocket_run.job([on], outpath_samples=str(folder), **values)
        p.do_not_save_samples = False
        decoded = []
        with decodes(decoded, preview):
            done = processing.process_images(p)
        last, count = kept.last(), len(done.images) - done.index_of_first_image
        wanted = torch.cat(decoded)[-count:]
        files = sorted(path for path in folder.rglob("*") if path.suffix in (".safetensors", ".latent"))
        read = [sampled.read_latents(path) for path in files]
        return {
            "pictures": count,
            "in memory": None if last is None else float((last.latents - wanted).abs().max()),
            "texts": None if last is None else [text.split("\n")[0] for text in last.infotexts],
            "files": [path.name for path in files],
            "beside": [path.with_suffix(".png").exists() for path in files],
            "in files": [_off(one, wanted[n], shared.sd_model.scale_factor) for n, one in enumerate(read)],
        }

    with contextlib.suppress(FileExistsError):
        out.mkdir()
    return {
        "memory": run((True, False, False), batch_size=2),
        "iterations": run((True, True, False), batch_size=2, n_iter=2),
        "hires": run((True, True, False), **HIRES),
        "previews": run((True, True, False), preview=True, batch_size=2),
        "comfyui": run((False, True, True)),
        "none": run((False, False, False)),
        "off": run((True, True, False), on=False),
    }


def _off(stored, wanted, scale) -> float:
    tensor = stored.tensor * scale if stored.raw else stored.tensor
    return float((tensor - wanted).abs().max())


if __name__ == "__main__":
    pocket_run.main(globals(), write_checkpoints)
