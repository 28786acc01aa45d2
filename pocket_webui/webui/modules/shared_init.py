"""Fills `modules.shared`. Must run before modules are imported that read options at import."""

from __future__ import annotations

import os

import torch

from modules import devices, options, shared, shared_options, shared_state, shared_total_tqdm, styles
from modules.shared import cmd_opts


def _load_options() -> None:
    shared.options_templates = shared_options.options_templates
    shared.restricted_opts = shared_options.restricted_opts
    shared.opts = options.Options(shared.options_templates, shared.restricted_opts)
    shared.opts.load(shared.config_filename)


def _choose_devices() -> None:
    devices.device = devices.get_device_for("sd")
    devices.device_interrogate = devices.get_device_for("interrogate")
    devices.device_gfpgan = devices.get_device_for("gfpgan")
    devices.device_esrgan = devices.get_device_for("esrgan")
    devices.device_codeformer = devices.get_device_for("codeformer")
    # Half precision on a CPU is slower than full and lacks operations.
    full = cmd_opts.no_half or devices.device.type == "cpu"
    devices.dtype = devices.dtype_unet = torch.float32 if full else torch.float16
    devices.dtype_vae = torch.float32 if full or cmd_opts.no_half_vae else torch.float16
    devices.dtype_inference = torch.float32 if cmd_opts.precision == "full" else devices.dtype
    shared.device = devices.device
    shared.weight_load_location = None if cmd_opts.lowram else "cpu"


def initialize() -> None:
    """Set up options (from the settings file), devices, state, styles and the console's progress bar."""
    os.makedirs(shared.data_path, exist_ok=True)
    _load_options()
    _choose_devices()
    shared.state = shared_state.State()
    shared.prompt_styles = styles.StyleDatabase(shared.styles_filename)
    shared.total_tqdm = shared_total_tqdm.TotalTQDM()
