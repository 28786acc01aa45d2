"""State that every part of the WebUI shares. Filled by `shared_init.initialize()`; before it `opts` is None."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from modules import options, shared_cmd_options, shared_items, util
from modules.paths_internal import (  # noqa: F401
    data_path,
    default_sd_model_file,
    extensions_builtin_dir,
    extensions_dir,
    models_path,
    script_path,
    sd_configs_path,
    sd_default_config,
    sd_model_file,
)

if TYPE_CHECKING:
    from modules import shared_state, shared_total_tqdm, styles

cmd_opts = shared_cmd_options.cmd_opts
parser = shared_cmd_options.parser

batch_cond_uncond = True
parallel_processing_allowed = True
styles_filename = cmd_opts.styles_file = cmd_opts.styles_file or [os.path.join(data_path, "styles.csv")]
config_filename = cmd_opts.ui_settings_file
hide_dirs = {"visible": not cmd_opts.hide_ui_dir_config}

sd_model: Any  # a property of the module's class, see the end of the file
demo: Any = None
device: Any = None
weight_load_location: str | None = None
xformers_available = False
hypernetworks: dict[str, str] = {}
loaded_hypernetworks: list[Any] = []
state: shared_state.State = None  # type: ignore[assignment]
prompt_styles: styles.StyleDatabase = None  # type: ignore[assignment]
interrogator: Any = None
face_restorers: list[Any] = []
options_templates: dict[str, options.OptionInfo] = None  # type: ignore[assignment]
opts: options.Options = None  # type: ignore[assignment]
restricted_opts: set[str] = None  # type: ignore[assignment]
sd_upscalers: list[Any] = []
clip_model: Any = None
settings_components: dict[str, Any] = None  # type: ignore[assignment]
tab_names: list[str] = []
gradio_theme: Any = None
total_tqdm: shared_total_tqdm.TotalTQDM = None  # type: ignore[assignment]
mem_mon: Any = None
progress_print_out = sys.stdout

latent_upscale_default_mode = "Latent"
latent_upscale_modes = {
    "Latent": {"mode": "bilinear", "antialias": False},
    "Latent (antialiased)": {"mode": "bilinear", "antialias": True},
    "Latent (bicubic)": {"mode": "bicubic", "antialias": False},
    "Latent (bicubic antialiased)": {"mode": "bicubic", "antialias": True},
    "Latent (nearest)": {"mode": "nearest", "antialias": False},
    "Latent (nearest-exact)": {"mode": "nearest-exact", "antialias": False},
}

options_section = options.options_section
OptionInfo = options.OptionInfo
OptionHTML = options.OptionHTML

natural_sort_key = util.natural_sort_key
listfiles = util.listfiles
html_path = util.html_path
html = util.html
walk_files = util.walk_files
ldm_print = util.ldm_print

list_checkpoint_tiles = shared_items.list_checkpoint_tiles
refresh_checkpoints = shared_items.refresh_checkpoints
list_samplers = shared_items.list_samplers
reload_hypernetworks = shared_items.reload_hypernetworks


def reload_gradio_theme(theme_name: str | None = None) -> None:
    """Set `gradio_theme`. There is one theme here: others would have to be downloaded."""
    import gradio as gr

    global gradio_theme
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
    gradio_theme = gr.themes.Default(**fonts)


# `shared.sd_model` loads the model when it is first read; a module gets such an attribute only through its class.
sys.modules[__name__].__class__ = shared_items.Shared
