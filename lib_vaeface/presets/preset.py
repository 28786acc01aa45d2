"""One preset, and the JSON that it is kept as."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lib_vaeface.settings import NAMES

from .names import valid

SCHEMA = 1


class Damaged(ValueError):
    """What should have been a preset is none; the message says why."""


@dataclass(frozen=True)
class Preset:
    """Values by name of the table of settings; those that it does not know are kept for the version that does.

    more: further entries of the JSON object, kept likewise. about: one line. factory: comes with the extension.
    """

    name: str
    values: Mapping[str, Any]
    schema: int = SCHEMA
    more: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    factory: bool = False

    @property
    def known(self) -> dict[str, Any]:
        return {name: value for name, value in self.values.items() if name in NAMES}

    @property
    def unknown(self) -> dict[str, Any]:
        return {name: value for name, value in self.values.items() if name not in NAMES}

    def resaved(self, values: Mapping[str, Any]) -> Preset:
        """With these values in place of those that we know; whatever we do not know stays."""
        kept = {name: value for name, value in self.unknown.items() if name not in values}
        return Preset(self.name, {**values, **kept}, max(self.schema, SCHEMA), self.more)

    def document(self) -> dict[str, Any]:
        return {**self.more, "schema": self.schema, "name": self.name, "values": dict(self.values)}


def dump(document: Mapping[str, Any]) -> bytes:
    """JSON that a person can read. ValueError: the values are no JSON."""
    try:
        text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
        return (text + "\n").encode("utf8")
    except (TypeError, RecursionError, UnicodeEncodeError) as error:
        raise ValueError(f"These values can't be kept as JSON: {error}") from error


def parse(data: bytes) -> Any:
    """What the JSON says. Damaged: it is none, or holds what no JSON holds."""
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
    except RecursionError:
        raise Damaged("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise Damaged("it is not text in UTF-8") from None
    except ValueError as error:
        raise Damaged(f"it is no JSON ({error})"[:120]) from None


def of_document(document: Any, name: str = "") -> Preset:
    """A preset from its JSON object; `name` counts before the one that it says. Damaged, NameRefused."""
    if not isinstance(document, dict) or not isinstance(document.get("values"), dict):
        raise Damaged('it has no object "values"')
    schema = document.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise Damaged('its "schema" is no number from 1')
    more = {key: value for key, value in document.items() if key not in ("schema", "name", "values")}
    return Preset(valid(name or document.get("name")), document["values"], schema, more)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number")
