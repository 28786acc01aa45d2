"""Finding Python interpreters."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from devtools.console import output_of, windows

SUPPORTED = ("3.10", "3.11", "3.12")


def running_version() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def version_of_environment(folder: Path) -> str | None:
    """"3.11" for a virtual environment made by Python 3.11.7; None when there is none, or a broken one."""
    python = folder / ("Scripts/python.exe" if windows() else "bin/python")
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf8").splitlines()
    except OSError:
        return None
    settings = dict(line.replace(" ", "").split("=", 1) for line in lines if "=" in line)
    version = settings.get("version") or settings.get("version_info") or ""
    return ".".join(version.split(".")[:2]) if version and python.exists() else None


def find(version: str) -> Path | None:
    """An interpreter of that version ("3.10"): this one, on PATH, the Windows launcher's, or pyenv's."""
    if version == running_version():
        return Path(sys.executable)
    for candidate in _candidates(version):
        said = output_of([candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        if said.strip() == version:
            return candidate
    return None


def _candidates(version: str) -> list[Path]:
    named = shutil.which(f"python{version}")
    candidates = [Path(named)] if named else []
    if windows() and shutil.which("py"):
        launched = output_of(["py", f"-{version}", "-c", "import sys; print(sys.executable)"]).strip()
        candidates += [Path(launched)] if launched else []
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    tail = "python.exe" if windows() else "bin/python"
    return candidates + sorted((folder / tail for folder in pyenv.glob(f"versions/{version}.*")), reverse=True)


def refusal() -> str | None:
    """Why the running Python cannot be used, and which one here could; None when it can."""
    if running_version() in SUPPORTED:
        return None
    other = next((path for version in SUPPORTED if (path := find(version))), None)
    advice = f"Found here, and right: {other} dev.py ..." if other else "Install one, then: python3.11 dev.py ..."
    return f"Python {', '.join(SUPPORTED)} are supported; this is {running_version()}.\n{advice}"
