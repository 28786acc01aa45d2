"""Under gradio 4 (Forge's) the page's words of gradio 3.41 (A1111's) still mean what they did.

Forge translates them too: `_js`, `source`, `update` on components, gr.Box. What only gradio 3 had, drawing
on a picture, has no meaning and is left out; Forge draws on a canvas of its own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr

IS_4 = int(gr.__version__.split(".")[0]) >= 4


def _with_js(listener: Callable) -> Callable:
    """An event's method that takes `_js`, and False for show_progress."""
    if hasattr(listener, "pocket_original"):
        return listener

    @functools.wraps(listener)
    def trigger(*args: Any, **kwargs: Any) -> Any:
        if "_js" in kwargs:
            kwargs["js"] = kwargs.pop("_js")
        if kwargs.get("show_progress") is False:
            kwargs["show_progress"] = "hidden"
        return listener(*args, **kwargs)

    trigger.pocket_original = listener  # type: ignore[attr-defined]
    return trigger


def _translated(original: Callable[..., None], accepted: frozenset[str]) -> Callable[..., None]:
    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        source, tooltip = kwargs.pop("source", None), kwargs.pop("tooltip", None)
        if source and "sources" in accepted:
            kwargs["sources"] = [source]
        # As on Forge: what a component does not know is left out.
        original(self, *args, **{key: value for key, value in kwargs.items() if key in accepted})
        if tooltip:
            self.webui_tooltip = tooltip

    init.pocket_original = original  # type: ignore[attr-defined]
    return init


def _adapt_class(kind: Any) -> None:
    for event in getattr(kind, "EVENTS", ()):
        setattr(kind, str(event), _with_js(getattr(kind, str(event))))
    accepted = frozenset(inspect.signature(kind.__init__).parameters)
    if not hasattr(kind.__init__, "pocket_original"):
        kind.__init__ = _translated(kind.__init__, accepted)
    kind.update = staticmethod(gr.update)


def adapt() -> None:
    """Once, before the first component is made."""
    if not IS_4 or hasattr(gr, "Box"):
        return
    import gradio.component_meta as component_meta

    # gradio writes a .pyi file beside every module that makes a class of component
    component_meta.create_or_modify_pyi = lambda *_: None
    component_meta.updateable = lambda made: made
    listeners: Any = gr.events.EventListener
    made = listeners._setup
    listeners._setup = staticmethod(lambda *args, **kwargs: _with_js(made(*args, **kwargs)))
    for name in {*gr.components.__all__, *gr.layouts.__all__}:
        kind = getattr(gr, name, None)
        if inspect.isclass(kind) and issubclass(kind, gr.blocks.Block):
            _adapt_class(kind)
    names: Any = gr
    names.Box = gr.Group
    names.components.IOComponent = gr.components.Component
    names.components.Form = gr.layouts.Form
