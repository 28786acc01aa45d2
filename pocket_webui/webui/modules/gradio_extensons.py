"""Teaches gradio 3.41 what A1111's page and its extensions expect of it (the name, misspelt, is A1111's).

Components accept `tooltip=`, carry a `gradio-<kind>` class, and announce their creation to scripts and callbacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr

from modules import gradio4, ui_tempdir

gradio4.adapt()


def add_classes_to_gradio_component(component: gr.blocks.Block) -> None:
    """Put `gradio-<kind>` (and `multiselect`) in front of the component's own classes."""
    extra = ["multiselect"] if getattr(component, "multiselect", False) else []
    component.elem_classes = [f"gradio-{component.get_block_name()}", *(component.elem_classes or []), *extra]


def _announced(original: Callable[..., None]) -> Callable[..., None]:
    """`original`, an `__init__`, with scripts and callbacks told before and after. They see the keyword arguments."""

    @wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        from modules import script_callbacks, scripts

        self.webui_tooltip = kwargs.pop("tooltip", None)
        runner = scripts.scripts_current
        if runner is not None:
            runner.before_component(self, **kwargs)
        script_callbacks.before_component_callback(self, **kwargs)
        original(self, *args, **kwargs)
        add_classes_to_gradio_component(self)
        script_callbacks.after_component_callback(self, **kwargs)
        if runner is not None:
            runner.after_component(self, **kwargs)

    init.pocket_original = original  # type: ignore[attr-defined]
    return init


def _with_tooltip(original: Callable[..., dict]) -> Callable[..., dict]:
    @wraps(original)
    def get_config(self: Any, *args: Any, **kwargs: Any) -> dict:
        config = original(self, *args, **kwargs)
        if getattr(self, "webui_tooltip", None):
            config["webui_tooltip"] = self.webui_tooltip
        # Examples are only for gradio's own API page, and for galleries they cost a picture each.
        config.pop("example_inputs", None)
        return config

    get_config.pocket_original = original  # type: ignore[attr-defined]
    return get_config


def _with_empty_examples(original: Callable[..., dict]) -> Callable[..., dict]:
    @wraps(original)
    def get_config_file(self: Any, *args: Any, **kwargs: Any) -> dict:
        config = original(self, *args, **kwargs)
        for component in config["components"]:
            if "example_inputs" in component:
                component["example_inputs"] = {"serialized": []}
        return config

    get_config_file.pocket_original = original  # type: ignore[attr-defined]
    return get_config_file


def _patch(owner: type, name: str, wrapper: Callable) -> None:
    """Wrap `owner.name` once, however often this module is loaded."""
    current = getattr(owner, name)
    if not hasattr(current, "pocket_original"):
        setattr(owner, name, wrapper(current))


def patch_gradio() -> None:
    """Apply all changes; a second call changes nothing."""
    _patch(gr.components.IOComponent, "__init__", _announced)
    _patch(gr.blocks.BlockContext, "__init__", _announced)
    _patch(gr.blocks.Block, "get_config", _with_tooltip)
    _patch(gr.blocks.Blocks, "get_config_file", _with_empty_examples)
    ui_tempdir.install_ui_tempdir_override()


patch_gradio()
