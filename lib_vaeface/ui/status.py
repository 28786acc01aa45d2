"""The live status in the panel's header and the help of every control: data here, words in javascript/vaeface.js.

The page keeps both up to date by itself; no server is asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from lib_vaeface.settings import FIELDS, GROUPS
from lib_vaeface.ui.html import Markup, tag

READ = {"schedule": ("timing",), "vae": ("vae_name",), "faces": ("face_strength", "face_vae")}
"""By feature: the fields whose values the header names."""
PARTS = Path(__file__).parents[2] / "javascript" / "parts"
SHOWN = (*(group.switch for group in GROUPS.values()), *(name for names in READ.values() for name in names))


def status(elem_id: Callable[[str], str]) -> Markup:
    """The place for the status. elem_id: of a field's control; that of the extension's switch is its accordion's."""
    defaults = {field.name: field.default for field in FIELDS}
    features = [
        {
            "feature": name,
            "switch": elem_id(GROUPS[name].switch),
            "on": defaults[GROUPS[name].switch],
            "values": {field: [elem_id(field), str(defaults[field])] for field in fields},
        }
        for name, fields in READ.items()
    ]
    master = elem_id(GROUPS["vaeface"].switch)
    help = {elem_id(field.name): field.help for field in FIELDS if not field.hidden}
    return tag(
        "span", class_="vaeface-status", data_master=master, data_features=json.dumps(features),
        data_help=json.dumps(help), data_refresh=elem_id("vae_refresh"), data_files=elem_id("vae_files"),
        data_pickers=json.dumps([elem_id(field.name) for field in FIELDS if field.listed == "vaes"]),
        data_parts=max((file.stat().st_mtime for file in PARTS.glob("*.js")), default=0),
    )  # fmt: skip
