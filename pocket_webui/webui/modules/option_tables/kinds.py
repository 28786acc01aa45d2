"""Short forms for the kinds of settings in the tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from modules import ui_components
from modules.options import OptionInfo


def slider(default: float, label: str, low: float, high: float, step: float, infotext: str | None = None) -> OptionInfo:
    return OptionInfo(default, label, gr.Slider, {"minimum": low, "maximum": high, "step": step}, infotext=infotext)


def number(default: float, label: str, infotext: str | None = None, precision: int | None = None) -> OptionInfo:
    arguments = {} if precision is None else {"precision": precision}
    return OptionInfo(default, label, gr.Number, arguments, infotext=infotext)


def radio(default: str, label: str, choices: list[str], infotext: str | None = None) -> OptionInfo:
    return OptionInfo(default, label, gr.Radio, {"choices": choices}, infotext=infotext)


def dropdown(
    default: Any,
    label: str,
    choices: Callable[[], list[str]],
    refresh: Callable[[], object] | None = None,
    infotext: str | None = None,
) -> OptionInfo:
    """`choices` is asked when the settings page is built, since most lists are filled after import."""
    return OptionInfo(default, label, gr.Dropdown, lambda: {"choices": choices()}, refresh=refresh, infotext=infotext)


def several(label: str, choices: Callable[[], list[str]], default: list[str] | None = None) -> OptionInfo:
    """A list of names to pick from; none by default."""
    return OptionInfo(default or [], label, ui_components.DropdownMulti, lambda: {"choices": choices()})


def color(default: str, label: str) -> OptionInfo:
    return OptionInfo(default, label, ui_components.FormColorPicker, {})
