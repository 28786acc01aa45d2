"""Loads checkpoints, switches between them, and keeps the current model (`model_data`, read as shared.sd_model)."""

from __future__ import annotations

import collections
import os
import sys
import threading
from pathlib import Path
from typing import Any

import torch

from modules import (
    devices,
    errors,
    lowvram,
    script_callbacks,
    sd_hijack,
    sd_models_config,
    sd_models_xl,
    sd_unet,
    sd_vae_approx,
    shared,
)
from modules.sd_checkpoints import (  # noqa: F401
    CheckpointInfo,
    checkpoint_aliases,
    checkpoint_tiles,
    checkpoints_list,
    get_closet_checkpoint_match,
    is_vae_file,
    list_models,
    model_dir,
    model_hash,
    model_path,
    read_metadata_from_safetensors,
    select_checkpoint,
)
from modules.sd_noise_schedule import apply_alpha_schedule_override, rescale_zero_terminal_snr_abar  # noqa: F401
from modules.timer import Timer
from pocket_webui.nets import checkpoint as checkpoint_files

checkpoint_alisases = checkpoint_aliases  # A1111's old spelling, still used by extensions
checkpoints_loaded: collections.OrderedDict[CheckpointInfo, dict] = collections.OrderedDict()


def setup_model() -> None:
    """Makes the folder of checkpoints. Called once at the start."""
    os.makedirs(model_path, exist_ok=True)


def read_state_dict(
    checkpoint_file: str, print_global_state: bool = False, map_location: str | None = None
) -> dict[str, torch.Tensor]:
    """A file's tensors. Raises CheckpointError for one that is not a readable safetensors file."""
    state = checkpoint_files.read_state(Path(checkpoint_file))
    return {key: value.to(map_location) for key, value in state.items()} if map_location else state


def get_checkpoint_state_dict(checkpoint_info: CheckpointInfo, timer: Timer) -> dict[str, torch.Tensor]:
    """The checkpoint's tensors, from memory where the setting sd_checkpoint_cache keeps some there."""
    sd_model_hash = checkpoint_info.calculate_shorthash()
    timer.record("calculate hash")
    if checkpoint_info in checkpoints_loaded:
        print(f"Loading weights [{sd_model_hash}] from cache")
        checkpoints_loaded.move_to_end(checkpoint_info)
        return checkpoints_loaded[checkpoint_info]
    print(f"Loading weights [{sd_model_hash}] from {checkpoint_info.filename}")
    state = read_state_dict(checkpoint_info.filename)
    timer.record("load weights from disk")
    return state


def _remember(checkpoint_info: CheckpointInfo, state_dict: dict[str, torch.Tensor]) -> None:
    if shared.opts.sd_checkpoint_cache > 0:
        checkpoints_loaded[checkpoint_info] = dict(state_dict)
    while len(checkpoints_loaded) > shared.opts.sd_checkpoint_cache:
        checkpoints_loaded.popitem(last=False)


class SkipWritingToConfig:
    """Within it, loading a checkpoint does not change the setting that names the chosen one."""

    skip = False
    previous: bool | None = None

    def __enter__(self) -> SkipWritingToConfig:
        self.previous, SkipWritingToConfig.skip = SkipWritingToConfig.skip, True
        return self

    def __exit__(self, *_: object) -> None:
        SkipWritingToConfig.skip = bool(self.previous)


def _write_to_config(info: CheckpointInfo) -> None:
    if not SkipWritingToConfig.skip:
        shared.opts.data["sd_model_checkpoint"] = info.title
    shared.opts.data["sd_checkpoint_hash"] = info.sha256


def load_model_weights(
    model: Any, checkpoint_info: CheckpointInfo, state_dict: dict[str, torch.Tensor] | None, timer: Timer
) -> None:
    """Puts a checkpoint's tensors and its VAE, as the settings say, into a model that is not hijacked."""
    from modules import sd_vae

    if state_dict is None:
        state_dict = get_checkpoint_state_dict(checkpoint_info, timer)
    model.sd_model_hash = checkpoint_info.calculate_shorthash()
    _write_to_config(checkpoint_info)
    _remember(checkpoint_info, state_dict)
    _fill(model, checkpoint_info, state_dict)
    timer.record("apply weights to model")
    model.model.to(devices.dtype_unet)
    model.first_stage_model.to(devices.dtype_vae)
    model.alphas_cumprod_original = model.alphas_cumprod
    apply_alpha_schedule_override(model)
    model.sd_model_checkpoint = checkpoint_info.filename
    model.sd_checkpoint_info = checkpoint_info
    model.cond_stage_key = "txt"
    model.latent_channels = 4
    sd_models_xl.add_learned_conditioning(model)
    sd_vae_approx.fit(model)
    sd_vae.delete_base_vae()
    sd_vae.clear_loaded_vae()
    sd_vae.load_vae(model, *sd_vae.resolve_vae(checkpoint_info.filename).tuple())
    timer.record("load VAE")


def _fill(model: Any, info: CheckpointInfo, state_dict: dict[str, torch.Tensor]) -> None:
    missing, unknown = model.load_state_dict(state_dict, strict=False)
    wrong = [key for key in [*missing, *unknown] if not key.endswith(checkpoint_files.TIED)]
    if wrong:
        raise checkpoint_files.CheckpointError(
            f"{info.name} does not fit its .yaml: {len(wrong)} tensors are missing or unknown, e.g. {wrong[:3]}"
        )


class SdModelData:
    """The current model, and all that are loaded, the current one first."""

    def __init__(self) -> None:
        self.sd_model: Any = None
        self.loaded_sd_models: list[Any] = []
        self.was_loaded_at_least_once = False
        self.lock = threading.Lock()

    def get_sd_model(self) -> Any:
        """The current model, loaded at the first call; None, with the error shown, if that fails."""
        if self.was_loaded_at_least_once or self.sd_model is not None:
            return self.sd_model
        with self.lock:
            if self.sd_model is not None or self.was_loaded_at_least_once:
                return self.sd_model
            try:
                load_model()
            except Exception as error:
                errors.display(error, "loading stable diffusion model", full_traceback=True)
                print("\nStable diffusion model failed to load", file=sys.stderr)
                self.sd_model = None
        return self.sd_model

    def set_sd_model(self, v: Any, already_loaded: bool = False) -> None:
        from modules import sd_vae

        self.sd_model = v
        if already_loaded:
            sd_vae.base_vae = getattr(v, "base_vae", None)
            sd_vae.loaded_vae_file = getattr(v, "loaded_vae_file", None)
            sd_vae.checkpoint_info = v.sd_checkpoint_info
        self.loaded_sd_models = [model for model in self.loaded_sd_models if model is not v]
        if v is not None:
            self.loaded_sd_models.insert(0, v)


model_data = SdModelData()


def get_empty_cond(sd_model: Any) -> torch.Tensor:
    """Text conditioning of the empty prompt, [1, 77, width]."""
    cond = sd_model.get_learned_conditioning([""])
    return cond["crossattn"] if isinstance(cond, dict) else cond


def send_model_to_cpu(m: Any) -> None:
    if m is not None:
        m.to(devices.cpu)
    devices.torch_gc()


def send_model_to_device(m: Any) -> None:
    lowvram.apply(m)
    m.to(shared.device)


def send_model_to_trash(m: Any) -> None:
    """Frees the model's memory, whoever still holds it."""
    m.to(device="meta")
    devices.torch_gc()


def load_model(checkpoint_info: CheckpointInfo | None = None, already_loaded_state_dict: Any = None) -> Any:
    """Builds a checkpoint's model and makes it the current one; the current one before is freed.

    on_model_loaded fires. Raises CheckpointError or FileNotFoundError with what to do about it.
    """
    info = checkpoint_info or select_checkpoint()
    timer = Timer()
    if model_data.sd_model:
        old = model_data.sd_model
        model_data.loaded_sd_models = [model for model in model_data.loaded_sd_models if model is not old]
        model_data.sd_model = None
        send_model_to_trash(old)
    sd_model = build_model(info, already_loaded_state_dict or get_checkpoint_state_dict(info, timer), timer)
    model_data.set_sd_model(sd_model)
    model_data.was_loaded_at_least_once = True
    script_callbacks.model_loaded_callback(sd_model)
    timer.record("scripts callbacks")
    with devices.autocast(), torch.no_grad():
        sd_model.cond_stage_model_empty_prompt = get_empty_cond(sd_model)
    print(f"Model loaded in {timer.summary()}.")
    return sd_model


def build_model(info: CheckpointInfo, state_dict: dict[str, torch.Tensor], timer: Timer) -> Any:
    """A checkpoint's model on its device, ready to be used but not yet the current one."""
    config = sd_models_config.find_checkpoint_config(state_dict, info)
    path = Path(info.filename)
    sd_model = checkpoint_files.build(checkpoint_files.read_yaml(path), path.parent).requires_grad_(False)
    sd_model.used_config = config
    timer.record("create model")
    load_model_weights(sd_model, info, state_dict, timer)
    send_model_to_device(sd_model)
    sd_hijack.model_hijack.hijack(sd_model)
    return sd_model.eval()


def use_checkpoint(info: CheckpointInfo | None = None) -> None:
    """What the pipeline calls where a job needs a checkpoint (the setting's if None)."""
    reload_model_weights(info=info)


def _drop_models_over_limit(keep: CheckpointInfo) -> Any:
    """Frees loaded models over the setting's limit, the oldest first; returns checkpoint `keep`'s, if loaded."""
    found = None
    for model in reversed(list(model_data.loaded_sd_models)):
        if model.sd_checkpoint_info.filename == keep.filename:
            found = model
        elif len(model_data.loaded_sd_models) > shared.opts.sd_checkpoints_limit > 0:
            model_data.loaded_sd_models.remove(model)
            send_model_to_trash(model)
    return found


def reuse_model_from_already_loaded(sd_model: Any, checkpoint_info: CheckpointInfo, timer: Timer) -> Any:
    """The model that is, or shall become, checkpoint_info's: compare its sd_checkpoint_info. None if there is none."""
    from modules import sd_vae

    if sd_model is not None and sd_model.sd_checkpoint_info.filename == checkpoint_info.filename:
        return sd_model
    if shared.opts.sd_checkpoints_keep_in_cpu:
        send_model_to_cpu(sd_model)
    found = _drop_models_over_limit(checkpoint_info)
    if found is not None:
        send_model_to_device(found)
        model_data.set_sd_model(found, already_loaded=True)
        _write_to_config(found.sd_checkpoint_info)
        sd_vae.reload_vae_weights(found)
        return found
    if shared.opts.sd_checkpoints_limit > 1 and len(model_data.loaded_sd_models) < shared.opts.sd_checkpoints_limit:
        model_data.sd_model = None
        return load_model(checkpoint_info)
    if not model_data.loaded_sd_models:
        return None
    oldest = model_data.loaded_sd_models.pop()
    model_data.sd_model = oldest
    sd_vae.base_vae = getattr(oldest, "base_vae", None)
    sd_vae.loaded_vae_file = getattr(oldest, "loaded_vae_file", None)
    sd_vae.checkpoint_info = oldest.sd_checkpoint_info
    return oldest


def reload_model_weights(
    sd_model: Any = None, info: CheckpointInfo | None = None, forced_reload: bool = False
) -> Any:
    """Makes the checkpoint (the setting's if None) the current model; nothing happens if it is, unless forced.

    on_model_loaded fires if a file was read. Raises what load_model raises.
    """
    checkpoint_info = info or select_checkpoint()
    timer = Timer()
    sd_model = sd_model or model_data.sd_model
    current = sd_model.sd_checkpoint_info if sd_model is not None else None
    if current is not None and current.filename == checkpoint_info.filename and not forced_reload:
        return sd_model
    sd_model = reuse_model_from_already_loaded(sd_model, checkpoint_info, timer)
    if not forced_reload and sd_model and sd_model.sd_checkpoint_info.filename == checkpoint_info.filename:
        return sd_model
    if sd_model is not None:
        sd_unet.apply_unet("None")
        send_model_to_cpu(sd_model)
        sd_hijack.model_hijack.undo_hijack(sd_model)
    state_dict = get_checkpoint_state_dict(checkpoint_info, timer)
    config = sd_models_config.find_checkpoint_config(state_dict, checkpoint_info)
    if sd_model is None or config != sd_model.used_config:
        load_model(checkpoint_info, already_loaded_state_dict=state_dict)
        return model_data.sd_model
    _reload_in_place(sd_model, checkpoint_info, state_dict, timer)
    model_data.set_sd_model(sd_model)
    sd_unet.apply_unet()
    return sd_model


def _reload_in_place(sd_model: Any, info: CheckpointInfo, state_dict: dict, timer: Timer) -> None:
    try:
        load_model_weights(sd_model, info, state_dict, timer)
    finally:
        sd_hijack.model_hijack.hijack(sd_model)
        sd_model.to(devices.device)
        script_callbacks.model_loaded_callback(sd_model)


def unload_model_weights(sd_model: Any = None, info: Any = None) -> Any:
    """Moves the model to the CPU."""
    send_model_to_cpu(sd_model or shared.sd_model)
    return sd_model


def apply_token_merging(sd_model: Any, token_merging_ratio: float) -> None:
    """Tokens are never merged here; the ratio is only noted, where others read it."""
    sd_model.applied_token_merged_ratio = token_merging_ratio
