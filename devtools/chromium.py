"""Finding a Chrome for the browser tests, and installing Debian's where that is welcome."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from devtools.console import run, say, under_ci

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)


def find() -> str | None:
    """The path of a Chrome: $CHROMIUM, one on PATH, or one where installers put it."""
    named = os.environ.get("CHROMIUM")
    if named and Path(named).is_file():
        return named
    return next(filter(None, map(shutil.which, NAMES)), None) or next(filter(os.path.isfile, PLACES), None)


def ensure(install: bool) -> bool:
    """Whether there is one now. Debian's is installed when `install` is asked for, or by root under CI."""
    if find():
        return True
    root_with_apt = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    if root_with_apt and (install or under_ci()):
        say("installing Debian's chromium for the browser tests")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-qq"], quiet)
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], quiet)
        return find() is not None
    say("No Chrome or Chromium found: browser tests are left out.")
    say("To run them install one (as root on Debian: dev.py test --install-chromium), or set CHROMIUM to its path.")
    return False
