"""The parsed command line, after extensions have added their flags in `preload.py`."""

from __future__ import annotations

import os

from modules import cmd_args, command_line, launch_utils, script_loading
from modules.paths_internal import extensions_builtin_dir, extensions_dir

parser = cmd_args.parser

script_loading.preload_extensions(
    extensions_dir, parser, extension_list=launch_utils.list_extensions(launch_utils.args.ui_settings_file)
)
script_loading.preload_extensions(extensions_builtin_dir, parser)
for _directory in launch_utils.args.extension:
    script_loading.preload_extensions(os.path.dirname(_directory), parser, [os.path.basename(_directory)])

if os.environ.get("IGNORE_CMD_ARGS_ERRORS") is None:
    cmd_opts = parser.parse_args(command_line.arguments())
else:
    cmd_opts, _ = parser.parse_known_args(command_line.arguments())

cmd_opts.webui_is_non_local = bool(cmd_opts.share or cmd_opts.listen or cmd_opts.ngrok or cmd_opts.server_name)
cmd_opts.disable_extension_access = cmd_opts.webui_is_non_local and not cmd_opts.enable_insecure_extension_access
