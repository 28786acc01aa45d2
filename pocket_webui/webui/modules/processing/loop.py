"""The main loop of a job: once for everything, then once per iteration (`n_iter`)."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import numpy as np
import torch

from modules import (
    devices,
    extra_networks,
    lowvram,
    paths,
    processing,
    rng,
    scripts,
    sd_hijack,
    sd_models,
    sd_unet,
    sd_vae,
    sd_vae_approx,
    shared,
)
from modules.processing import grid
from modules.processing.finish import Output, finish_image

OPT_F = 8
"""Picture pixels per latent pixel, along each side."""
grad_mode: Any = torch.no_grad


def process_images_inner(p: Any) -> Any:
    """The job between its overrides: hooks `process` to `postprocess`. Returns a Processed."""
    if isinstance(p.prompt, list):
        assert p.prompt, "the list of prompts is empty"
    else:
        assert p.prompt is not None, "there is no prompt"
    devices.torch_gc()
    _prepare(p)
    if p.scripts is not None:
        p.scripts.process(p)
    output = Output()
    with grad_mode(), ema_scope(p.sd_model):
        _enter_model(p)
        for number in range(p.n_iter):
            if not _iterate(p, number, output):
                break
        if not output.infotexts:
            output.infotexts.append(processing.Processed(p, []).infotext(p, 0))
        p.color_corrections = None
        grid.add_grid(p, output)
    if not p.disable_extra_networks and p.extra_network_data:
        extra_networks.deactivate(p, p.extra_network_data)
    devices.torch_gc()
    result = processing.Processed(
        p, images_list=output.images, seed=p.all_seeds[0], info=output.infotexts[0], subseed=p.all_subseeds[0],
        index_of_first_image=output.index_of_first_image, infotexts=output.infotexts)
    if p.scripts is not None:
        p.scripts.postprocess(p, result)
    return result


def ema_scope(model: Any) -> contextlib.AbstractContextManager:
    """The model's averaged weights, where a model keeps them beside its own."""
    scope = getattr(model, "ema_scope", None)
    return contextlib.nullcontext() if scope is None else scope()


def _prepare(p: Any) -> None:
    """Fill what infotext and scripts' `process` read: names, prompts and seeds of the whole job."""
    seed, subseed = processing.get_fixed_seed(p.seed), processing.get_fixed_seed(p.subseed)
    p.restore_faces = shared.opts.face_restoration if p.restore_faces is None else p.restore_faces
    p.tiling = shared.opts.tiling if p.tiling is None else p.tiling
    _find_refiner(p)
    p.sd_model_name = shared.sd_model.sd_checkpoint_info.name_for_extra
    p.sd_model_hash = shared.sd_model.sd_model_hash
    p.sd_vae_name = sd_vae.get_loaded_vae_name()
    p.sd_vae_hash = sd_vae.get_loaded_vae_hash()
    sd_hijack.model_hijack.apply_circular(p.tiling)
    sd_hijack.model_hijack.clear_comments()
    p.fill_fields_from_opts()
    p.setup_prompts()
    # With a variation all pictures share the seed and differ in the subseed.
    p.all_seeds = seed if isinstance(seed, list) else _counted(seed, p, step=int(p.subseed_strength == 0))
    p.all_subseeds = subseed if isinstance(subseed, list) else _counted(subseed, p, step=1)


def _counted(start: Any, p: Any, step: int) -> list[int]:
    return [int(start) + step * number for number in range(len(p.all_prompts))]


def _find_refiner(p: Any) -> None:
    if p.refiner_checkpoint in (None, "", "None", "none"):
        return
    p.refiner_checkpoint_info = sd_models.get_closet_checkpoint_match(p.refiner_checkpoint)
    if p.refiner_checkpoint_info is None:
        raise ValueError(f"There is no checkpoint '{p.refiner_checkpoint}' to refine with; choose one of the list.")


def _enter_model(p: Any) -> None:
    with devices.autocast():
        p.init(p.all_prompts, p.all_seeds, p.all_subseeds)
        if shared.opts.live_previews_enable and shared.opts.show_progress_type == "Approx NN":
            sd_vae_approx.model()
        sd_unet.apply_unet()
    if shared.state.job_count == -1:
        shared.state.job_count = p.n_iter


def _iterate(p: Any, number: int, output: Output) -> bool:
    """One iteration: `batch_size` pictures. False ends the job."""
    state = shared.state
    p.iteration = number
    state.skipped = False
    if state.interrupted or state.stopping_generation:
        return False
    # A refiner or a hires checkpoint of the last iteration may still be loaded.
    sd_models.use_checkpoint()
    if not _start_batch(p, number):
        return False
    p.setup_conds()
    _note_encoding(p, number)
    if p.n_iter > 1:
        state.job = f"Batch {number + 1} out of {p.n_iter}"
    images = _decode(p, _sample(p))
    if lowvram.is_enabled(shared.sd_model):
        lowvram.send_everything_to_cpu()
    devices.torch_gc()
    state.nextjob()
    _finish_batch(p, number, images, output)
    devices.torch_gc()
    return True


def _start_batch(p: Any, number: int) -> bool:
    """Prompts, seeds and noise of this iteration, and the hooks around them; False if there are no prompts."""
    p.prompts = p.of_iteration(p.all_prompts, number)
    p.negative_prompts = p.of_iteration(p.all_negative_prompts, number)
    p.seeds = p.of_iteration(p.all_seeds, number)
    p.subseeds = p.of_iteration(p.all_subseeds, number)
    channels = getattr(shared.sd_model, "latent_channels", 4)
    p.rng = rng.ImageRNG(
        (channels, p.height // OPT_F, p.width // OPT_F), p.seeds, subseeds=p.subseeds,
        subseed_strength=p.subseed_strength, seed_resize_from_h=p.seed_resize_from_h,
        seed_resize_from_w=p.seed_resize_from_w)
    if p.scripts is not None:
        p.scripts.before_process_batch(p, batch_number=number, prompts=p.prompts, seeds=p.seeds, subseeds=p.subseeds)
    if len(p.prompts) == 0:
        return False
    p.parse_extra_network_prompts()
    if not p.disable_extra_networks:
        with devices.autocast():
            extra_networks.activate(p, p.extra_network_data)
    if p.scripts is not None:
        p.scripts.process_batch(p, batch_number=number, prompts=p.prompts, seeds=p.seeds, subseeds=p.subseeds)
    return True


def _note_encoding(p: Any, number: int) -> None:
    """What the text encoder had to say, and params.txt: the infotext of the last job that was started."""
    p.extra_generation_params.update(sd_hijack.model_hijack.extra_generation_params)
    if number == 0 and not shared.cmd_opts.no_prompt_history:
        text = processing.Processed(p, []).infotext(p, 0)
        with open(os.path.join(paths.data_path, "params.txt"), "w", encoding="utf8") as file:
            file.write(text)
    for comment in sd_hijack.model_hijack.comments:
        p.comment(comment)


def _sample(p: Any) -> Any:
    """Latents [n, 4, h, w], or pictures as DecodedSamples, after the hook `post_sample`."""
    sd_models.apply_alpha_schedule_override(p.sd_model, p)
    with devices.without_autocast() if devices.unet_needs_upcast else devices.autocast():
        samples = p.sample(conditioning=p.c, unconditional_conditioning=p.uc, seeds=p.seeds, subseeds=p.subseeds,
                           subseed_strength=p.subseed_strength, prompts=p.prompts)
    if p.scripts is None:
        return samples
    arguments = scripts.PostSampleArgs(samples)
    p.scripts.post_sample(p, arguments)
    return arguments.samples


def _decode(p: Any, samples: Any) -> torch.Tensor:
    """Pictures [n, 3, H, W] in 0..1 on the CPU."""
    if not getattr(samples, "already_decoded", False):
        devices.test_for_nans(samples, "unet")
        if shared.opts.sd_vae_decode_method != "Full":
            p.extra_generation_params["VAE Decoder"] = shared.opts.sd_vae_decode_method
        samples = processing.decode_latent_batch(p.sd_model, samples, target_device=devices.cpu, check_for_nans=True)
    return torch.clamp((torch.stack(list(samples)).float() + 1.0) / 2.0, min=0.0, max=1.0)


def _finish_batch(p: Any, number: int, images: Any, output: Output) -> None:
    if p.scripts is not None:
        p.scripts.postprocess_batch(p, images, batch_number=number)
        p.prompts = p.of_iteration(p.all_prompts, number)
        p.negative_prompts = p.of_iteration(p.all_negative_prompts, number)
        arguments = scripts.PostprocessBatchListArgs(list(images))
        p.scripts.postprocess_batch_list(p, arguments, batch_number=number)
        images = arguments.images
    save = p.save_samples()
    for index, image in enumerate(images):
        p.batch_index = index
        finish_image(p, index, to_pixels(image), save, output)


def to_pixels(image: torch.Tensor) -> np.ndarray:
    """[3, H, W] in 0..1 -> [H, W, 3] uint8, fractions cut off."""
    return (255.0 * np.moveaxis(image.cpu().numpy(), 0, 2)).astype(np.uint8)
