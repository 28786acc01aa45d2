"""Axes of ours in the X/Y/Z plot, which is a script like any other: its module is found among the loaded ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lib_vaeface.host.tab_protocol import Axis
from modules import scripts


def add(prefix: str, axes: Sequence[Axis]) -> None:
    """Put the axes into every loaded plot, in place of those that begin with `prefix`."""
    for module in modules_of_plots():
        others = [option for option in module.axis_options if not str(option.label).startswith(prefix)]
        module.axis_options[:] = [*others, *(_option(module, axis) for axis in axes)]


def modules_of_plots() -> Iterator[Any]:
    """The modules of loaded scripts that are X/Y/Z plots, by what they have: names of files differ between WebUIs."""
    found: list[Any] = []
    for loaded in scripts.scripts_data:
        module = loaded.module
        plot = isinstance(getattr(module, "axis_options", None), list) and hasattr(module, "AxisOption")
        if plot and not any(module is one for one in found):
            found.append(module)
            yield module


def _option(module: Any, axis: Axis) -> Any:
    return module.AxisOption(
        axis.label,
        axis.kind,
        axis.apply,
        format_value=lambda job, option, value: axis.shown(value),
        confirm=lambda job, values: axis.confirm(values),
        cost=axis.cost,
        choices=axis.choices,
    )
