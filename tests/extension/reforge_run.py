"""Scenes of a pocket WebUI that has reForge's model parts: `python reforge_run.py SCENES DATA_DIR`, see pocket_run.

reForge is A1111 with Forge's model parts. The few differences that reach an extension are put into the pocket's A1111
mode here: `forge_objects`, the model's own two functions that take batches, a VAE whose `encode` gives latents at once,
inference_mode, and a memory manager that nothing may ask while the sampler runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent))
import faces_run
import pocket_run
import vae_run

MANAGER = """
sampling, asked = False, []
def free_memory(memory_required, device, keep_loaded=()):
    assert not sampling, "device memory was asked for while the sampler runs"
    asked.append("free")
def load_models_gpu(models, memory_required=0, force_full_load=False):
    assert not sampling, "a model was moved while the sampler runs"
    asked.append("load")
"""


def write_packages(folder: Path) -> None:
    """The packages that tell reForge from its relatives."""
    empty = ("modules_forge/__init__", "ldm_patched/__init__", "ldm_patched/modules/__init__")
    for name, text in {**dict.fromkeys(empty, ""), "ldm_patched/modules/model_management": MANAGER}.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    sys.path.append(str(folder))


class SD15:
    scale_factor = 0.18215

    def process_in(self, latent):
        return latent * self.scale_factor

    def process_out(self, latent):
        return latent / self.scale_factor


class Parts:
    def __init__(self, unet, vae):
        self.unet, self.vae = unet, vae

    def shallow_copy(self):
        return Parts(self.unet, self.vae)


def give_parts(model) -> None:
    """What reForge's loader does to a model that A1111 knows."""
    import torch
    from ldm_patched.modules import model_management

    if hasattr(model, "forge_objects"):
        return
    module, latent_format = model.first_stage_model, SD15()
    type(module).encode = regularized
    module.regularization = lambda moments: (moments.chunk(2, dim=1)[0], None)
    vae = SimpleNamespace(
        first_stage_model=module, patcher=object(), latent_channels=4, device=torch.device("cpu"),
        vae_dtype=torch.float32, memory_used_encode=lambda *_: 1.0, memory_used_decode=lambda *_: 1.0,
    )  # fmt: skip
    unet = SimpleNamespace(model=SimpleNamespace(model_config=SimpleNamespace(latent_format=latent_format)))
    model.forge_objects = Parts(unet, vae)
    model.forge_objects_original = model.forge_objects_after_applying_lora = model.forge_objects.shallow_copy()

    @torch.inference_mode()
    def decode_first_stage(x):
        used = model.forge_objects.vae
        model_management.load_models_gpu([used.patcher])
        raw = latent_format.process_out(x)
        return torch.cat([used.first_stage_model.decode(one) for one in raw.split(1)]).clamp(-1, 1).to(x)

    @torch.inference_mode()
    def encode_first_stage(x):
        used = model.forge_objects.vae
        model_management.load_models_gpu([used.patcher])
        return latent_format.process_in(used.first_stage_model.encode(x)).to(x)

    model.decode_first_stage, model.encode_first_stage = decode_first_stage, encode_first_stage
    model.get_first_stage_encoding = lambda x: x


def regularized(module, pixels):
    """The VAE's `encode` of reForge: latents at once, the most likely ones."""
    return module.regularization(module.quant_conv(module.encoder(pixels)))[0]


def become_reforge(data: Path) -> None:
    import torch
    from ldm_patched.modules import model_management

    from modules import processing, sd_hijack, sd_models, sd_samplers_cfg_denoiser, shared
    from modules.processing import decode, loop

    give_parts(shared.sd_model)
    lengths = sd_hijack.StableDiffusionModelHijack.get_prompt_lengths
    sd_hijack.StableDiffusionModelHijack.get_prompt_lengths = lambda hijack, text, text_model: lengths(hijack, text)
    loop.grad_mode = torch.inference_mode
    start_batch = loop._start_batch

    def start(p, number):
        p.sd_model.forge_objects = p.sd_model.forge_objects_original.shallow_copy()
        return start_batch(p, number)

    def decoded(model, batch, target_device=None, check_for_nans=False):
        return decode.DecodedSamples(processing.decode_first_stage(model, batch).to(target_device))

    decoded.__name__ = "decode_latent_batch"
    decoded.__code__ = decoded.__code__.replace(co_name="decode_latent_batch")
    loop._start_batch, processing.decode_latent_batch = start, decoded
    callback = sd_samplers_cfg_denoiser.cfg_denoiser_callback

    def rung(params):
        model_management.sampling = True
        try:
            callback(params)
        finally:
            model_management.sampling = False

    sd_samplers_cfg_denoiser.cfg_denoiser_callback = rung
    assert sd_models.model_data.sd_model is shared.sd_model


def ramped() -> dict:
    """With reForge's dynamic clip skip, 3 at the first two calls and 2 from then on: pictures without us and with us,
    what the model gets at each call of a blend, [clip skip, how far it is from a cat to a dog, what is left], and the
    weights of an AND part at each call."""
    import torch

    from modules import processing, prompt_parser, script_callbacks, sd_samplers_cfg_denoiser, shared

    plan, data, rows, weights = [3, 3, 2, 2, 2, 2], shared.opts.data, [], []
    setup, forward = processing.StableDiffusionProcessing.setup_conds, sd_samplers_cfg_denoiser.CFGDenoiser.forward

    def setup_conds(p):
        p.dynamic_clip_skip_schedule, p.dynamic_clip_skip_sets, before = plan, {}, shared.opts.CLIP_stop_at_last_layers
        for skip in dict.fromkeys(plan):
            data["CLIP_stop_at_last_layers"] = skip
            setup(p)
            p.dynamic_clip_skip_sets[skip] = p.c, p.uc
        data["CLIP_stop_at_last_layers"] = before

    def chosen(denoiser, x, sigma, uncond, cond, **more):
        cond, uncond = denoiser.p.dynamic_clip_skip_sets[plan[denoiser.step]]
        weights.append(cond.batch[0][-1].weight)
        return forward(denoiser, x, sigma, uncond=uncond, cond=cond, **more)

    def read(skip, text):
        data["CLIP_stop_at_last_layers"] = skip
        found = shared.sd_model.get_learned_conditioning(prompt_parser.SdConditioning([text]))[0]
        data["CLIP_stop_at_last_layers"] = 1
        return found

    def placed(row, skip):
        cat, dog = read(skip, "a cat"), read(skip, "a dog")
        share = float((row - cat).mul(dog - cat).sum() / (dog - cat).square().sum())
        return [skip, share, float((row - torch.lerp(cat, dog, share)).abs().max())]

    processing.StableDiffusionProcessing.setup_conds = setup_conds
    sd_samplers_cfg_denoiser.CFGDenoiser.forward = chosen
    data["dynamic_clip_skip_enabled"] = True
    script_callbacks.on_cfg_denoiser(lambda params: rows.append(params.text_cond[0].clone()))
    pictures = [pocket_run.process(pocket_run.job(args)) for args in (None, [False], [True])]
    rows.clear()
    pocket_run.process(pocket_run.job([True], "a [cat:dog:1,6]"))
    blend = [[placed(row, skip) for skip in (3, 2)] for row in rows]
    weights.clear()
    pocket_run.process(pocket_run.job([True], "a cat AND a dog:0.2->1.2"))
    tokens = sys.modules["lib_vaeface.host"].current().count_tokens("a cat and a dog")
    return {"pictures": pictures, "blend": blend, "weights": weights, "tokens": tokens}


def native() -> dict:
    return {
        name: [pocket_run.process(pocket_run.job(args, **values)) for args in (None, [False], [True])]
        for name, values in pocket_run.JOBS.items()
    }


def vaes() -> dict:
    """Also with reForge's reflective padding, which its loader puts on the VAE's convolutions."""
    vae_run.write_files(Path(sys.argv[2]))
    convolution = vae_run.module().decoder.conv_in
    convolution.padding_mode = "reflect"
    reflecting = {"own": vae_run.painted([False]), "tuned": vae_run.picked("tuned.safetensors")}
    convolution.padding_mode = "zeros"
    return {**vae_run.picks(), "reflecting": reflecting}


def faces() -> dict:
    """Also which parts the model has when a face's job is done: those of the picture's job, not those of its own."""
    from modules import scripts, shared

    marks: list = []

    class Marking(scripts.Script):
        filename = "marking.py"

        def before_process_batch(self, p, *args, **kwargs):
            shared.sd_model.forge_objects.mark = self

        def postprocess_image(self, p, pp, *args):
            marks.append(getattr(shared.sd_model.forge_objects, "mark", None) is self)

    marking = Marking()
    marking.args_from = marking.args_to = 0
    runners = (scripts.scripts_txt2img, scripts.scripts_img2img)
    for runner in runners:
        runner.alwayson_scripts.append(marking)
        runner.callback_map.clear()
    found = {
        name: {
            "off": faces_run.painted(**values),
            "refined": faces_run.painted([faces_run.REFINE], **values),
            "after": faces_run.painted(**values),
        }
        for name, values in faces_run.JOBS.items()
        if name in ("batches", "hires", "pixel hires", "only masked")
    }
    for runner in runners:
        runner.alwayson_scripts.remove(marking)
        runner.callback_map.clear()
    return {"jobs": found, "marks": marks}


if __name__ == "__main__":
    write_packages(Path(sys.argv[2]) / "reforge")
    pocket_run.main(globals(), become_reforge)
