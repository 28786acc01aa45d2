"""Settings and findings as infotext, and back.

One key per feature, written only when the feature is on, whose value is one JSON object with the schema's version in
"v". JSON survives the WebUI's parameter line: it always has a colon, so the WebUI quotes it as a whole. Keys consist
of letters and spaces, all that line accepts safely. A picture without our key switches the extension off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lib_vaeface.fields import Field, Value, accept
from lib_vaeface.settings import FIELDS, GROUPS, Settings

SCHEMA = 1
KEYS = tuple(group.key for group in GROUPS.values())
NOTE = "VAE Face note"
"""Key of notes where the extension stayed off because the switch's own value was wrong. Pasting leaves it off."""


def write(settings: Settings, found: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Text per key for every feature that is on. `found` holds what happened, by group name, as JSON values."""
    texts = {}
    for name, group in GROUPS.items():
        if settings.on(name):
            chosen = {f.infotext: getattr(settings, f.name) for f in FIELDS if f.group == name and _said(f, settings)}
            texts[group.key] = _text({**chosen, **found.get(name, {})})
    return texts


def stayed_off(notes: Sequence[str]) -> dict[str, str]:
    """Text per key where the extension was meant to be on, perhaps, and is off."""
    return {NOTE: _text({"notes": list(notes)})} if notes else {}


def found(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The JSON value of each of our groups in parsed infotext, by group name; a damaged value reads as {}."""
    return {name: _object(parameters[g.key]) for name, g in GROUPS.items() if g.key in parameters}


def read(parameters: Mapping[str, Any]) -> dict[str, Value]:
    """Values by field name that parsed infotext asks for; a name that is missing is to be left as it is, but an
    advanced one that is missing had its default.

    Schemas newer than ours are read as far as we know their names.
    """
    groups = found(parameters)
    if "vaeface" not in groups:
        return {"enabled": False}
    values: dict[str, Value] = {group.switch: name in groups for name, group in GROUPS.items()}
    for field in FIELDS:
        group = groups.get(field.group, {})
        given = group.get(field.infotext, field.default if field.advanced and group else None)
        if given is not None:
            value, note = accept(field, given)
            if not note:
                values[field.name] = value
    return values


def _said(field: Field, settings: Settings) -> bool:
    """Whether a field is written: advanced ones only where they differ from the default, which a missing one means."""
    return bool(field.infotext) and (not field.advanced or getattr(settings, field.name) != field.default)


def _text(value: Mapping[str, object]) -> str:
    return json.dumps({"v": SCHEMA, **value}, ensure_ascii=False, separators=(",", ":"))


def _object(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
