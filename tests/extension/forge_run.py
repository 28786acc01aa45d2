"""Scenes of a pocket WebUI in Forge mode: `python forge_run.py SCENES DATA_DIR --host-mode forge`, see pocket_run."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import faces_run
import pocket_run
import vae_run

SCHEDULED = "[a cat:a (dog:1.2):0.5] AND [a|b] hat :0.7"
BLENDED = "a [cat:dog:0.2,0.8] x"
NATIVE_JOBS = {
    **pocket_run.JOBS,
    "cfg 1": {"cfg_scale": 1.0, "prompt": "[a cat:a dog:0.5]"},
    "negative": {"negative_prompt": "[ugly:blurry:0.5]"},
    "ddim": {"sampler": "DDIM"},
    "and": {"prompt": SCHEDULED},
    "hires negative": {**pocket_run.JOBS["hires"], "negative_prompt": "[ugly:blurry:0.5]", "hr_cfg": 1.0},
}


def native() -> dict:
    """The first picture loads the checkpoint, with us on."""
    first = pocket_run.process(pocket_run.job([True]))
    return {"first": first} | {
        name: [pocket_run.process(pocket_run.job(args, **values)) for args in (None, [False], [True])]
        for name, values in NATIVE_JOBS.items()
    }


def ours() -> dict:
    """What only our reading of a prompt can paint, twice: the second time from our cache of encoded texts."""
    jobs = {"plain": {}, "batch": {"batch_size": 2}, "cfg 1": {"cfg_scale": 1.0}, "heun": {"sampler": "Heun"}}
    return {
        name: [pocket_run.process(pocket_run.job([True], prompt=BLENDED, **values)) for _ in range(2)]
        for name, values in jobs.items()
    }


def vaes() -> dict:
    vae_run.write_files(Path(sys.argv[2]))
    return {"picks": vae_run.picks(), "refused": vae_run.picked("other.safetensors"), "hires": crossed()}


def crossed() -> dict:
    """A hires checkpoint of another family: latents are carried across, once, though Forge rings twice before it."""
    from modules import sd_models
    from pocket_webui.nets import checkpoint

    folder = Path(sys.argv[2]) / "models" / "Stable-diffusion"
    checkpoint.random_checkpoint(folder / "second.safetensors", seed=5)
    sd_models.list_models()
    library = sys.modules["lib_vaeface.session.crossing"]
    calls, carry = [], library.Crossing.carry

    def counted(self, job, latents, noise=None):
        before = latents.clone()
        carry(self, job, latents, noise)
        calls.append(bool((before != latents).any()))

    library.Crossing.carry = counted
    try:
        done = vae_run.picked("Built-in", **pocket_run.JOBS["hires"], hr_checkpoint_name="second.safetensors",
                              settings={"vae_bridge": True})  # fmt: skip
    finally:
        library.Crossing.carry = carry
    return {"changed": calls, "comments": done["comments"]}


def faces() -> dict:
    return {
        name: {
            "off": faces_run.painted(**values),
            "refined": faces_run.painted([faces_run.REFINE], **values),
            "after": faces_run.painted(**values),
        }
        for name, values in faces_run.JOBS.items()
        if name in ("batches", "hires", "only masked", "ddim")
    }


def seeded(make):
    """Forge draws from the global random numbers: for an encoded picture, and at every step of inpainting."""

    def job(*args, **values):
        import torch  # not before the WebUI starts

        torch.manual_seed(1)
        return make(*args, **values)

    return job


if __name__ == "__main__":
    pocket_run.job = seeded(pocket_run.job)
    pocket_run.main(globals())
