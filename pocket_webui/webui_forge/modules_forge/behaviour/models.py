"""Checkpoints: loaded with the first picture, as engines, anew whenever checkpoint or modules change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from backend.engine import Engine
from modules import devices, lowvram, script_callbacks, sd_hijack, sd_models, sd_vae, shared
from modules.options import OptionInfo
from modules.timer import Timer
from modules_forge.main_entry import OPTION
from pocket_webui.nets import checkpoint as checkpoint_files


class FakeInitialModel:
    """Stands for a model until the first picture."""

    cond_stage_model = None
    chunk_length = 75

    def get_prompt_lengths_on_ui(self, prompt: str) -> tuple[int, int]:
        count = len(prompt.split())
        return count, max(count, self.chunk_length)


def wanted() -> dict[str, Any]:
    return {"checkpoint_info": sd_models.select_checkpoint(), "additional_modules": list(getattr(shared.opts, OPTION))}


def forge_model_reload() -> tuple[Any, bool]:
    """The engine that the settings ask for, and whether it was loaded just now."""
    return _load(wanted())


@torch.inference_mode()
def _load(parameters: dict[str, Any]) -> tuple[Any, bool]:
    data: Any = sd_models.model_data
    info, modules = parameters["checkpoint_info"], parameters["additional_modules"]
    key = str({"checkpoint": info.filename, "modules": modules})
    if data.forge_hash == key:
        return data.sd_model, False
    timer = Timer()
    data.sd_model = None
    sd_hijack.model_hijack.circular_enabled = False  # the new network is not
    with torch.random.fork_rng(devices=[]):  # Forge draws nothing while it loads
        network = sd_models.build_model(info, sd_models.get_checkpoint_state_dict(info, timer), timer)
    for module in modules:
        network.first_stage_model.load_state_dict(checkpoint_files.load_vae_state(Path(module)))
    network.first_stage_model.to(devices.dtype_vae)
    engine = Engine(network, info)
    data.sd_model, data.forge_loading_parameters = engine, parameters
    script_callbacks.model_loaded_callback(engine)
    data.forge_hash = key
    return engine, True


def use_checkpoint(info: Any = None) -> None:
    parameters = wanted()
    _load({**parameters, "checkpoint_info": info or parameters["checkpoint_info"]})


def _nothing(*_: Any, **__: Any) -> None:
    """What Forge has kept as a name alone."""


def install() -> None:
    data: Any = sd_models.model_data
    data.sd_model, data.forge_hash, data.forge_loading_parameters = FakeInitialModel(), "", {}
    data.get_sd_model = lambda: data.sd_model
    names: Any = sd_models
    names.forge_model_reload, names.use_checkpoint = forge_model_reload, use_checkpoint
    names.reload_model_weights = names.load_model = _nothing
    vae: Any = sd_vae
    vae.load_vae = vae.reload_vae_weights = _nothing
    vae.get_loaded_vae_name = vae.get_loaded_vae_hash = lambda: None
    low: Any = lowvram
    low.is_enabled, low.send_everything_to_cpu = lambda model: False, _nothing
    shared.opts.add_option(OPTION, OptionInfo([], "VAE / Text Encoder", section=(None, "Forge Hidden options")))
