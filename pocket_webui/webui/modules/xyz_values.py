"""Reading the values of an axis: lists, "1-5", "1-9 (+2)" with a step, "1-9 [3]" with a count."""

from __future__ import annotations

import itertools
import random
import re
from typing import Any

import numpy as np

from modules.xyz_axes import AxisOption, csv_string_to_list_strip, str_permutations

SEED_LABELS = ("Seed", "Var. seed")
_INT, _FLOAT = r"[+-]?\s*\d+", r"[+-]?\s*\d+(?:\.\d*)?"


def _patterns(number: str, step: str) -> tuple[re.Pattern, re.Pattern]:
    span = rf"\s*({number})\s*-\s*({number})"
    return re.compile(rf"{span}(?:\s*\(({step})\s*\))?\s*"), re.compile(rf"{span}\s*\[(\d+)\s*\]\s*")


_INT_RANGES = _patterns(_INT, r"[+-]\d+")
_FLOAT_RANGES = _patterns(_FLOAT, r"[+-]\d+(?:\.\d*)?")


def _number(text: str, kind: type) -> Any:
    return kind(text.replace(" ", ""))


def expand_range(text: str, kind: type) -> list[Any]:
    """The numbers that `text` stands for, `kind` int or float; [text] if it is no range."""
    stepped, counted = _INT_RANGES if kind is int else _FLOAT_RANGES
    if match := stepped.fullmatch(text):
        start, end = _number(match[1], kind), _number(match[2], kind)
        step = _number(match[3], kind) if match[3] else kind(1)
        if step == 0:
            raise ValueError(f'the range "{text}" has a step of 0')
        return list(range(start, end + 1, step)) if kind is int else np.arange(start, end + step, step).tolist()
    if match := counted.fullmatch(text):
        ends = _number(match[1], kind), _number(match[2], kind)
        return [kind(x) for x in np.linspace(*ends, num=int(match[3])).tolist()]
    return [text]


def read_axis(p: Any, option: AxisOption, text: str, picked: list[str], csv_mode: bool) -> list[Any]:
    """The values of an axis, each of the option's type and confirmed; [0] for an axis that does nothing.

    `picked` are choices of the dropdown, which counts instead of `text` if the option has choices, unless
    `csv_mode`. Raises what the option's `type` and `confirm` raise."""
    if option.label == "Nothing":
        return [0]
    if option.choices is not None and not csv_mode:
        values: list[Any] = list(picked or [])
    else:
        values = option.prepare(text) if option.prepare is not None else csv_string_to_list_strip(text)
    if option.type in (int, float):
        given = [value for value in values if value.strip()]
        values = [number for value in given for number in expand_range(value, option.type)]
    elif option.type is str_permutations:
        values = list(itertools.permutations(values))
    values = [option.type(value) for value in values]
    if option.confirm:
        option.confirm(p, values)
    return values


def fixed_seeds(option: AxisOption, values: list[Any]) -> list[Any]:
    """The values with every -1 of a seed axis replaced by a random seed."""
    if option.label not in SEED_LABELS:
        return values
    return [random.randrange(4294967294) if value in (None, "", -1) else value for value in values]
