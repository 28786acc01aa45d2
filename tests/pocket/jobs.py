"""Runs jobs as the API does."""

from __future__ import annotations

import base64
import io
from contextlib import closing
from typing import Any

from PIL import Image, ImageDraw

SIZE = 64


def gradient() -> Image.Image:
    """A 64x64 picture, dark left to bright right."""
    return Image.linear_gradient("L").rotate(90).resize((SIZE, SIZE)).convert("RGB")


def centred_mask() -> Image.Image:
    """White 32x32 square in the middle of black."""
    mask = Image.new("L", (SIZE, SIZE))
    ImageDraw.Draw(mask).rectangle((16, 16, 47, 47), fill=255)
    return mask


def encoded(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def job(kind: str = "txt2img", **fields: Any) -> Any:
    """A job with scripts, not saved to disk; call `.close()` when it is over."""
    from modules import initialize, processing, scripts, shared

    fields = {"width": SIZE, "height": SIZE, "seed": 7, "sampler_name": "Euler a", "cfg_scale": 7.0,
              "do_not_save_samples": True, "do_not_save_grid": True, "outpath_samples": shared.opts.outdir_samples,
              "outpath_grids": shared.opts.outdir_grids, **fields}
    txt2img = kind == "txt2img"
    maker = processing.StableDiffusionProcessingTxt2Img if txt2img else processing.StableDiffusionProcessingImg2Img
    p = maker(sd_model=shared.sd_model, **fields)
    p.is_api = True
    p.scripts = scripts.scripts_txt2img if txt2img else scripts.scripts_img2img
    p.script_args = tuple(initialize.script_defaults(img2img=not txt2img))
    return p


def generate(kind: str = "txt2img", **fields: Any) -> Any:
    """Run a job to its end and return the Processed."""
    from modules import processing, shared

    shared.state.begin(job=kind)
    try:
        with closing(job(kind, **fields)) as p:
            return processing.process_images(p)
    finally:
        shared.state.end()


def settle() -> None:
    """Bring a booted WebUI to a known state, whatever other tests did: no encoded prompts kept, all VAE files listed,
    "tiny" loaded with its own VAE."""
    from modules import processing, sd_models, sd_vae, shared

    for kind, names in ((processing.StableDiffusionProcessing, ("cached_c", "cached_uc")),
                        (processing.StableDiffusionProcessingTxt2Img, ("cached_hr_c", "cached_hr_uc"))):
        for name in names:
            setattr(kind, name, [None, None])
    sd_vae.refresh_vae_list()
    shared.opts.data.update({"sd_model_checkpoint": "tiny.safetensors", "sd_vae": "Automatic"})
    assert shared.sd_model is not None
    sd_models.reload_model_weights()
    sd_vae.reload_vae_weights()
