"""A preset's values on this machine: what can be taken, and what has to stay as the person has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lib_vaeface.fields import Field, Value, accept
from lib_vaeface.settings import FIELDS

from .factory import Like
from .preset import Preset

WITH = {"vae_hash": "vae_name"}  # a value that means nothing without the other


@dataclass(frozen=True)
class Fitted:
    """values: to be taken, by name. notes: a line for each value that can't be."""

    values: dict[str, Value]
    notes: tuple[str, ...]


def fit(
    preset: Preset, there: Mapping[str, Sequence[str]], has_vae: Callable[[str], bool] = lambda name: False
) -> Fitted:
    """What of a preset this machine can offer. there: names by what a field lists ("vaes", "samplers", ...).

    has_vae: whether a VAE is there by another spelling, such as without its ending or with its folder.
    """
    values: dict[str, Value] = {}
    notes: list[str] = []
    for field in FIELDS:
        if field.name not in preset.values:
            continue
        try:
            value = _value(field, preset.values[field.name], there.get(field.listed, ()))
            if not _there(field, value, there, has_vae):
                raise ValueError(f"{str(value)[:80]} is not on this machine.")
            values[field.name] = value
        except ValueError as error:
            notes.append(f"{field.label} was left as it is: {error}")
    for name, needed in WITH.items():
        if needed in preset.values and needed not in values:
            values.pop(name, None)
    if preset.unknown:
        notes.append(f"Of another version and not used: {', '.join(str(n)[:40] for n in list(preset.unknown)[:10])}")
    return Fitted(values, tuple(notes))


def _value(field: Field, given: object, names: Sequence[str]) -> Value:
    """ValueError: it can't be taken; the message says why."""
    if isinstance(given, Like):
        return _called(given, names)
    value, note = accept(field, given)
    if note:
        raise ValueError(note.partition("; using")[0])
    return value


def _there(field: Field, value: Value, there: Mapping[str, Sequence[str]], has_vae: Callable[[str], bool]) -> bool:
    known = (field.default, *field.choices, *there.get(field.listed, ()))
    return not field.listed or value in known or (field.listed == "vaes" and has_vae(str(value)))


def _called(wanted: Like, names: Sequence[str]) -> str:
    for kind in wanted.kinds:
        for name in sorted(names):
            words = set(re.split(r"[^a-z0-9]+", name.lower()))
            if set(kind.split()) <= words and not words & set(wanted.without.split()):
                return name
    raise ValueError(f"no VAE file on this machine is called {' or '.join(wanted.kinds)}.")
