"""Axes of the X/Y/Z plot, one for each field of the table that a person would compare.

A value travels in the job of its cell. The session puts it over the panel's, so the cell's infotext tells it and
pasting restores it. An axis switches on what it needs, the extension and the field's group, unless another axis says
otherwise.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from lib_vaeface.fields import Field, accept, shown
from lib_vaeface.host import Host
from lib_vaeface.host.tab_protocol import Axis
from lib_vaeface.settings import AXES, FIELDS, GROUPS, PLOT
from lib_vaeface.vae.library import VaeNameError
from lib_vaeface.vae.listing import listing
from lib_vaeface.vae.picked import Habits, facts_of, picker_for

PREFIX = "[VAE Face] "
MOST_NAMED = 12
# What is dear changes seldom. Reading and proving a VAE takes a second, a detector less; the model itself costs 1.0.
COSTS = {"vaes": 0.6, "face models": 0.5, "": 0.0}


def axes(host: Host) -> list[Axis]:
    """In the order of the table."""
    return [_axis(field, host) for field in FIELDS if field.axis]


def _axis(field: Field, host: Host) -> Axis:
    return Axis(
        label=PREFIX + label(field),
        kind=field.kind if field.kind in (int, float) else str,  # exactly these have the plot's ranges
        apply=functools.partial(put, field),
        confirm=functools.partial(check, field, host),
        choices=choices_of(field, host),
        cost=COSTS.get(field.listed, 0.0),
        shown=lambda value: f"{label(field)}: {round(value, 8) if isinstance(value, float) else value}",
    )


def label(field: Field) -> str:
    """The control's label; the extension's own switch is called like the extension."""
    return "Enabled" if field.name == GROUPS["vaeface"].switch else field.label


def put(field: Field, job: Any, value: object, values: object) -> None:
    """Give a cell's job its value. The job is a copy of the plot's: what it holds is replaced, never changed."""
    setattr(job, AXES, {**getattr(job, AXES, {}), field.name: value})
    if not hasattr(job, PLOT):
        setattr(job, PLOT, values)


def check(field: Field, host: Host, values: Sequence[object]) -> None:
    """ValueError: one of the values can't be used, and why."""
    known = choices_of(field, host) if field.listed and field.listed != "vaes" else None
    offered = known() if known else []
    for value in values:
        _, note = accept(field, value)
        if note:
            raise ValueError(f"{PREFIX}{label(field)}: {note.split('; using')[0]}{_range(field)}")
        if field.listed == "vaes" and value not in field.choices:
            _find(field, host, str(value))
        elif known and value != field.default and value not in offered:
            raise ValueError(f"{PREFIX}{label(field)}: there is no {shown(value)!r}. There are: {_named(offered)}")


def _find(field: Field, host: Host, name: str) -> None:
    # Whether it fits is told cell by cell: another axis may change the checkpoint.
    library = picker_for(host).library
    library.refresh()
    try:
        library.find(name)
    except VaeNameError as error:
        raise ValueError(f"{PREFIX}{label(field)}: {error}") from None


def choices_of(field: Field, host: Host) -> Callable[[], list[str]] | None:
    """What the plot offers; None for numbers and texts."""
    if field.kind is bool:
        return lambda: ["True", "False"]
    if field.listed:
        return lambda: [*field.choices, *names(field.listed, host)]
    return (lambda: list(field.choices)) if field.choices else None


def names(listed: str, host: Host) -> list[str]:
    """What this machine has for a field that lists it; of VAEs those that may be picked for the loaded model."""
    lists = {"vaes": lambda: _vaes(host), "samplers": host.sampler_names, "face models": host.face_models}
    return list(lists[listed]())


def _vaes(host: Host) -> list[str]:
    # Without the queue's lock: a plot may ask while it holds it.
    picker = picker_for(host)
    try:
        return listing(picker, facts_of(host.vae(None)), Habits()).names
    except (ValueError, RuntimeError):  # no model, or one that is just being loaded
        return [entry.name for entry in picker.library.refresh() if entry.usable]


def _range(field: Field) -> str:
    if field.minimum is None or field.maximum is None:
        return ""
    return f"; it goes from {field.minimum:g} to {field.maximum:g}"


def _named(offered: Sequence[str]) -> str:
    more = len(offered) - MOST_NAMED
    return ", ".join(offered[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
