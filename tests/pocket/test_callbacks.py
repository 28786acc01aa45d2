"""Callbacks: registration, order, errors, removal."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.pocket.state import callback_state


@pytest.fixture
def callbacks(host) -> Iterator:
    from modules import script_callbacks

    with callback_state():
        script_callbacks.clear_callbacks()
        yield script_callbacks


def params_of(module) -> object:
    return module.CFGDenoiserParams("x", None, "sigma", 0, 4, "cond", "uncond")


def test_fields_of_denoiser_params(callbacks) -> None:
    names = list(inspect.signature(callbacks.CFGDenoiserParams).parameters)
    assert names == ["x", "image_cond", "sigma", "sampling_step", "total_sampling_steps", "text_cond", "text_uncond",
                     "denoiser"]
    assert params_of(callbacks).denoiser is None


def test_exception_is_logged_and_the_next_callback_runs(callbacks) -> None:
    from modules import errors

    seen = []

    def broken(params) -> None:
        params.x = "changed before the error"
        raise ValueError("callback fell over")

    callbacks.on_cfg_denoiser(broken)
    callbacks.on_cfg_denoiser(lambda params: seen.append(params.x))
    callbacks.cfg_denoiser_callback(params_of(callbacks))
    assert seen == ["changed before the error"]
    assert errors.exception_records[-1]["exception"] == "callback fell over"


def test_names_tell_file_and_kind_and_are_unique(callbacks) -> None:
    for _ in range(2):
        callbacks.on_model_loaded(print, name="first")
    names = [c.name for c in callbacks.callback_map["callbacks_model_loaded"]]
    assert names == ["base/test_callbacks.py/model_loaded/first", "base/test_callbacks.py/model_loaded/first-1"]


def test_unloading_runs_backwards_as_does_before_ui(callbacks) -> None:
    order: list[str] = []
    for register in (callbacks.on_script_unloaded, callbacks.on_before_ui, callbacks.on_ui_settings):
        register(lambda: order.append("first"))
        register(lambda: order.append("second"))
    callbacks.script_unloaded_callback()
    callbacks.before_ui_callback()
    callbacks.ui_settings_callback()
    assert order == ["second", "first", "second", "first", "first", "second"]


def test_setting_puts_callbacks_first(callbacks, host) -> None:
    from modules.options import OptionInfo

    order: list[str] = []
    for name in "abc":
        callbacks.on_image_saved(lambda params, name=name: order.append(name), name=name)
    host.opts.add_option("prioritized_callbacks_image_saved", OptionInfo(["base/test_callbacks.py/image_saved/c"]))
    callbacks.image_saved_callback(SimpleNamespace())
    assert order == ["c", "a", "b"]


def test_metadata_orders_callbacks(callbacks, tmp_path, monkeypatch) -> None:
    from modules import extensions

    (tmp_path / "metadata.ini").write_text(
        "[callbacks/probe/p.py/image_saved/b]\nBefore = probe/p.py/image_saved/a\n[callbacks/other/x]\nBefore = y\n"
    )
    probe = extensions.Extension("probe", str(tmp_path))
    monkeypatch.setattr(extensions, "extensions", [probe])
    monkeypatch.setitem(extensions.extension_paths, str(tmp_path), probe)
    listed: list = []
    for name in "ab":
        callbacks.add_callback(listed, print, name=name, category="image_saved", filename=str(tmp_path / "p.py"))
    assert [c.name[-1] for c in callbacks.sort_callbacks("image_saved", listed)] == ["b", "a"]


def test_removal(callbacks) -> None:
    def one() -> None: ...

    callbacks.on_before_ui(one)
    callbacks.on_ui_settings(one)
    callbacks.ordered_callbacks("before_ui")
    callbacks.remove_callbacks_for_function(one)
    assert not callbacks.callback_map["callbacks_before_ui"] and not callbacks.ordered_callbacks("before_ui")
    callbacks.on_before_ui(one)
    callbacks.add_callback(callbacks.callback_map["callbacks_before_ui"], one, filename="elsewhere.py")
    callbacks.remove_current_script_callbacks()
    assert [c.script for c in callbacks.callback_map["callbacks_before_ui"]] == ["elsewhere.py"]


def test_tabs_and_lists_are_collected(callbacks) -> None:
    callbacks.on_ui_tabs(lambda: [("blocks", "Title", "id")])
    callbacks.on_ui_tabs(lambda: None)
    callbacks.on_ui_tabs(lambda: 1 / 0)
    assert callbacks.ui_tabs_callback() == [("blocks", "Title", "id")]
    callbacks.on_list_unets(lambda found: found.append("unet"))
    assert callbacks.list_unets_callback() == ["unet"]


@pytest.mark.parametrize("kind", [
    "app_started", "before_reload", "model_loaded", "ui_tabs", "ui_train_tabs", "ui_settings", "before_image_saved",
    "image_saved", "extra_noise", "cfg_denoiser", "cfg_denoised", "cfg_after_cfg", "before_component",
    "after_component", "image_grid", "infotext_pasted", "script_unloaded", "before_ui", "list_optimizers",
    "list_unets", "before_token_counter",
])
def test_every_kind_registers_with_a_name(callbacks, kind: str) -> None:
    getattr(callbacks, f"on_{kind}")(print, name="mine")
    names = [c.name for _, items in callbacks.enumerate_callbacks() for c in items]
    assert names == [f"base/test_callbacks.py/{'on_reload' if kind == 'before_reload' else kind}/mine"]
