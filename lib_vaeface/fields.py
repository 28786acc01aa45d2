"""What one field of the table in settings.py is, and how a value from outside becomes a valid one."""

from __future__ import annotations

import math
from dataclasses import dataclass

Value = bool | int | float | str

LONGEST = 500  # characters of a text
LONGEST_PROMPT = 20_000


@dataclass(frozen=True)
class Group:
    """A feature: its title on the panel, its key in the infotext, and the boolean field that switches it on."""

    title: str
    key: str
    switch: str


@dataclass(frozen=True)
class Field:
    """One setting. `minimum`, `maximum` and `step` are for numbers, `choices` for strings.

    `infotext` is the field's name inside its group's JSON value; "" for switches, whose group being there says it.
    """

    name: str
    kind: type
    default: Value
    label: str
    help: str
    group: str
    infotext: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    listed: str = ""
    """"vaes", "samplers", "face models": the page offers the WebUI's own after `choices`; any other text is taken."""
    hidden: bool = False
    advanced: bool = False
    """Folded away on the panel."""
    lines: int = 1
    """Of a text; more than one for a prompt, which may be longer than other texts."""
    axis: bool = True
    """Whether a person would compare values of it in an X/Y/Z plot."""


def accept(field: Field, value: object) -> tuple[Value, str]:
    """The value to use, and "" or why it is not the one given: numbers are clamped, all else falls to the default."""
    taken = _TAKE[field.kind](field, value)
    if taken is None:
        expected = " or ".join(field.choices) or {bool: "true or false", str: "a text"}.get(field.kind, "a number")
        return field.default, f"{shown(value)!r} refused, expected {expected}; using {field.default}"
    if field.kind in (int, float) and taken != float(value):  # type: ignore[arg-type]
        return taken, f"{shown(value)} taken as {taken}"
    return taken, ""


def shown(value: object) -> str:
    """The beginning of a value from outside, as text that can be printed and saved. It never fails."""
    try:
        text = str(value)
    except (ValueError, RecursionError):  # numbers of thousands of digits, lists in lists in lists
        text = type(value).__name__
    return plain(text[:60])


def plain(text: str) -> str:
    """Text without lone surrogates, which JSON can hold and no file."""
    return text.encode("utf8", "replace").decode("utf8")


def _take_bool(field: Field, value: object) -> Value | None:
    words = {"true": True, "1": True, "1.0": True, "on": True, "false": False, "0": False, "0.0": False, "off": False}
    return words.get(shown(value).strip().lower())


def _take_number(field: Field, value: object) -> Value | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    if math.isnan(number):
        return None
    low = -math.inf if field.minimum is None else field.minimum
    high = math.inf if field.maximum is None else field.maximum
    number = min(max(number, low), high)
    if math.isinf(number):
        return None
    return round(number) if field.kind is int else number


def _take_text(field: Field, value: object) -> Value | None:
    if not isinstance(value, str) or (field.choices and not field.listed and value not in field.choices):
        return None
    return plain(value[: LONGEST_PROMPT if field.lines > 1 else LONGEST])


_TAKE = {bool: _take_bool, int: _take_number, float: _take_number, str: _take_text}
