"""The two generating requests."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from fastapi.exceptions import HTTPException

from modules import scripts, sd_samplers, shared
from modules.api import models, script_args
from modules.api.encoding import decode_base64_to_image, encode_pil_to_base64
from modules.processing import StableDiffusionProcessingImg2Img, StableDiffusionProcessingTxt2Img, process_images
from modules.progress import add_task_to_queue, create_task_id, finish_task, start_task
from modules.shared import opts

_NOT_PROCESSING = ("include_init_images", "script_name", "script_args", "alwayson_scripts", "infotext",
                   "send_images", "save_images", "force_task_id")


def validate_sampler_name(name: str) -> str:
    """`name` if there is such a sampler, else HTTP 400."""
    if sd_samplers.all_samplers_map.get(name) is None:
        raise HTTPException(status_code=400, detail="Sampler not found")
    return name


def get_selectable_script(name: str | None, runner: Any) -> tuple[Any, int | None]:
    """The script of the page's script list with this title and its place there; (None, None) for no name."""
    if not name:
        return None, None
    index = script_args.script_name_to_index(name, runner.selectable_scripts)
    return runner.selectable_scripts[index], index


def processing_arguments(request: Any, **more: Any) -> dict[str, Any]:
    """Arguments of the processing class from the request's fields, sampler and scheduler told apart."""
    wanted = request.sampler_name or request.sampler_index
    sampler, scheduler = sd_samplers.get_sampler_and_scheduler(wanted, request.scheduler)
    args = {
        **vars(request), "sampler_name": validate_sampler_name(sampler), "sampler_index": None,
        "do_not_save_samples": not request.save_images, "do_not_save_grid": not request.save_images, **more,
    }
    if not args["scheduler"] and scheduler != "Automatic":
        args["scheduler"] = scheduler
    for name in _NOT_PROCESSING:
        args.pop(name, None)
    return args


def run_job(p: Any, task_id: str, runner: Any, args: list[Any], chosen: Any) -> Any:
    """Run the job (through the chosen script, if any) with the page's counters and flags set; returns Processed."""
    p.is_api = True
    p.scripts = runner
    try:
        shared.state.begin(job=f"scripts_{'img2img' if runner is scripts.scripts_img2img else 'txt2img'}")
        start_task(task_id)
        if chosen is not None:
            p.script_args = args
            return runner.run(p, *args)
        p.script_args = tuple(args)
        return process_images(p)
    finally:
        # Also after an error: a task that stays unfinished would keep the page's progress bar alive.
        finish_task(task_id)
        shared.state.end()
        shared.total_tqdm.clear()


def _answer(processed: Any, request: Any) -> dict[str, Any]:
    images = [encode_pil_to_base64(image) for image in processed.images] if request.send_images else []
    return {"images": images, "parameters": vars(request), "info": processed.js()}


def text2img(api: Any, request: Any) -> models.TextToImageResponse:
    """Paint from text. Waits for other jobs."""
    task_id = request.force_task_id or create_task_id("txt2img")
    runner = scripts.scripts_txt2img
    from_infotext = script_args.apply_infotext(request, "txt2img", runner)
    chosen, index = get_selectable_script(request.script_name, runner)
    arguments = processing_arguments(request)
    args = script_args.with_request_args(request, api.default_script_arg_txt2img, runner, chosen, index, from_infotext)
    add_task_to_queue(task_id)
    with api.queue_lock, closing(StableDiffusionProcessingTxt2Img(sd_model=shared.sd_model, **arguments)) as p:
        p.outpath_grids, p.outpath_samples = opts.outdir_txt2img_grids, opts.outdir_txt2img_samples
        processed = run_job(p, task_id, runner, args, chosen)
    return models.TextToImageResponse(**_answer(processed, request))


def img2img(api: Any, request: Any) -> models.ImageToImageResponse:
    """Paint over pictures. HTTP 404 without them, 500 if they cannot be read. Waits for other jobs."""
    task_id = request.force_task_id or create_task_id("img2img")
    if request.init_images is None:
        raise HTTPException(status_code=404, detail="Init image not found")
    mask = decode_base64_to_image(request.mask) if request.mask else request.mask
    runner = scripts.scripts_img2img
    from_infotext = script_args.apply_infotext(request, "img2img", runner)
    chosen, index = get_selectable_script(request.script_name, runner)
    arguments = processing_arguments(request, mask=mask)
    args = script_args.with_request_args(request, api.default_script_arg_img2img, runner, chosen, index, from_infotext)
    pictures = [decode_base64_to_image(picture) for picture in request.init_images]
    add_task_to_queue(task_id)
    with api.queue_lock, closing(StableDiffusionProcessingImg2Img(sd_model=shared.sd_model, **arguments)) as p:
        p.init_images = pictures
        p.outpath_grids, p.outpath_samples = opts.outdir_img2img_grids, opts.outdir_img2img_samples
        processed = run_job(p, task_id, runner, args, chosen)
    if not request.include_init_images:
        request.init_images = request.mask = None
    return models.ImageToImageResponse(**_answer(processed, request))
