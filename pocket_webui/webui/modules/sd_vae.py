"""Lists VAE files, decides which one a checkpoint gets, and swaps it into the model.

The swap is A1111's with its dangers (facts on A1111, section VAE), because an extension must survive them: an unknown
name means the checkpoint's own VAE without an error; a file of the wrong size raises when most tensors are overwritten.
"""

from __future__ import annotations

import collections
import glob
import os
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch

from modules import devices, extra_networks, hashes, paths, script_callbacks, sd_hijack, sd_models, shared

vae_path = os.path.abspath(os.path.join(paths.models_path, "VAE"))
vae_ignore_keys = {"model_ema.decay", "model_ema.num_updates"}
vae_dict: dict[str, str] = {}
base_vae: dict[str, torch.Tensor] | None = None
loaded_vae_file: str | None = None
checkpoint_info: Any = None
checkpoints_loaded: collections.OrderedDict[str, dict] = collections.OrderedDict()
unspecified = object()


def get_loaded_vae_name() -> str | None:
    """File name of the VAE in use; None for the checkpoint's own."""
    return None if loaded_vae_file is None else os.path.basename(loaded_vae_file)


def get_loaded_vae_hash() -> str | None:
    """First ten characters of the file's sha256. All VAEs share one cache key, so that the second one used gets the
    first one's hash unless its file is newer: as on A1111."""
    if loaded_vae_file is None:
        return None
    sha256 = hashes.sha256(loaded_vae_file, "vae")
    return sha256[:10] if sha256 else None


def get_base_vae(model: Any) -> dict[str, torch.Tensor] | None:
    """Tensors of the checkpoint's own VAE while another one is in use."""
    return base_vae if checkpoint_info == model.sd_checkpoint_info else None


def store_base_vae(model: Any) -> None:
    global base_vae, checkpoint_info
    if checkpoint_info != model.sd_checkpoint_info:
        assert not loaded_vae_file, "the checkpoint's own VAE is already replaced and cannot be kept"
        base_vae = deepcopy(model.first_stage_model.state_dict())
        checkpoint_info = model.sd_checkpoint_info


def delete_base_vae() -> None:
    global base_vae, checkpoint_info
    base_vae = checkpoint_info = None


def restore_base_vae(model: Any) -> None:
    global loaded_vae_file
    if base_vae is not None and checkpoint_info == model.sd_checkpoint_info:
        _load_vae_dict(model, base_vae)
        loaded_vae_file = None
    delete_base_vae()


def get_filename(filepath: str) -> str:
    return os.path.basename(filepath)


def _found_below(folder: str | None, pattern: str) -> list[str]:
    return glob.glob(os.path.join(glob.escape(folder), "**", pattern), recursive=True) if folder else []


def refresh_vae_list() -> None:
    """Fills vae_dict (file name -> path), by name. Of two files with one name the later found one is listed."""
    shipped = [path for path in _found_below(paths.shipped_models_path, "*.safetensors") if sd_models.is_vae_file(path)]
    found = [
        *shipped,
        *_found_below(sd_models.model_path, "*.vae.safetensors"),
        *_found_below(vae_path, "*.safetensors"),
        *_found_below(shared.cmd_opts.ckpt_dir, "*.vae.safetensors"),
        *_found_below(shared.cmd_opts.vae_dir, "*.safetensors"),
    ]
    named = {get_filename(path): path for path in found}
    vae_dict.clear()
    vae_dict.update(sorted(named.items(), key=lambda item: shared.natural_sort_key(item[0])))


def find_vae_near_checkpoint(checkpoint_file: str) -> str | None:
    """The first VAE whose name begins with the checkpoint's name (`anything` also finds `anything-v4.vae`).

    Not one of those that come with this program: `pocket` would never have its own.
    """
    stem = os.path.basename(checkpoint_file).rsplit(".", 1)[0]
    theirs = [path for path in vae_dict.values() if os.path.dirname(path) != paths.shipped_models_path]
    return next((path for path in theirs if os.path.basename(path).startswith(stem)), None)


@dataclass
class VaeResolution:
    """vae: path, None for the checkpoint's own. resolved: False if the source had nothing to say."""

    vae: str | None = None
    source: str | None = None
    resolved: bool = True

    def tuple(self) -> tuple[str | None, str | None]:
        return self.vae, self.source


def is_automatic() -> bool:
    return shared.opts.sd_vae in {"Automatic", "auto"}


def resolve_vae_from_setting() -> VaeResolution:
    name = shared.opts.sd_vae
    if name == "None":
        return VaeResolution()
    if name in vae_dict:
        return VaeResolution(vae_dict[name], "specified in settings")
    if not is_automatic():
        print(f"Couldn't find VAE named {name}; using None instead")
    return VaeResolution(resolved=False)


def resolve_vae_from_user_metadata(checkpoint_file: str) -> VaeResolution:
    name = extra_networks.get_user_metadata(checkpoint_file).get("vae")
    if name == "None":
        return VaeResolution()
    if name in vae_dict:
        return VaeResolution(vae_dict[name], "from user metadata")
    return VaeResolution(resolved=False)


def resolve_vae_near_checkpoint(checkpoint_file: str) -> VaeResolution:
    near = find_vae_near_checkpoint(checkpoint_file)
    if near is not None and (is_automatic() or not shared.opts.sd_vae_overrides_per_model_preferences):
        return VaeResolution(near, "found near the checkpoint")
    return VaeResolution(resolved=False)


def resolve_vae(checkpoint_file: str) -> VaeResolution:
    """The first that speaks of: --vae-path, the setting if it overrides, user metadata, a near file, the setting."""
    if shared.cmd_opts.vae_path is not None:
        return VaeResolution(shared.cmd_opts.vae_path, "from commandline argument")
    if shared.opts.sd_vae_overrides_per_model_preferences and not is_automatic():
        return resolve_vae_from_setting()
    for source in (resolve_vae_from_user_metadata, resolve_vae_near_checkpoint):
        found = source(checkpoint_file)
        if found.resolved:
            return found
    return resolve_vae_from_setting()


def load_vae_dict(filename: str, map_location: str | None = None) -> dict[str, torch.Tensor]:
    state = sd_models.read_state_dict(filename, map_location=map_location)
    return {key: value for key, value in state.items() if not key.startswith("loss") and key not in vae_ignore_keys}


def _tensors_of(vae_file: str, vae_source: str | None) -> dict[str, torch.Tensor]:
    """The file's tensors, from memory where the setting keeps some there."""
    if vae_file in checkpoints_loaded:
        return checkpoints_loaded[vae_file]
    return load_vae_dict(vae_file, map_location=shared.weight_load_location)


def _remember(vae_file: str, tensors: dict[str, torch.Tensor]) -> None:
    keep = shared.opts.sd_vae_checkpoint_cache
    if keep > 0:
        checkpoints_loaded[vae_file] = tensors
        while len(checkpoints_loaded) > keep + 1:
            checkpoints_loaded.popitem(last=False)


def load_vae(model: Any, vae_file: str | None = None, vae_source: str | None = "from unknown source") -> None:
    """Puts the file's tensors into the model, or its own VAE back (None). The model must not be hijacked.

    Raises RuntimeError if the file does not fit; by then every tensor that does fit is overwritten.
    """
    global loaded_vae_file
    if vae_file:
        assert os.path.isfile(vae_file), f"VAE {vae_source} doesn't exist: {vae_file}"
        print(f"Loading VAE weights {vae_source}: {vae_file}")
        store_base_vae(model)
        tensors = _tensors_of(vae_file, vae_source)
        _load_vae_dict(model, tensors)
        _remember(vae_file, tensors)
        vae_dict.setdefault(get_filename(vae_file), vae_file)
    elif loaded_vae_file:
        restore_base_vae(model)
    loaded_vae_file = vae_file
    model.base_vae = base_vae
    model.loaded_vae_file = loaded_vae_file


def _load_vae_dict(model: Any, tensors: dict[str, torch.Tensor]) -> None:
    model.first_stage_model.load_state_dict(tensors)
    model.first_stage_model.to(devices.dtype_vae)


def clear_loaded_vae() -> None:
    global loaded_vae_file
    loaded_vae_file = None


def reload_vae_weights(sd_model: Any = None, vae_file: Any = unspecified) -> Any:
    """Swaps the VAE to vae_file (a path, None for the checkpoint's own), or to what the settings say. The whole model
    goes to the CPU and back, and on_model_loaded fires. After an error the model is left on the CPU, not hijacked."""
    sd_model = sd_model or shared.sd_model
    vae_source: str | None = "from function argument"
    if vae_file is unspecified:
        vae_file, vae_source = resolve_vae(sd_model.sd_checkpoint_info.filename).tuple()
    if loaded_vae_file == vae_file:
        return None
    sd_model.to(devices.cpu)
    sd_hijack.model_hijack.undo_hijack(sd_model)
    load_vae(sd_model, vae_file, vae_source)
    sd_hijack.model_hijack.hijack(sd_model)
    sd_model.to(devices.device)
    script_callbacks.model_loaded_callback(sd_model)
    print("VAE weights loaded.")
    return sd_model
