"""Folders of the WebUI; standard library only, because install scripts of extensions import it through `launch`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from modules import command_line


def normalized_filepath(filepath: str) -> str:
    """`filepath` as an absolute path, links not resolved."""
    return str(Path(filepath).absolute())


cwd = os.getcwd()
modules_path = os.path.dirname(os.path.realpath(__file__))
script_path = os.path.dirname(modules_path)
checkout_path = os.path.dirname(os.path.dirname(script_path))
forge_path = os.path.join(os.path.dirname(script_path), "webui_forge")
shipped_models_path = os.path.join(os.path.dirname(script_path), "models")
default_data_path = os.path.join(checkout_path, ".pocket")

sd_configs_path = os.path.join(script_path, "configs")
sd_default_config = os.path.join(sd_configs_path, "v1-inference.yaml")
sd_model_file = os.path.join(script_path, "model.ckpt")
default_sd_model_file = sd_model_file

# The data folder is the base of other flags' defaults, so these two are read before the real parser exists.
parser_pre = argparse.ArgumentParser(add_help=False)
parser_pre.add_argument("--data-dir", type=normalized_filepath, default=default_data_path)
parser_pre.add_argument("--models-dir", type=normalized_filepath, default=None)
cmd_opts_pre = parser_pre.parse_known_args(command_line.arguments())[0]

data_path = cmd_opts_pre.data_dir
models_path = cmd_opts_pre.models_dir or os.path.join(data_path, "models")
extensions_dir = os.path.join(data_path, "extensions")
extensions_builtin_dir = os.path.join(script_path, "extensions-builtin")
config_states_dir = os.path.join(data_path, "config_states")
default_output_dir = os.path.join(data_path, "outputs")
