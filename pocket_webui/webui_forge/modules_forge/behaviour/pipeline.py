"""The main loop: inference_mode, the model's parts taken anew for each iteration, pictures with their numbers."""

from __future__ import annotations

from typing import Any

import torch

from modules import processing, script_base, script_hooks, scripts, shared
from modules.processing import decode, finish, job, loop
from modules_forge.behaviour import models
from modules_forge.main_entry import OPTION, modules_change


class PostprocessImageArgs:
    """One PIL image, which may be replaced, and its number in the batch."""

    def __init__(self, image: Any, index: int) -> None:
        self.image, self.index = image, index


def decode_latent_batch(model: Any, batch: Any, target_device: Any = None, check_for_nans: bool = False) -> Any:
    """The whole batch at once; what is broken stays so."""
    return decode.DecodedSamples(processing.decode_first_stage(model, batch).to(target_device))


def apply_overrides(p: Any) -> None:
    if models.sd_models.checkpoint_aliases.get(p.override_settings.get("sd_model_checkpoint")) is None:
        p.override_settings.pop("sd_model_checkpoint", None)
    for key, value in p.override_settings.items():
        if key == OPTION:
            modules_change(value)
        else:
            shared.opts.set(key, value, is_api=True, run_callbacks=False)
    models.forge_model_reload()
    shared.sd_model.comments, shared.sd_model.extra_generation_params = [], {}


def start_batch(p: Any, number: int) -> bool:
    p.sd_model.forge_objects = p.sd_model.forge_objects_original.shallow_copy()
    return _start_batch(p, number)


def note_encoding(p: Any, number: int) -> None:
    p.extra_generation_params.update(p.sd_model.extra_generation_params)
    for comment in p.sd_model.comments:
        p.comment(comment)
    _note_encoding(p, number)


def before_process_init_images(self: Any, p: Any, pp: dict[str, Any], **kwargs: Any) -> None:
    self._call_all("before_process_init_images", p, pp, **kwargs)


_start_batch, _note_encoding = loop._start_batch, loop._note_encoding


def install() -> None:
    loop.grad_mode = torch.inference_mode
    loop._start_batch, loop._note_encoding = start_batch, note_encoding
    names: Any = processing
    names.decode_latent_batch = decode_latent_batch
    job.apply_overrides = apply_overrides
    for module in (scripts, script_base, script_hooks):
        module.PostprocessImageArgs = PostprocessImageArgs  # type: ignore[attr-defined]
    finish.image_arguments = PostprocessImageArgs  # type: ignore[assignment]
    hooks: Any = script_hooks.ScriptHooks
    hooks.before_process_init_images = before_process_init_images
