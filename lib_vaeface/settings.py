"""The one table of fields. Panel, API arguments, infotext and notes are all generated from it.

To add a field, add one line to `Settings`. Positional API arguments follow the order of declaration, so after a
release fields are only appended; the panel shows them by group. Labels are keys of the WebUI's ui-config.json and
names are keys of the API and the infotext: neither is ever renamed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = bool | int | float | str

TIMINGS = ("webui", "exact")
LONGEST = 500  # characters of a text
PRECISIONS = ("best", "fp16", "bf16", "fp32")


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
    """"vaes": a text that the page offers from the WebUI's VAE files, after `choices`; any other text is taken too."""
    hidden: bool = False


GROUPS = {
    "vaeface": Group("VAE Face", key="VAE Face", switch="enabled"),
    "schedule": Group("Schedule", key="VAE Face schedule", switch="schedule"),
    "vae": Group("VAE", key="VAE Face VAE", switch="vae"),
}


def setting(default: Value, **described: Any) -> Any:
    """A dataclass field with its line of the table as metadata; keywords are those of `Field`."""
    return dataclasses.field(default=default, metadata=described)


@dataclass(frozen=True)
class Settings:
    """What the person chose for one generation. Always valid: build it with `from_args`, never from raw values."""

    enabled: bool = setting(False, label="VAE Face", help="Switch the extension on", group="vaeface")
    schedule: bool = setting(
        True,
        label="Schedule",
        help="Blends, windows, weights over time and exact timing in the prompt; reports where it switched",
        group="schedule",
    )
    timing: str = setting(
        "webui",
        label="Timing",
        help="Count steps as the WebUI does (every model call, from 0) or exactly (the steps of the slider, from 1)",
        group="schedule",
        infotext="timing",
        choices=TIMINGS,
    )
    vae: bool = setting(
        False,
        label="VAE",
        help="Decode and encode this generation with another VAE, after a proof that it fits the checkpoint",
        group="vae",
    )
    vae_name: str = setting(
        "Automatic",
        label="VAE file",
        help="Automatic: what you picked last for this checkpoint, or a file that is named like it; only if it fits",
        group="vae",
        infotext="name",
        choices=("Automatic", "Built-in"),
        listed="vaes",
    )
    vae_precision: str = setting(
        "best",
        label="Precision",
        help="Where decoding starts; what comes out as NaN is decoded again in a higher one",
        group="vae",
        infotext="precision",
        choices=PRECISIONS,
    )
    vae_allow: bool = setting(
        False,
        label="Use a VAE whose fit can't be told",
        help="One that does not fit is never used",
        group="vae",
        infotext="allow",
    )
    vae_hash: str = setting(
        "",
        label="VAE weights",
        help="Hash of the weights: a renamed copy of the file is found by it",
        group="vae",
        infotext="hash",
        hidden=True,
    )
    vae_hires: str = setting(
        "Same",
        label="VAE of the hires pass",
        help="Encodes what the first pass painted and decodes the result; useful with another hires checkpoint",
        group="vae",
        infotext="hires",
        choices=("Same", "Automatic", "Built-in"),
        listed="vaes",
    )

    @classmethod
    def from_args(cls, args: Sequence[object]) -> tuple[Settings, list[str]]:
        """Settings from the page's or the API's arguments, and what was wrong with them.

        `args` are the fields in order, or one dict of names first; None and what is missing take the default. A dict
        that does not say `enabled` means on. Wrong arguments never raise: each gives a note that names the field.
        """
        if args and isinstance(args[0], Mapping):
            given = {**dict(zip(NAMES[1:], args[1:], strict=False)), "enabled": True, **args[0]}
        else:
            given = dict(zip(NAMES, args, strict=False))
        return cls.from_mapping(given)

    @classmethod
    def from_mapping(cls, given: Mapping[Any, object]) -> tuple[Settings, list[str]]:
        """Settings from values by name, and a note for each value or name that could not be taken as it was."""
        notes = [f"{str(name)[:60]}: no such setting, ignored" for name in given if name not in NAMES]
        taken: dict[str, Value] = {}
        for field in FIELDS:
            value = given.get(field.name)
            if value is None:
                continue
            taken[field.name], note = accept(field, value)
            if note:
                notes.append(f"{field.name}: {note}")
        return cls(**taken), notes  # type: ignore[arg-type]

    def on(self, group: str) -> bool:
        """Whether the extension and this feature are both switched on."""
        return self.enabled and bool(getattr(self, GROUPS[group].switch))


FIELDS = tuple(
    Field(name=f.name, kind=type(f.default), default=f.default, **f.metadata)  # type: ignore[arg-type]
    for f in dataclasses.fields(Settings)
)
NAMES = tuple(field.name for field in FIELDS)


def accept(field: Field, value: object) -> tuple[Value, str]:
    """The value to use, and "" or why it is not the one given: numbers are clamped, all else falls to the default."""
    taken = _TAKE[field.kind](field, value)
    if taken is None:
        expected = " or ".join(field.choices) or {bool: "true or false", str: "a text"}.get(field.kind, "a number")
        return field.default, f"{str(value)[:60]!r} refused, expected {expected}; using {field.default}"
    if field.kind in (int, float) and taken != value:
        return taken, f"{str(value)[:60]} taken as {taken}"
    return taken, ""


def _take_bool(field: Field, value: object) -> Value | None:
    words = {"true": True, "1": True, "1.0": True, "on": True, "false": False, "0": False, "0.0": False, "off": False}
    return words.get(str(value).strip().lower())


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
    return value[:LONGEST]


_TAKE = {bool: _take_bool, int: _take_number, float: _take_number, str: _take_text}


@dataclass(frozen=True)
class Option:
    """One entry of the extension's section on the WebUI's settings page."""

    name: str
    default: bool
    label: str
    help: str


OPTIONS = (
    Option(
        "vaeface_record_calls",
        True,
        "Write the counts of model calls and conditioning switches to the infotext",
        "Off: the infotext holds only the settings that restore the panel",
    ),
    Option(
        "vaeface_count_tokens",
        True,
        "Token counter: count the longest text that the prompt's schedule gives",
        "Also where the extension is switched off; off: the WebUI counts by itself, slowly for long prompts",
    ),
)
