"""Run by the WebUI at every start. Installs nothing but pyparsing, and that only where it is missing.

torch, safetensors, Pillow and gradio belong to the WebUI and are never named here. Whatever goes wrong, the WebUI
starts: the exit code is 0.
"""

import os
import sys
from importlib import util

REQUIREMENTS = {"pyparsing": "pyparsing>=3.0.9,<4"}


def missing():
    """Requirements of which no version at all is installed; another version than ours is the WebUI's choice."""
    return [requirement for name, requirement in REQUIREMENTS.items() if not _installed(name)]


def _installed(name):
    if util.find_spec(name) is not None:  # by far the quickest answer, and the usual one
        return True
    from importlib import metadata

    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def install(requirement):
    """Install through the WebUI's launcher, which knows its pip settings, or by pip where there is no launcher."""
    try:
        import launch

        skip, run_pip = launch.args.skip_install, launch.run_pip
    except Exception:
        skip, run_pip = "--skip-install" in os.environ.get("COMMANDLINE_ARGS", "").split(), None
    if skip:
        return
    if run_pip is None:
        import subprocess

        subprocess.run([sys.executable, "-m", "pip", "install", "--no-deps", requirement], check=True)
    else:
        run_pip(f'install "{requirement}" --no-deps', f"{requirement} for VAE Face")


def main():
    try:
        for requirement in missing():
            install(requirement)
    except Exception as error:
        print(f"VAE Face could not install what it is missing: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
