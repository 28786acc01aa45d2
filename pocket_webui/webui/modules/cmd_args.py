"""The command line: A1111's flags as far as they mean something here, and the pocket WebUI's own."""

from __future__ import annotations

import argparse
import os

from modules.paths_internal import data_path, models_path, normalized_filepath, script_path, sd_default_config

parser = argparse.ArgumentParser(prog="pocket_webui", allow_abbrev=False)


def _switches(names_and_help: dict[str, str]) -> None:
    for name, text in names_and_help.items():
        parser.add_argument(name, action="store_true", help=text)


def _add_pocket() -> None:
    parser.add_argument("--host-mode", choices=["a1111", "forge"], default="a1111", help="WebUI to behave like")
    parser.add_argument("--extension", action="append", default=[], type=normalized_filepath, metavar="DIR",
                        help="load this folder as an extension too; may be given more than once")


def _add_folders() -> None:
    add = parser.add_argument
    add("--data-dir", type=normalized_filepath, default=data_path, help="folder of everything the user owns")
    add("--models-dir", type=normalized_filepath, default=None, help="folder of models, if not in the data folder")
    add("--config", type=normalized_filepath, default=sd_default_config, help="model config to use by default")
    add("--ckpt", type=normalized_filepath, default=None, help="checkpoint to load at the start")
    add("--ckpt-dir", type=normalized_filepath, default=None, help="further folder of checkpoints")
    add("--vae-dir", type=normalized_filepath, default=None, help="further folder of VAEs")
    add("--vae-path", type=normalized_filepath, default=None, help="use this VAE always; disables VAE settings")
    add("--embeddings-dir", type=normalized_filepath, default=os.path.join(data_path, "embeddings"))
    add("--hypernetwork-dir", type=normalized_filepath, default=os.path.join(models_path, "hypernetworks"))
    add("--localizations-dir", type=normalized_filepath, default=os.path.join(script_path, "localizations"))
    add("--ui-config-file", type=str, default=os.path.join(data_path, "ui-config.json"), help="defaults of the page")
    add("--ui-settings-file", type=str, default=os.path.join(data_path, "config.json"), help="settings")
    add("--styles-file", type=str, action="append", default=[], help="styles file; wildcards are allowed")
    add("--filenames-max-length", type=int, default=128, help="longest name of a saved image")


def _add_server() -> None:
    add = parser.add_argument
    add("--port", type=int, default=None, help="port of the page, 7860 by default")
    add("--server-name", type=str, default=None, help="address to listen on")
    add("--ngrok", type=str, default=None, help="has no effect here")
    add("--subpath", type=str, default=None, help="path prefix behind a reverse proxy")
    add("--theme", type=str, default=None, help="light or dark")
    add("--gradio-auth", type=str, default=None, help="user:password pairs for the page, comma separated")
    add("--gradio-auth-path", type=normalized_filepath, default=None, help="file with such pairs")
    add("--gradio-allowed-path", action="append", default=[data_path], help="folder the page may serve files from")
    add("--api-auth", type=str, default=None, help="user:password pairs for the API, comma separated")
    add("--cors-allow-origins", type=str, default=None, help="comma separated origins")
    add("--cors-allow-origins-regex", type=str, default=None, help="regular expression of origins")
    add("--tls-keyfile", type=str, default=None)
    add("--tls-certfile", type=str, default=None)
    add("--timeout-keep-alive", type=int, default=30)
    add("--loglevel", type=str, default=None, help="CRITICAL, ERROR, WARNING, INFO or DEBUG")


def _add_compute() -> None:
    add = parser.add_argument
    add("--precision", choices=["full", "half", "autocast"], default="autocast")
    add("--device-id", type=str, default=None, help="CUDA device")
    add("--use-cpu", nargs="+", default=[], type=str.lower, help="parts to run on the CPU, or `all`")
    add("--freeze-settings-in-sections", type=str, default=None, help="comma separated sections that cannot change")
    add("--freeze-specific-settings", type=str, default=None, help="comma separated settings that cannot change")


_add_pocket()
_add_folders()
_add_server()
_add_compute()
_switches({
    "--skip-install": "do not run install scripts of extensions",
    "--skip-version-check": "do not compare versions of torch and gradio",
    "--log-startup": "print how long each part of the start takes",
    "--listen": "listen on all addresses",
    "--share": "has no effect here: the pocket WebUI never opens a tunnel",
    "--autolaunch": "open the page in a browser",
    "--enable-insecure-extension-access": "allow managing extensions from other machines",
    "--api": "serve the API together with the page",
    "--nowebui": "serve the API without the page",
    "--api-log": "log API requests",
    "--api-server-stop": "let the API stop the server",
    "--no-gradio-queue": "use plain requests instead of the queue",
    "--gradio-debug": "debug output of gradio",
    "--ui-debug-mode": "start the page without a model",
    "--skip-load-model-at-start": "load the model at the first generation",
    "--use-textbox-seed": "seed as a text box",
    "--disable-console-progressbars": "no progress bars in the console",
    "--enable-console-prompts": "print prompts",
    "--no-progressbar-hiding": "has no effect here",
    "--no-prompt-history": "do not write params.txt",
    "--hide-ui-dir-config": "hide folder settings from the page and the API",
    "--freeze-settings": "settings cannot change",
    "--allow-code": "allow scripts that run code from the page",
    "--disable-all-extensions": "load no extension",
    "--disable-extra-extensions": "load built-in extensions only",
    "--no-half": "32-bit model",
    "--no-half-vae": "32-bit VAE",
    "--upcast-sampling": "has no effect here",
    "--medvram": "has no effect here",
    "--medvram-sdxl": "has no effect here",
    "--lowvram": "has no effect here",
    "--lowram": "has no effect here",
    "--use-ipex": "has no effect here",
    "--xformers": "has no effect here",
    "--no-hashing": "do not compute hashes of model files",
    "--no-download-sd-model": "has no effect here: nothing is ever downloaded",
    "--disable-nan-check": "do not look for NaN in results",
    "--disable-safe-unpickle": "load pickled files unchecked",
    "--unix-filenames-sanitization": "allow all characters but / in file names",
    "--test-server": "has no effect here",
})
