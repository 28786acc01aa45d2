"""Before the WebUI starts: import path, environment, port, weights. Imports nothing heavy."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent
WEBUI = PACKAGE / "webui"
WEIGHTS = PACKAGE / "models" / "pocket.safetensors"
_VAE_ENDINGS = ("-vae", "-ema", "-mse", ".vae")


class LaunchError(Exception):
    """A start that cannot work; the message says what is wrong and what to do."""


def prepare_process() -> None:
    """Make `import modules` find the WebUI, and nothing find the checkout.

    On A1111 an extension's folder is on `sys.path` only while its scripts are loaded. The checkout is such a folder,
    so it must not stay there, or imports would work here that fail there."""
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    # gradio asks its own server whether it is up; a proxy of the environment must not stand in between.
    local = ["127.0.0.1", "localhost", *filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY")])]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(local)
    sys.path[:] = [str(WEBUI), *(entry for entry in sys.path if Path(entry or ".").resolve() not in (CHECKOUT, WEBUI))]


def parse_webui_flags(flags: list[str], prog: str) -> argparse.Namespace:
    """The WebUI's flags; prints help or a mistake and exits as argparse does. Flags that extensions define in a
    preload.py are not known yet and are left for later."""
    from modules import command_line

    command_line.use(flags)
    from modules import cmd_args

    cmd_args.parser.prog = prog
    options, _ = cmd_args.parser.parse_known_args(command_line.arguments())
    for folder in options.extension:
        if not Path(folder).is_dir():
            raise LaunchError(f"--extension {folder}: there is no such folder.")
    return options


def listen_address(options: argparse.Namespace) -> str:
    """The address to listen on: this machine only, unless a flag says otherwise."""
    return options.server_name or ("0.0.0.0" if options.listen else "127.0.0.1")


def check_port(address: str, port: int) -> None:
    """LaunchError if the port cannot be opened."""
    if not 0 < port < 65536:
        raise LaunchError(f"--port {port}: give a number from 1 to 65535.")
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as e:
            raise LaunchError(
                f"Port {port} on {address} cannot be used ({e.strerror}). If another program, perhaps an earlier "
                f"start of this one, listens there, stop it, or choose another port with --port {port + 1}."
            ) from e


def _is_checkpoint(path: Path) -> bool:
    return path.suffix in (".safetensors", ".ckpt") and not path.stem.endswith(_VAE_ENDINGS)


def check_weights(options: argparse.Namespace) -> None:
    """LaunchError if no checkpoint can be found in any of the places where the WebUI looks for one."""
    if options.ckpt:
        if not Path(options.ckpt).is_file():
            raise LaunchError(f"--ckpt {options.ckpt}: there is no such file.")
        return
    models = Path(options.models_dir or Path(options.data_dir) / "models")
    folders = [WEIGHTS.parent, models / "Stable-diffusion", *([Path(options.ckpt_dir)] if options.ckpt_dir else [])]
    if options.ui_debug_mode or any(_is_checkpoint(path) for folder in folders for path in folder.rglob("*")):
        return
    raise LaunchError(
        f"The weights are missing: there is no {WEIGHTS}.\n"
        "They belong to the repository: get the file back with your checkout, or make it with `python dev.py train`. "
        f"Another checkpoint of the same kind can be put into {models / 'Stable-diffusion'} or named with --ckpt FILE."
    )


def start(flags: list[str], headless: bool) -> None:
    """Start the WebUI; without `headless` returns when it is stopped. LaunchError if the model cannot be loaded."""
    from modules import initialize

    try:
        initialize.start(headless=headless, args=flags)
    except (FileNotFoundError, ValueError) as e:
        raise LaunchError(f"The WebUI cannot start: {e}") from e


def explain(choices: Any, given: str, what: str) -> LaunchError:
    """An error for a name that is not among `choices`."""
    return LaunchError(f"There is no {what} \"{given}\". Choose one of: {', '.join(map(str, choices))}.")
