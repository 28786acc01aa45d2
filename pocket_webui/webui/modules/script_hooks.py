"""Calls the hooks of the scripts of one tab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules import errors, script_callbacks
from modules.script_base import (
    MaskBlendArgs,
    OnComponent,
    PostprocessBatchListArgs,
    PostprocessImageArgs,
    PostProcessMaskOverlayArgs,
    PostSampleArgs,
    Script,
)


def wrap_call(func: Callable, filename: Any, funcname: str, *args: Any, default: Any = None, **kwargs: Any) -> Any:
    """`func(*args, **kwargs)`; after an exception, which is reported, `default`."""
    try:
        return func(*args, **kwargs)
    except Exception:
        errors.report(f"Error calling: {filename}/{funcname}", exc_info=True)
    return default


class ScriptHooks:
    """Calls each hook of all scripts that define it, in order; an exception is reported and the next script runs."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self.selectable_scripts: list[Script] = []
        self.alwayson_scripts: list[Script] = []
        self.callback_map: dict[str, tuple[int, list[Any]]] = {}
        self.callback_names = [
            "before_process", "process", "before_process_batch", "after_extra_networks_activate", "process_batch",
            "postprocess", "postprocess_batch", "postprocess_batch_list", "post_sample", "on_mask_blend",
            "postprocess_image", "postprocess_maskoverlay", "postprocess_image_after_composite", "before_component",
            "after_component",
        ]
        self.on_before_component_elem_id: dict[str, list[tuple[Callable, Script]]] = {}
        self.on_after_component_elem_id: dict[str, list[tuple[Callable, Script]]] = {}

    def list_scripts_for_method(self, method_name: str) -> list[Script]:
        """Scripts that may take part in a hook: all for the page's hooks, else those that are always on."""
        return self.scripts if method_name in ("before_component", "after_component") else self.alwayson_scripts

    def create_ordered_callbacks_list(self, method_name: str, *, enable_user_sort: bool = True) -> list[Any]:
        """The scripts whose class defines the hook, wrapped as callbacks, sorted like callbacks."""
        category = f"script_{method_name}"
        callbacks: list[Any] = []
        for script in self.list_scripts_for_method(method_name):
            if getattr(type(script), method_name, None) != getattr(Script, method_name, None):
                script_callbacks.add_callback(callbacks, script, category=category, name=type(script).__name__,
                                              filename=script.filename)
        return script_callbacks.sort_callbacks(category, callbacks, enable_user_sort=enable_user_sort)

    def ordered_callbacks(self, method_name: str, *, enable_user_sort: bool = True) -> list[Any]:
        """The same, kept until the number of scripts changes."""
        category, count = f"script_{method_name}", len(self.list_scripts_for_method(method_name))
        known_count, callbacks = self.callback_map.get(category, (-1, []))
        if known_count != count:
            callbacks = self.create_ordered_callbacks_list(method_name, enable_user_sort=enable_user_sort)
            self.callback_map[category] = count, callbacks
        return callbacks

    def ordered_scripts(self, method_name: str) -> list[Script]:
        return [callback.callback for callback in self.ordered_callbacks(method_name)]

    def _call_all(self, hook: str, p: Any, *leading: Any, is_ui: bool = True, **kwargs: Any) -> None:
        for script in self.ordered_scripts(hook):
            if script.setup_for_ui_only and not is_ui:
                continue
            try:
                args = p.script_args[script.args_from : script.args_to]
                getattr(script, hook)(p, *leading, *args, **kwargs)
            except Exception:
                errors.report(f"Error running {hook}: {script.filename}", exc_info=True)

    def setup_scrips(self, p: Any, *, is_ui: bool = True) -> None:
        """Call `setup`; the misspelled name is A1111's. Without a page, scripts of the page are left out."""
        self._call_all("setup", p, is_ui=is_ui)

    def before_process(self, p: Any) -> None:
        self._call_all("before_process", p)

    def process(self, p: Any) -> None:
        self._call_all("process", p)

    def process_before_every_sampling(self, p: Any, **kwargs: Any) -> None:
        self._call_all("process_before_every_sampling", p, **kwargs)

    def before_process_batch(self, p: Any, **kwargs: Any) -> None:
        self._call_all("before_process_batch", p, **kwargs)

    def after_extra_networks_activate(self, p: Any, **kwargs: Any) -> None:
        self._call_all("after_extra_networks_activate", p, **kwargs)

    def process_batch(self, p: Any, **kwargs: Any) -> None:
        self._call_all("process_batch", p, **kwargs)

    def before_hr(self, p: Any) -> None:
        self._call_all("before_hr", p)

    def post_sample(self, p: Any, ps: PostSampleArgs) -> None:
        self._call_all("post_sample", p, ps)

    def on_mask_blend(self, p: Any, mba: MaskBlendArgs) -> None:
        self._call_all("on_mask_blend", p, mba)

    def postprocess_batch(self, p: Any, images: Any, **kwargs: Any) -> None:
        self._call_all("postprocess_batch", p, images=images, **kwargs)

    def postprocess_batch_list(self, p: Any, pp: PostprocessBatchListArgs, **kwargs: Any) -> None:
        self._call_all("postprocess_batch_list", p, pp, **kwargs)

    def postprocess_image(self, p: Any, pp: PostprocessImageArgs) -> None:
        self._call_all("postprocess_image", p, pp)

    def postprocess_maskoverlay(self, p: Any, ppmo: PostProcessMaskOverlayArgs) -> None:
        self._call_all("postprocess_maskoverlay", p, ppmo)

    def postprocess_image_after_composite(self, p: Any, pp: PostprocessImageArgs) -> None:
        self._call_all("postprocess_image_after_composite", p, pp)

    def postprocess(self, p: Any, processed: Any) -> None:
        self._call_all("postprocess", p, processed)

    def _tell_of_component(self, hook: str, listeners: list[tuple[Callable, Script]], component: Any,
                           kwargs: dict[str, Any]) -> None:
        for callback, script in listeners:
            wrap_call(callback, script.filename, f"on_{hook}", OnComponent(component=component))
        for script in self.ordered_scripts(hook):
            wrap_call(getattr(script, hook), script.filename, hook, component, **kwargs)

    def before_component(self, component: Any, **kwargs: Any) -> None:
        listeners = self.on_before_component_elem_id.get(kwargs.get("elem_id"), [])  # type: ignore[arg-type]
        self._tell_of_component("before_component", listeners, component, kwargs)

    def after_component(self, component: Any, **kwargs: Any) -> None:
        listeners = self.on_after_component_elem_id.get(component.elem_id, [])
        self._tell_of_component("after_component", listeners, component, kwargs)
