"""What the buttons of the txt2img tab call."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import gradio as gr
from PIL import Image

from modules import infotext_utils, processing, scripts, shared
from modules.ui_common import plaintext_to_html

Outputs = tuple[list[Any], str, str, str]
"""Pictures, JSON of the parameters, and infotext and comments as HTML."""


def unless(value: Any, stands_for_none: str) -> Any:
    return None if value == stands_for_none else value


def txt2img_create_processing(
    id_task: str, request: gr.Request, prompt: str, negative_prompt: str, prompt_styles: list[str], n_iter: int,
    batch_size: int, cfg_scale: float, height: int, width: int, enable_hr: bool, denoising_strength: float,
    hr_scale: float, hr_upscaler: str, hr_second_pass_steps: int, hr_resize_x: int, hr_resize_y: int,
    hr_checkpoint_name: str, hr_sampler_name: str, hr_scheduler: str, hr_prompt: str, hr_negative_prompt: str,
    override_settings_texts: list[str], *args: Any, force_enable_hr: bool = False,
) -> Any:
    """A job from the values of the tab's controls, in their order; `args` are those of the scripts."""
    opts = shared.opts
    p = processing.StableDiffusionProcessingTxt2Img(
        sd_model=shared.sd_model,
        outpath_samples=opts.outdir_samples or opts.outdir_txt2img_samples,
        outpath_grids=opts.outdir_grids or opts.outdir_txt2img_grids,
        prompt=prompt, styles=prompt_styles, negative_prompt=negative_prompt, batch_size=batch_size, n_iter=n_iter,
        cfg_scale=cfg_scale, width=width, height=height, enable_hr=enable_hr or force_enable_hr,
        denoising_strength=denoising_strength, hr_scale=hr_scale, hr_upscaler=hr_upscaler,
        hr_second_pass_steps=hr_second_pass_steps, hr_resize_x=hr_resize_x, hr_resize_y=hr_resize_y,
        hr_checkpoint_name=unless(hr_checkpoint_name, "Use same checkpoint"),
        hr_sampler_name=unless(hr_sampler_name, "Use same sampler"),
        hr_scheduler=unless(hr_scheduler, "Use same scheduler"),
        hr_prompt=hr_prompt, hr_negative_prompt=hr_negative_prompt,
        override_settings=infotext_utils.create_override_settings_dict(override_settings_texts),
    )
    p.scripts = scripts.scripts_txt2img
    p.script_args = args
    p.user = request.username
    if opts.enable_console_prompts:
        print(f"\ntxt2img: {prompt}", file=shared.progress_print_out)
    return p


def run(p: Any, runner: Any) -> Any:
    """Let the selected script do the job, or without one the pipeline. Returns a Processed."""
    with closing(p):
        processed = runner.run(p, *p.script_args) or processing.process_images(p)
    shared.total_tqdm.clear()
    return processed


def outputs(processed: Any) -> Outputs:
    """The Processed as the page shows it."""
    info = processed.js()
    if shared.opts.samples_log_stdout:
        print(info)
    if shared.opts.do_not_show_images:
        processed.images = []
    comments = plaintext_to_html(processed.comments, classname="comments")
    return processed.images, info, plaintext_to_html(processed.info), comments


def txt2img(id_task: str, request: gr.Request, *args: Any) -> Outputs:
    """The Generate button."""
    return outputs(run(txt2img_create_processing(id_task, request, *args), scripts.scripts_txt2img))


def txt2img_upscale(id_task: str, request: gr.Request, gallery: list[dict], gallery_index: int, generation_info: str,
                    *args: Any) -> Outputs:
    """The button that runs hires fix on the selected picture, which it replaces in the gallery."""
    assert len(gallery) > 0, "No image to upscale"
    assert 0 <= gallery_index < len(gallery), f"Bad image index: {gallery_index}"
    p = txt2img_create_processing(id_task, request, *args, force_enable_hr=True)
    p.batch_size = p.n_iter = 1
    p.txt2img_upscale = True
    geninfo = json.loads(generation_info)
    parameters = infotext_utils.parse_generation_parameters(geninfo["infotexts"][gallery_index], [])
    p.firstpass_image = infotext_utils.image_from_url_text(gallery[gallery_index])
    p.seed = parameters.get("Seed", -1)
    p.subseed = parameters.get("Variation seed", -1)
    p.override_settings["save_images_before_highres_fix"] = False
    processed = run(p, scripts.scripts_txt2img)
    geninfo["infotexts"][gallery_index:gallery_index + 1] = processed.infotexts
    images = [*map(shown, gallery[:gallery_index]), *processed.images, *map(shown, gallery[gallery_index + 1:])]
    comments = plaintext_to_html(processed.comments, classname="comments")
    return images, json.dumps(geninfo), plaintext_to_html(processed.info), comments


def shown(entry: dict) -> Image.Image:
    """Stands for a picture that the gallery shows already: it is served from its file, so the pixels do not matter."""
    image = Image.new(mode="RGB", size=(1, 1))
    image.already_saved_as = entry["name"].rsplit("?", 1)[0]  # type: ignore[attr-defined]
    return image
