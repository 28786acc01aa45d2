"""Presets: settings under a name, in a folder of JSON files that several processes may write."""

from __future__ import annotations

import os
from pathlib import Path

from .shelf import Shelf

FOLDER = "presets"


def shelf_in(data: Path, chosen: object) -> Shelf:
    """The shelf of a WebUI. data: where the extension keeps its files. chosen: the option's folder, "" for `data`'s."""
    text = str(chosen or "").strip()
    return Shelf(data.parent / os.path.expanduser(text) if text and "\0" not in text else data / FOLDER)
