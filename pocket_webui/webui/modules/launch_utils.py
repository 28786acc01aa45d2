"""What an extension's `install.py` finds behind `import launch`, and the running of those scripts.

Standard library only: it is imported by a fresh process per extension at every start."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping

from modules import cmd_args, command_line, errors
from modules.paths_internal import extensions_dir, script_path
from modules.timer import startup_timer

args, _ = cmd_args.parser.parse_known_args(command_line.arguments())

python = sys.executable
git = os.environ.get("GIT", "git")
index_url = os.environ.get("INDEX_URL", "")
dir_repos = "repositories"
default_command_live = os.environ.get("WEBUI_LAUNCH_LIVE_OUTPUT") == "1"

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")


def commit_hash() -> str:
    """The pocket WebUI is not a checkout of A1111, so there is no commit to name."""
    return "<none>"


def git_tag() -> str:
    """The release of A1111 whose behaviour this program shows; it goes into infotext as the version."""
    return "v1.10.1"


def run(
    command: str,
    desc: str | None = None,
    errdesc: str | None = None,
    custom_env: Mapping[str, str] | None = None,
    live: bool = default_command_live,
) -> str:
    """Run a shell command and return what it printed ("" if `live`). RuntimeError if it fails, with its output."""
    if desc is not None:
        print(desc)
    pipe = None if live else subprocess.PIPE
    result = subprocess.run(command, shell=True, env=custom_env, encoding="utf8", errors="ignore", stdout=pipe,
                            stderr=pipe, check=False)
    if result.returncode == 0:
        return result.stdout or ""
    message = [f"{errdesc or 'Error running command'}.", f"Command: {command}", f"Error code: {result.returncode}"]
    message += [f"{name}: {text}" for name, text in (("stdout", result.stdout), ("stderr", result.stderr)) if text]
    raise RuntimeError("\n".join(message))


def is_installed(package: str) -> bool:
    """Whether a distribution or, failing that, an importable module of this name exists."""
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        try:
            return importlib.util.find_spec(package) is not None
        except ModuleNotFoundError:
            return False
    return True


def repo_dir(name: str) -> str:
    return os.path.join(script_path, dir_repos, name)


def run_pip(command: str, desc: str | None = None, live: bool = default_command_live) -> str | None:
    """Run pip with `command`, for example "install x"; does nothing under --skip-install. RuntimeError if it fails."""
    if args.skip_install:
        return None
    index = f" --index-url {index_url}" if index_url else ""
    return run(f'"{python}" -m pip {command} --prefer-binary{index}', desc=f"Installing {desc}",
               errdesc=f"Couldn't install {desc}", live=live)


def check_run_python(code: str) -> bool:
    """Whether `code` runs without an error in a fresh interpreter."""
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def run_extension_installer(extension_dir: str) -> None:
    """Run the extension's install.py in a process of its own with the WebUI root importable.

    A failure is reported and otherwise ignored: it must not keep the WebUI from starting."""
    installer = os.path.join(extension_dir, "install.py")
    if not os.path.isfile(installer):
        return
    env = {**os.environ, "PYTHONPATH": f"{script_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    try:
        output = run(f'"{python}" "{installer}"', custom_env=env,
                     errdesc=f"Error running install.py for extension {extension_dir}").strip()
        if output:
            print(output)
    except Exception as e:
        errors.report(str(e))


def list_extensions(settings_file: str) -> list[str]:
    """Folder names in the extensions folder that settings and flags do not disable, in the system's order."""
    settings: dict = {}
    try:
        with open(settings_file, encoding="utf8") as file:
            settings = json.load(file)
    except FileNotFoundError:
        pass
    except Exception:
        errors.report(f"Could not read settings from {settings_file}; correct or delete the file", exc_info=True)

    disabled_all = settings.get("disable_all_extensions", "none") != "none"
    if disabled_all or args.disable_extra_extensions or args.disable_all_extensions:
        return []
    if not os.path.isdir(extensions_dir):
        return []
    disabled = set(settings.get("disabled_extensions", []))
    return [name for name in os.listdir(extensions_dir) if name not in disabled]


def run_extensions_installers(settings_file: str) -> None:
    """Run the install scripts of all enabled extensions, those of --extension folders last; none under
    --skip-install."""
    if args.skip_install or args.disable_all_extensions:
        return
    folders = [os.path.join(extensions_dir, name) for name in list_extensions(settings_file)]
    with startup_timer.subcategory("run extensions installers"):
        for folder in [*folders, *args.extension]:
            if os.path.isdir(folder):
                run_extension_installer(folder)
                startup_timer.record(os.path.basename(folder))
