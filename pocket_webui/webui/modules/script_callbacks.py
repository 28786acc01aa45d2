"""Callbacks that extensions register at import: `on_<kind>(callback, *, name=None)`.

Everything here is undone by "Reload UI" through `clear_callbacks`. An exception in a callback is reported and has no
further effect. Order: that of registration, then what `[callbacks/...]` sections in metadata.ini ask for, then what
the option `prioritized_callbacks_<kind>` puts first."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from modules import errors, extensions, shared, timer, util
from modules.script_callback_params import (  # noqa: F401
    AfterCFGCallbackParams,
    BeforeTokenCounterParams,
    CFGDenoisedParams,
    CFGDenoiserParams,
    ExtraNoiseParams,
    ImageGridLoopParams,
    ImageSaveParams,
    ScriptCallback,
    UiTrainTabParams,
)

_KINDS = (
    "app_started", "model_loaded", "ui_tabs", "ui_train_tabs", "ui_settings", "before_image_saved", "image_saved",
    "extra_noise", "cfg_denoiser", "cfg_denoised", "cfg_after_cfg", "before_component", "after_component",
    "image_grid", "infotext_pasted", "script_unloaded", "before_ui", "on_reload", "list_optimizers", "list_unets",
    "before_token_counter",
)
_UNKNOWN_FILE = "unknown file"

callback_map: dict[str, list[ScriptCallback]] = {f"callbacks_{kind}": [] for kind in _KINDS}
ordered_callbacks_map: dict[str, list[ScriptCallback]] = {}


def report_exception(c: ScriptCallback, job: str) -> None:
    errors.report(f"Error executing callback {job} for {c.script}", exc_info=True)


def _calling_file() -> str:
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return _UNKNOWN_FILE if frame is None else frame.f_code.co_filename


def add_callback(
    callbacks: list[ScriptCallback],
    fun: Any,
    *,
    name: str | None = None,
    category: str = "unknown",
    filename: str | None = None,
) -> None:
    """Append `fun` to `callbacks` under a name that is unique in the list and tells where it comes from."""
    filename = filename or _calling_file()
    extension = extensions.find_extension(filename)
    owner = extension.canonical_name if extension else "base"
    full_name = "/".join([owner, os.path.basename(filename), category, *([] if name is None else [name])])
    taken = {callback.name for callback in callbacks}
    unique, number = full_name, 0
    while unique in taken:
        number += 1
        unique = f"{full_name}-{number}"
    callbacks.append(ScriptCallback(filename, fun, unique))


def _wanted_order(names: set[str]) -> dict[str, list[str]] | None:
    """Which callback must follow which, from all metadata.ini; None if nothing applies to these names."""
    instructions = [
        instruction
        for extension in extensions.extensions
        for instruction in extension.metadata.list_callback_order_instructions()
        if instruction.name in names
    ]
    if not instructions:
        return None
    after: dict[str, list[str]] = {}
    for instruction in instructions:
        after.setdefault(instruction.name, []).extend(name for name in instruction.after if name in names)
        for name in instruction.before:
            if name in names:
                after.setdefault(name, []).append(instruction.name)
    return after


def sort_callbacks(
    category: str, unordered_callbacks: list[ScriptCallback], *, enable_user_sort: bool = True
) -> list[ScriptCallback]:
    """The callbacks in the order in which they are to be called."""
    lookup = {callback.name: callback for callback in unordered_callbacks}
    callbacks = list(unordered_callbacks)
    after = _wanted_order(set(lookup))
    if after is not None:
        callbacks = [lookup[name] for name in util.topological_sort({name: after.get(name, []) for name in lookup})]
    if enable_user_sort:
        first = getattr(shared.opts, f"prioritized_callbacks_{category}", [])
        rank = {name: position for position, name in enumerate(first)}
        callbacks.sort(key=lambda callback: rank.get(callback.name, len(rank)))
    return callbacks


def ordered_callbacks(
    category: str, unordered_callbacks: list[ScriptCallback] | None = None, *, enable_user_sort: bool = True
) -> list[ScriptCallback]:
    """`sort_callbacks` for a kind, kept until the number of callbacks changes."""
    if unordered_callbacks is None:
        unordered_callbacks = callback_map.get(f"callbacks_{category}", [])
    if not enable_user_sort:
        return sort_callbacks(category, unordered_callbacks, enable_user_sort=False)
    known = ordered_callbacks_map.get(category)
    if known is None or len(known) != len(unordered_callbacks):
        known = ordered_callbacks_map[category] = sort_callbacks(category, unordered_callbacks)
    return known


def enumerate_callbacks() -> Iterator[tuple[str, list[ScriptCallback]]]:
    """(kind, registered callbacks) for every kind."""
    for key, callbacks in callback_map.items():
        yield key.removeprefix("callbacks_"), callbacks


def clear_callbacks() -> None:
    """Forget every callback of every kind."""
    for callbacks in callback_map.values():
        callbacks.clear()
    ordered_callbacks_map.clear()


def _remove(matches: Callable[[ScriptCallback], bool]) -> None:
    for callbacks in (*callback_map.values(), *ordered_callbacks_map.values()):
        callbacks[:] = [callback for callback in callbacks if not matches(callback)]


def remove_current_script_callbacks() -> None:
    """Forget every callback that the calling file registered."""
    filename = _calling_file()
    if filename != _UNKNOWN_FILE:
        _remove(lambda callback: callback.script == filename)


def remove_callbacks_for_function(callback_func: Any) -> None:
    """Forget this function wherever it is registered."""
    _remove(lambda callback: callback.callback == callback_func)


def _call(c: ScriptCallback, job: str, *args: Any, **kwargs: Any) -> Any:
    try:
        return c.callback(*args, **kwargs)
    except Exception:
        report_exception(c, job)
        return None


def _caller(kind: str, job: str, *, last_first: bool = False) -> Callable[..., None]:
    def call_all(*args: Any, **kwargs: Any) -> None:
        callbacks = ordered_callbacks(kind)
        for c in callbacks[::-1] if last_first else list(callbacks):
            _call(c, job, *args, **kwargs)

    call_all.__doc__ = f"Call all {kind} callbacks with these arguments; exceptions are only reported."
    return call_all


def _collector(kind: str) -> Callable[[], list[Any]]:
    def collect() -> list[Any]:
        found: list[Any] = []
        for c in list(ordered_callbacks(kind)):
            _call(c, kind, found)
        return found

    collect.__doc__ = f"Let all {kind} callbacks add to one list, and return it."
    return collect


def app_started_callback(demo: Any, app: Any) -> None:
    """The server runs: `demo` is the gradio page (None without one), `app` the FastAPI application."""
    for c in list(ordered_callbacks("app_started")):
        _call(c, "app_started_callback", demo, app)
        timer.startup_timer.record(os.path.basename(c.script))


def ui_tabs_callback() -> list[tuple[Any, str, str]]:
    """All tabs that extensions add: (gradio Blocks, title, element id)."""
    tabs: list[tuple[Any, str, str]] = []
    for c in list(ordered_callbacks("ui_tabs")):
        try:
            tabs += c.callback() or []
        except Exception:
            report_exception(c, "ui_tabs_callback")
    return tabs


app_reload_callback = _caller("on_reload", "callbacks_on_reload")
model_loaded_callback = _caller("model_loaded", "model_loaded_callback")
ui_train_tabs_callback = _caller("ui_train_tabs", "callbacks_ui_train_tabs")
ui_settings_callback = _caller("ui_settings", "ui_settings_callback")
before_image_saved_callback = _caller("before_image_saved", "before_image_saved_callback")
image_saved_callback = _caller("image_saved", "image_saved_callback")
extra_noise_callback = _caller("extra_noise", "callbacks_extra_noise")
cfg_denoiser_callback = _caller("cfg_denoiser", "cfg_denoiser_callback")
cfg_denoised_callback = _caller("cfg_denoised", "cfg_denoised_callback")
cfg_after_cfg_callback = _caller("cfg_after_cfg", "cfg_after_cfg_callback")
before_component_callback = _caller("before_component", "before_component_callback")
after_component_callback = _caller("after_component", "after_component_callback")
image_grid_callback = _caller("image_grid", "image_grid")
infotext_pasted_callback = _caller("infotext_pasted", "infotext_pasted")
script_unloaded_callback = _caller("script_unloaded", "script_unloaded", last_first=True)
before_ui_callback = _caller("before_ui", "before_ui", last_first=True)
before_token_counter_callback = _caller("before_token_counter", "before_token_counter")
list_optimizers_callback = _collector("list_optimizers")
list_unets_callback = _collector("list_unets")


def _registrar(kind: str, when: str) -> Callable[..., None]:
    def register(callback: Any, *, name: str | None = None) -> None:
        add_callback(callback_map[f"callbacks_{kind}"], callback, name=name, category=kind)

    register.__doc__ = f"Register a function that is called {when}."
    return register


on_app_started = _registrar("app_started", "with (page, FastAPI application) when the server runs")
on_before_reload = _registrar("on_reload", "without arguments just before the page is reloaded")
on_model_loaded = _registrar("model_loaded", "with the model whenever a checkpoint or a VAE was loaded, on any thread")
on_ui_tabs = _registrar("ui_tabs", "while the page is built; returns None or [(Blocks, title, element id), ...]")
on_ui_train_tabs = _registrar("ui_train_tabs", "with UiTrainTabParams while a training tab is built")
on_ui_settings = _registrar("ui_settings", "without arguments before the page is built, to add options")
on_before_image_saved = _registrar("before_image_saved", "with ImageSaveParams, whose fields may be changed")
on_image_saved = _registrar("image_saved", "with ImageSaveParams after the file was written")
on_extra_noise = _registrar("extra_noise", "with ExtraNoiseParams before img2img samples with extra noise")
on_cfg_denoiser = _registrar("cfg_denoiser", "with CFGDenoiserParams before every model call")
on_cfg_denoised = _registrar("cfg_denoised", "with CFGDenoisedParams after every model call, before guidance")
on_cfg_after_cfg = _registrar("cfg_after_cfg", "with AfterCFGCallbackParams after guidance")
on_before_component = _registrar("before_component", "with (component, **its arguments) before it is created")
on_after_component = _registrar("after_component", "with (component, **its arguments) after it was created")
on_image_grid = _registrar("image_grid", "with ImageGridLoopParams before a grid is pasted together")
on_infotext_pasted = _registrar("infotext_pasted", "with (infotext, parsed values), which may be changed")
on_script_unloaded = _registrar("script_unloaded", "without arguments before scripts are reloaded, to undo patches")
on_before_ui = _registrar("before_ui", "without arguments before the page is built")
on_list_optimizers = _registrar("list_optimizers", "with a list to which it adds attention optimizations")
on_list_unets = _registrar("list_unets", "with a list to which it adds UNet options")
on_before_token_counter = _registrar("before_token_counter", "with BeforeTokenCounterParams, which may be changed")
