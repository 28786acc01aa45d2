"""Scenes of the face stage, run in a pocket WebUI of its own: `python faces_run.py SCENES DATA_DIR`, see pocket_run.

The model is random, so no face is ever found in its pictures: boxes are drawn by hand, and nothing guards the result.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import pocket_run
import vae_run
from PIL import Image

BOX = "0.3,0.3,0.7,0.7"
TWO = "0.1,0.1,0.4,0.4; 0.6,0.5,0.9,0.9"
MASK = Image.new("L", (64, 64))
MASK.paste(255, (16, 16, 48, 48))
PICTURE = Image.linear_gradient("L").convert("RGB").resize((64, 64))
JOBS = {
    **pocket_run.JOBS,
    "pixel hires": vae_run.PIXEL_HIRES,
    "only masked": {"init_images": [PICTURE], "mask": MASK, "inpaint_full_res": True, "steps": 8},
    "ddim": {"sampler": "DDIM"},
    "and": {"prompt": "a cat AND a dog"},
}
REFINE = {"schedule": True, "faces": True, "face_strength": 0.6, "face_guard": False, "face_boxes": BOX}


def painted(args=None, during=None, **values) -> dict:
    """Pictures as rows of numbers, what the infotexts say of faces, and the WebUI's state afterwards."""
    import numpy as np

    from modules import processing, shared

    shared.state.begin("test")
    p = pocket_run.job(args, **values)
    with contextlib.redirect_stderr(io.StringIO()) as console, during or contextlib.nullcontext():
        done = processing.process_images(p)
    history = Path(shared.cmd_opts.data_dir) / "params.txt"
    return {
        "pictures": [np.asarray(image).astype(int).tolist() for image in done.images],
        "faces": [pocket_run.ours(text).get("VAE Face faces", {}) for text in done.infotexts],
        "error": [pocket_run.ours(text).get("VAE Face", {}).get("error", "") for text in done.infotexts],
        "comments": done.comments,
        "history": history.read_text(encoding="utf8").splitlines()[:1],
        "progress": [shared.state.job_no, shared.state.job_count],
        "host": vae_run.state(),
        "traceback": "Traceback" in console.getvalue(),
    }


def every_job() -> dict:
    """Each kind of job without us, with faces that are only decoded again, and with faces painted again."""
    return {
        name: {
            "off": painted(**values),
            "decoded": painted([{**REFINE, "face_strength": 0}], **values),
            "refined": painted([REFINE], **values),
        }
        for name, values in JOBS.items()
    }


def options() -> dict:
    """One job with different settings."""
    asked = {
        "two": {"face_boxes": TWO},
        "skipped": {"face_boxes": TWO, "face_prompt": "[SKIP] [SEP] a dog"},
        "other prompt": {"face_prompt": "[a dog:a hat:0.5]"},
        "same prompt": {"face_prompt": "[PROMPT]"},
        "fixed": {"face_boxes": TWO, "face_adaptive": False},
        "ddim": {"face_boxes": TWO, "face_sampler": "DDIM"},
        "weak": {"face_strength": 0.1},
        "passes": {"face_passes": json.dumps([{"strength": 0.3, "colour": "red"}])},
        "broken passes": {"face_passes": "[{"},
        "broken boxes": {"face_boxes": "1,2,3"},
        "no faces": {"face_boxes": ""},
        "no such detector": {"face_boxes": "", "face_detector": "retinaface"},
        "everything": {"face_return": "everything"},
        "same seed": {"face_boxes": TWO, "face_seeds": "same"},
    }
    return {name: painted([{**REFINE, **more}]) for name, more in asked.items()} | {"off": painted()}


@contextlib.contextmanager
def replaced(owner, name, value):
    kept = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)


def failures() -> dict:
    """What goes wrong in the middle; `after` is a job without us that follows each."""
    pocket_run.faces_together()
    import torch

    from modules import shared

    resample = sys.modules["lib_vaeface.host.resample"]
    sample = resample.FaceJob.sample

    def wrong(self, *args, **keywords):
        raise RuntimeError("the sampler broke")

    def memory(self, *args, **keywords):
        if len(self.faces.prompts) > 1:
            raise torch.cuda.OutOfMemoryError("out of memory")
        return sample(self, *args, **keywords)

    def interrupt(self, *args, **keywords):
        shared.state.interrupt()
        return sample(self, *args, **keywords)

    def skip(self, *args, **keywords):
        shared.state.skip()
        return sample(self, *args, **keywords)

    painted_parts = []

    def later(self, *args, **keywords):
        painted_parts.append(1)
        if len(painted_parts) > 1:
            shared.state.interrupt()
        return sample(self, *args, **keywords)

    two = [{**REFINE, "face_boxes": TWO}]
    found = {
        "sampler": painted(two, replaced(resample.FaceJob, "sample", wrong)),
        "memory": painted(two, replaced(resample.FaceJob, "sample", memory)),
        "interrupt": painted(two, replaced(resample.FaceJob, "sample", interrupt)),
        "interrupt in the second part": painted(
            [{**REFINE, "face_boxes": TWO, "face_sampler": "DDIM"}], replaced(resample.FaceJob, "sample", later)
        ),
        "skip": painted(two, replaced(resample.FaceJob, "sample", skip), n_iter=2),
        "stage": painted(two, replaced(sys.modules["lib_vaeface.session.faces"], "improve", lambda *_, **__: 1 / 0)),
    }
    return {**found, "off": painted(), "off twice": painted(n_iter=2), "two": painted(two)}


def vaes() -> dict:
    """Faces by another VAE than the picture's: chosen by its kind, by name, and one that does not fit."""
    from modules import sd_vae

    folder = vae_run.write_fine_tune()
    decode = {**REFINE, "face_strength": 0, "face_tone": 0}
    small, large = {**decode, "face_boxes": "0.45,0.45,0.55,0.55"}, {"width": 256, "height": 256, "steps": 3}
    found = {
        "off": painted(),
        "host mse": painted(override_settings={"sd_vae": "vae-ft-mse.safetensors"}),
        "automatic": painted([decode]),
        "named": painted([{**decode, "face_vae": "vae-ft-mse.safetensors"}]),
        "same": painted([{**decode, "face_vae": "Same"}]),
        "stranger": painted([{**decode, "face_vae": "other.safetensors"}]),
        "painted by it": painted([{**decode, "vae": True, "vae_name": "vae-ft-mse.safetensors", "face_vae": "Same"}]),
        "large": painted(**large),
        "estimated": painted([{**small, "vae": True, "vae_name": "same.safetensors", "face_estimate": True}], **large),
        "exact": painted([{**small, "vae": True, "vae_name": "same.safetensors"}], **large),
        "not picked": painted([{**small, "face_estimate": True}], **large),
        "refined": painted([REFINE]),
        "refined, built-in": painted([{**REFINE, "face_vae": "Built-in"}]),
    }
    for path in folder.glob("*"):
        path.unlink()
    sd_vae.refresh_vae_list()
    return found


def extras() -> dict:
    """The script of the Extras tab on a rendered portrait: switched off, on, by a VAE that does not fit, broken."""
    import numpy as np

    from lib_vaeface.face import detect
    from modules import scripts, scripts_postprocessing
    from pocket_webui.portraits import render, sample

    data = Path(sys.argv[2])
    vae_run.write_files(data)
    (found,) = (one for one in scripts.postprocessing_scripts_data if one.script_class.__name__ == "VAEFaceExtras")
    script, people = found.script_class(), sample(5, 1, "closeup", 256, 256)
    image = Image.fromarray(render(people)[0].permute(1, 2, 0).numpy()).convert("RGBA")
    image.putalpha(Image.linear_gradient("L"))

    def run(**values) -> dict:
        pp = scripts_postprocessing.PostprocessedImage(image.copy())
        with contextlib.redirect_stderr(io.StringIO()):
            script.process(pp, **values)
        differs = (np.asarray(pp.image) != np.asarray(image)).any(-1)
        rows, columns = np.nonzero(differs)
        spot = [int(v) for v in (columns.min(), rows.min(), columns.max(), rows.max())] if len(rows) else None
        told = json.loads(pp.info["VAE Face faces"]) if "VAE Face faces" in pp.info else None
        alpha = bool((np.asarray(pp.image)[..., 3] == np.asarray(image)[..., 3]).all())
        return {"spot": spot, "told": told, "mode": pp.image.mode, "alpha": alpha}

    with replaced(detect.Detectors, "get", lambda *_: 1 / 0):
        broken = run(enable=True)
    box = [round(edge) for edge in people[0].people[0].box]
    on = {"enable": True, "vae": "tuned.safetensors"}
    return {"off": run(), "on": run(**on), "stranger": run(**{**on, "vae": "other.safetensors"}), "broken": broken,
            "odd": run(**{**on, "search": "nowhere"}), "box": box, "order": script.order}


def numbers() -> dict:
    """How often the model is called for faces one by one and together, and how often texts are encoded for them."""
    pocket_run.faces_together()
    from modules import sd_samplers_cfg_denoiser, shared

    calls, rows, texts = [], [], []
    forward = sd_samplers_cfg_denoiser.CFGDenoiser.forward
    encode = type(shared.sd_model.cond_stage_model).forward

    def called(self, x, *args, **keywords):
        calls.append(len(x))
        return forward(self, x, *args, **keywords)

    def encoded(self, prompts, *args, **keywords):
        texts.extend(prompts)
        return encode(self, prompts, *args, **keywords)

    def counted(**more):
        for seen in (calls, rows, texts):
            seen.clear()
        with (
            replaced(sd_samplers_cfg_denoiser.CFGDenoiser, "forward", called),
            replaced(type(shared.sd_model.cond_stage_model), "forward", encoded),
        ):
            painted([{**REFINE, **more}], prompt="a cow", batch_size=2)
        return {"calls": list(calls), "texts": list(texts)}

    return {"off": counted(face_strength=0), "one": counted(), "two": counted(face_boxes=TWO, face_adaptive=False)}


def nested() -> dict:
    """Another extension of the WebUI hears nothing of our face jobs, and our stage nothing of its jobs."""
    from modules import processing, scripts

    heard: list = []
    runner = scripts.scripts_txt2img

    class Witness(scripts.Script):
        def title(self):
            return "witness"

        def show(self, is_img2img):
            return scripts.AlwaysVisible

        def process(self, p, *args):
            heard.append(["process", type(p).__name__])

        def postprocess_image(self, p, pp, *args):
            heard.append(["image", type(p).__name__])
            if not getattr(p, "inner", False):
                inner = pocket_run.job([REFINE], prompt="another")
                inner.inner = True
                processing.process_images(inner)

    witness = Witness()
    witness.args_from = witness.args_to = 0
    witness.filename = __file__
    runner.alwayson_scripts.append(witness)
    runner.callback_map.clear()
    try:
        found = painted([REFINE])
    finally:
        runner.alwayson_scripts.remove(witness)
        runner.callback_map.clear()
    return {"heard": heard, "on": found, "alone": painted([REFINE])}


if __name__ == "__main__":
    pocket_run.main(globals())
