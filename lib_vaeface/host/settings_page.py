"""Our entries on A1111's settings page: a category of its own with one section."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lib_vaeface.host.protocol import Option
from modules import options, shared, ui_components

SECTION = ("vaeface", "VAE Face")
gr: Any = ui_components.gr  # type: ignore[attr-defined]


def entry(option: Option, vae_names: Callable[[bool], Sequence[str]], outside: bool) -> Any:
    """The WebUI's description of one option, with the control that suits it. outside: others may open this page."""
    category = options.categories.register_category(*SECTION)
    more = _control(option, vae_names)
    if option.private:
        more["restrict_api"] = True
        more["component_args"] = {"visible": not outside}  # what can't be seen A1111 doesn't let anybody set
    made = shared.OptionInfo(option.default, option.label, section=SECTION, category_id=category, **more)
    return made.info(option.help)


def _control(option: Option, vae_names: Callable[[bool], Sequence[str]]) -> dict[str, Any]:
    if isinstance(option.default, bool):
        return {}
    if option.listed:
        args = lambda: {"choices": [*option.choices, *vae_names(False)]}  # noqa: E731
        return {"component": ui_components.DropdownEditable, "component_args": args, "refresh": lambda: vae_names(True)}
    if option.choices:
        return {"component": gr.Radio, "component_args": {"choices": list(option.choices)}}
    if option.minimum is not None:
        bounds = {"minimum": option.minimum, "maximum": option.maximum, "step": option.step}
        return {"component": gr.Slider, "component_args": bounds}
    return {}
