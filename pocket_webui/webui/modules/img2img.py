"""What the button of the img2img tab calls."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from modules import images, infotext_utils, processing, scripts, shared
from modules.img2img_batch import process_batch
from modules.txt2img import Outputs, outputs

PLAIN, SKETCH, INPAINT, INPAINT_SKETCH, INPAINT_UPLOAD, BATCH = range(6)
RESIZE_BY = 1


def img2img(
    id_task: str, request: gr.Request, mode: int | str, prompt: str, negative_prompt: str, prompt_styles: list[str],
    init_img: Any, sketch: Any, init_img_with_mask: Any, inpaint_color_sketch: Any, inpaint_color_sketch_orig: Any,
    init_img_inpaint: Any, init_mask_inpaint: Any, mask_blur: int, mask_alpha: float, inpainting_fill: int, n_iter: int,
    batch_size: int, cfg_scale: float, image_cfg_scale: float, denoising_strength: float, selected_scale_tab: int,
    height: int, width: int, scale_by: float, resize_mode: int, inpaint_full_res: bool, inpaint_full_res_padding: int,
    inpainting_mask_invert: int, img2img_batch_input_dir: str, img2img_batch_output_dir: str,
    img2img_batch_inpaint_mask_dir: str, override_settings_texts: list[str], img2img_batch_use_png_info: bool,
    img2img_batch_png_info_props: list[str], img2img_batch_png_info_dir: str, img2img_batch_source_type: str,
    img2img_batch_upload: list[Any] | None, *args: Any,
) -> Outputs:
    """The Generate button: arguments are the values of the tab's controls, in their order; `args` are the scripts'."""
    mode = int(mode)  # the page sends it in a text
    image, mask = None, None
    if mode == INPAINT_SKETCH:
        image, mask = colour_sketch(inpaint_color_sketch, inpaint_color_sketch_orig, mask_blur, mask_alpha)
    elif mode != BATCH:
        image, mask = picture_of(mode, init_img, sketch, init_img_with_mask, init_img_inpaint, init_mask_inpaint)
    image, mask = images.fix_image(image), images.fix_image(mask)
    if mode != BATCH:
        assert image, "There is no picture to start from: add one to the tab."
        if selected_scale_tab == RESIZE_BY:
            width, height = int(image.width * scale_by), int(image.height * scale_by)
    assert 0.0 <= denoising_strength <= 1.0, "The denoising strength must be between 0 and 1."
    p = _job(
        request, prompt, args, negative_prompt=negative_prompt, styles=prompt_styles, batch_size=batch_size,
        n_iter=n_iter, cfg_scale=cfg_scale, width=width, height=height, init_images=[image], mask=mask,
        mask_blur=mask_blur, inpainting_fill=inpainting_fill, resize_mode=resize_mode,
        denoising_strength=denoising_strength, image_cfg_scale=image_cfg_scale, inpaint_full_res=inpaint_full_res,
        inpaint_full_res_padding=inpaint_full_res_padding, inpainting_mask_invert=inpainting_mask_invert,
        override_settings=infotext_utils.create_override_settings_dict(override_settings_texts))
    batch = None
    if mode == BATCH:
        uploaded = img2img_batch_source_type == "upload"
        batch = {
            "input": img2img_batch_upload if uploaded else img2img_batch_input_dir,
            "output_dir": "" if uploaded else img2img_batch_output_dir,
            "inpaint_mask_dir": "" if uploaded else img2img_batch_inpaint_mask_dir,
            "to_scale": selected_scale_tab == RESIZE_BY, "scale_by": scale_by,
            "use_png_info": img2img_batch_use_png_info, "png_info_props": img2img_batch_png_info_props,
            "png_info_dir": img2img_batch_png_info_dir}
    return outputs(_run(p, args, batch))


def picture_of(mode: int, init_img: Any, sketch: Any, with_mask: Any, upload: Any, upload_mask: Any) -> tuple[Any, Any]:
    """(picture, mask or None) of the tab that is open."""
    if mode == INPAINT:
        assert with_mask, "There is no picture to inpaint: add one to the Inpaint tab."
        return with_mask["image"], processing.create_binary_mask(with_mask["mask"])
    if mode == INPAINT_UPLOAD:
        return upload, upload_mask
    return (sketch, None) if mode == SKETCH else (init_img, None)


def colour_sketch(painted: Image.Image, original: Image.Image | None, mask_blur: int,
                  mask_alpha: float) -> tuple[Image.Image, Image.Image]:
    """(picture with the sketch blended in, mask of what was sketched); mask_alpha in percent is transparency."""
    assert painted is not None, "There is no picture to sketch on: add one to the Inpaint sketch tab."
    original = original or painted
    changed = np.any(np.array(painted) != np.array(original), axis=-1)
    mask = ImageEnhance.Brightness(Image.fromarray(changed.astype(np.uint8) * 255)).enhance(1 - mask_alpha / 100)
    blur = ImageFilter.GaussianBlur(mask_blur)
    return Image.composite(painted.filter(blur), original, mask.filter(blur)), mask


def _job(request: gr.Request, prompt: str, args: Any, **fields: Any) -> Any:
    opts = shared.opts
    p = processing.StableDiffusionProcessingImg2Img(
        sd_model=shared.sd_model, prompt=prompt,
        outpath_samples=opts.outdir_samples or opts.outdir_img2img_samples,
        outpath_grids=opts.outdir_grids or opts.outdir_img2img_grids, **fields)
    p.scripts = scripts.scripts_img2img
    p.script_args = args
    p.user = request.username
    if opts.enable_console_prompts:
        print(f"\nimg2img: {prompt}", file=shared.progress_print_out)
    return p


def _run(p: Any, args: Any, batch: dict[str, Any] | None) -> Any:
    with closing(p):
        if batch is not None:
            processed = process_batch(p, args=args, **batch) or processing.Processed(p, [], p.seed, "")
        else:
            processed = scripts.scripts_img2img.run(p, *args) or processing.process_images(p)
    shared.total_tqdm.clear()
    return processed
