"""What the API takes, as a JSON schema with what this machine has: the answer of `GET /vaeface/v1/schema`."""

from __future__ import annotations

import json
from typing import Any

from lib_vaeface import infotext
from lib_vaeface.fields import LONGEST, LONGEST_PROMPT, Field
from lib_vaeface.host import Host
from lib_vaeface.settings import FIELDS, GROUPS, NAMES
from lib_vaeface.ui.xyz import PREFIX, label, names
from lib_vaeface.version import __version__

PATH = "/vaeface/v1/schema"
TITLE = "VAE Face"
TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
LISTED = {"vaes": "VAEs", "samplers": "samplers", "face models": "face models"}
PRESET = {
    "type": "string",
    "title": "Preset",
    "description": "Name of a preset, whose values count where the object says nothing itself",
    "default": "",
}
EXAMPLES: tuple[dict[str, Any], ...] = (
    {"timing": "exact"},
    {"vae": True, "vae_name": "my-vae.safetensors"},
    {"schedule": False, "faces": True, "face_strength": 0.4, "face_prompt": "close-up portrait of a woman"},
)


def answer(host: Host) -> dict[str, Any]:
    """Names of files are as the page lists them; no folder is told."""
    return {
        "version": __version__,
        "host": host.name,
        "script": TITLE,
        "usage": "alwayson_scripts: {script: {args: [object of the schema]}}, or args: values in positional order",
        "schema": schema(host),
        "positional": list(NAMES),
        "infotext": {"v": infotext.SCHEMA, "keys": {group.key: _written(name) for name, group in GROUPS.items()}},
        "axes": [PREFIX + label(field) for field in FIELDS if field.axis],
        "examples": [{"alwayson_scripts": {TITLE: {"args": [example]}}} for example in EXAMPLES],
    }


def schema(host: Host | None = None) -> dict[str, Any]:
    """JSON schema of the one object that may be the first argument. host: None leaves out what only a machine has."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "type": "object",
        "additionalProperties": False,
        "properties": {**{field.name: _property(field, host) for field in FIELDS}, "preset": PRESET},
    }


def _property(field: Field, host: Host | None) -> dict[str, Any]:
    told: dict[str, Any] = {"type": TYPES[field.kind], "title": field.label, "description": field.help}
    # An object means "on" without saying so.
    told["default"] = True if field.name == GROUPS["vaeface"].switch else field.default
    told["x-group"] = GROUPS[field.group].title
    told |= {
        name: value
        for name, value in (("minimum", field.minimum), ("maximum", field.maximum), ("x-step", field.step))
        if value is not None
    }
    if field.listed:
        told["examples"] = [*field.choices, *(names(field.listed, host) if host else ())]
    elif field.choices:
        told["enum"] = list(field.choices)
    if field.kind is str and "enum" not in told:
        told["maxLength"] = LONGEST_PROMPT if field.lines > 1 else LONGEST
    return told


def _written(group: str) -> list[str]:
    return ["v", *(field.infotext for field in FIELDS if field.group == group and field.infotext)]


def markdown() -> str:
    """The table of docs/api.md: every name, in positional order."""
    columns = ("#", "name", "type", "default", "values", "infotext", "axis", "what")
    head = [f"| {' | '.join(columns)} |", f"| ---: |{' --- |' * (len(columns) - 1)}"]
    return "\n".join([*head, *(_row(number, field) for number, field in enumerate(FIELDS, 1))]) + "\n"


def _row(number: int, field: Field) -> str:
    told = _property(field, None)
    listed = [f"one of this machine's {LISTED[field.listed]}"] if field.listed else []
    values = ", ".join([*(f"`{value}`" for value in field.choices), *listed])
    if field.minimum is not None:
        values = f"{field.minimum:g} to {field.maximum:g}"
    key = f"{GROUPS[field.group].key}: `{field.infotext}`" if field.infotext else GROUPS[field.group].key
    axis = label(field) if field.axis else ""
    default = f"`{json.dumps(told['default'])}`"
    cells = (number, f"`{field.name}`", told["type"], default, values, key, axis, field.help)
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    print(markdown(), end="")
