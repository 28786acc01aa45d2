"""Translations of the page: JSON files that map visible English text to another language."""

from __future__ import annotations

import json
import os

from modules import errors, scripts

localizations: dict[str, list[str]] = {}


def list_localizations(dirname: str) -> None:
    """Find the files in `dirname` and in the extensions' localizations folders; files of one name add up."""
    localizations.clear()
    own = sorted(os.listdir(dirname)) if os.path.isdir(dirname) else []
    files = [(name, os.path.join(dirname, name)) for name in own if name.lower().endswith(".json")]
    files += [(file.filename, file.path) for file in scripts.list_scripts("localizations", ".json")]
    for name, path in files:
        localizations.setdefault(os.path.splitext(name)[0], []).append(path)


def localization_js(current_localization_name: str) -> str:
    """A line of JavaScript that sets window.localization to the merged files; later files win."""
    merged: dict[str, str] = {}
    for path in localizations.get(current_localization_name, []):
        try:
            with open(path, encoding="utf8") as file:
                merged.update(json.load(file))
        except Exception:
            errors.report(f"Error loading localization from {path}", exc_info=True)
    return f"window.localization = {json.dumps(merged)}"
