"""Scenes of the face stage beside what else a WebUI does: `python faces_odd_run.py SCENES DATA_DIR`, see faces_run."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import latents_run
import pocket_run
import vae_run
from faces_run import REFINE, TWO, painted, replaced

HIRES = {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.5, "hr_upscaler": "Latent"}
DECODE = {**REFINE, "face_strength": 0, "face_tone": 0}


@contextlib.contextmanager
def options(**values):
    from modules import shared

    kept = {name: shared.opts.data.get(name, shared.opts.get_default(name)) for name in values}
    shared.opts.data.update(values)
    try:
        yield
    finally:
        shared.opts.data.update(kept)


def during_faces(look):
    """Calls look(job) whenever a job for faces samples."""
    job = sys.modules["lib_vaeface.host.resample"].FaceJob
    sample = job.sample

    def watched(self, *args, **keywords):
        look(self)
        return sample(self, *args, **keywords)

    return replaced(job, "sample", watched)


def others() -> dict:
    """What other parts of a WebUI see of a job for faces, and what they leave of it."""
    pocket_run.faces_together()
    from modules import processing, script_callbacks, shared

    rows, texts, runners = [], [], []
    with during_faces(lambda job: (rows.append(len(job.faces.prompts)), texts.append(shared.state.textinfo))):
        painted([{**REFINE, "face_boxes": TWO, "schedule": False}], prompt="a cow <lora:none:1>")
    after = shared.state.textinfo

    def listener(params):
        runners.append(list(params.denoiser.p.scripts.alwayson_scripts))

    script_callbacks.on_cfg_denoiser(listener)
    painted([{**REFINE}])
    script_callbacks.remove_callbacks_for_function(listener)

    noise = []

    def of_faces(params):
        if hasattr(params.denoiser.p, "faces"):
            noise.append(float(params.sigma.max()))

    script_callbacks.on_cfg_denoiser(of_faces)
    painted([{**REFINE, "face_steps": 1, "face_strength": 0.1, "face_adaptive": False}])
    script_callbacks.remove_callbacks_for_function(of_faces)

    network, calls = shared.sd_model.model.diffusion_model, []
    plain = painted([{**REFINE}])

    def forward_webui(*args, **keywords):
        calls.append(isinstance(shared.sd_model.last_job, processing.StableDiffusionProcessingImg2Img))
        return network._original_forward(*args, **keywords)

    network._original_forward, network.forward = network.forward, forward_webui
    shared.sd_model.last_job = None
    try:
        with during_faces(lambda job: setattr(shared.sd_model, "last_job", job)):
            hooked = painted([{**REFINE}])
        back = network.forward is forward_webui
    finally:
        del network.forward, network._original_forward, shared.sd_model.last_job
    return {
        "rows": rows, "texts": texts, "after": after, "runners": [len(one) for one in runners],
        "noise": noise,
        "hooked": [plain["pictures"] == hooked["pictures"], len(calls), any(calls), back],
    }  # fmt: skip


def held() -> dict:
    """How many calls each of two faces is really painted in, with the WebUI's exact steps and without."""
    pocket_run.faces_together()
    found = {}
    for exact in (False, True):
        seen = []
        resample = sys.modules["lib_vaeface.host.resample"]
        hold = resample.FaceJob.hold

        def watched(self, denoiser, hold=hold, seen=seen):
            hold(self, denoiser)
            seen.append([bool((mask < 1).any()) for mask in denoiser.mask])

        with options(img2img_fix_steps=exact), replaced(resample.FaceJob, "hold", watched):
            done = painted([{**REFINE, "face_boxes": TWO, "face_steps": 12}], sampler="Euler")
        strengths = [face["refine"]["strength"] for face in done["faces"][0]["found"]]
        found["exact" if exact else "plain"] = {
            "calls": [sum(column) for column in zip(*seen, strict=True)], "strengths": strengths,
        }  # fmt: skip
    return found


def previews() -> dict:
    """Faces of a batch by a fine-tune, while the WebUI decodes a preview behind the results."""
    vae_run.write_fine_tune()
    quiet = painted([DECODE], batch_size=2)
    with options(show_progress_every_n_steps=-1, show_progress_type="Full", live_previews_enable=True):
        shown = painted([DECODE], batch_size=2)
    return {
        "same": quiet["pictures"] == shown["pictures"],
        "off": quiet["pictures"] == painted(batch_size=2)["pictures"],
    }


def second_checkpoint() -> dict:
    """A hires pass by a stranger; there is a fine-tune of the first model's VAE, which must not decode its latents."""
    latents_run.write_checkpoints(Path(sys.argv[2]))
    values = {**HIRES, "hr_checkpoint_name": "stranger", "n_iter": 2}
    off = painted(**values)
    asked = {**REFINE, "face_prompt": "[SKIP]", "face_tone": 0}
    on, refined = painted([asked], **values), painted([REFINE], **values)
    return {
        "same": on["pictures"] == off["pictures"],
        "done": [[face["done"] for face in faces["found"]] for faces in refined["faces"]],
        "errors": refined["error"],
    }


def saving() -> dict:
    """Pictures on the disk when the person stops in the faces; and the texts of what is shown beside."""
    from modules import processing, shared

    found = {}
    for name, stop in (("none", lambda job: None), ("interrupt", lambda job: shared.state.interrupt()),
                       ("skip", lambda job: shared.state.skip())):  # fmt: skip
        folder = Path(sys.argv[2]) / f"saved-{name}"
        shared.state.begin("test")
        p = pocket_run.job([{**REFINE, "face_return": "before"}], outpath_samples=str(folder), n_iter=2, batch_size=2)
        p.do_not_save_samples = False
        with during_faces(stop):
            done = processing.process_images(p)
        found[name] = {
            "files": len([path for path in folder.rglob("*.png") if "faces" not in path.name]),
            "shown": [text.split("\n")[0] == pocket_run.NATIVE for text in done.infotexts],
            "seeds": [seed_of(text) for text in done.infotexts],
            "pictures": len(done.images),
        }
    return found


def seed_of(text: str) -> int:
    from modules import infotext_utils

    return int(infotext_utils.parse_generation_parameters(text)["Seed"])


if __name__ == "__main__":
    pocket_run.main(globals())
