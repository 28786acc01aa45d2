"""The Settings tab and the settings at the top of the page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import gradio as gr

from modules import script_callbacks, scripts, sd_models, shared, shared_items, timer, ui_common
from modules.call_queue import wrap_gradio_call_no_job
from modules.options import OptionInfo, options_section
from modules.ui_components import FormRow
from modules.ui_gradio_extensions import reload_javascript


def _arguments(info: OptionInfo) -> dict[str, Any]:
    return (info.component_args() if callable(info.component_args) else info.component_args) or {}


def get_value_for_setting(key: str) -> Any:
    """A gradio update with the option's value and present choices."""
    args = {k: v for k, v in _arguments(shared.opts.data_labels[key]).items() if k != "precision"}
    return gr.update(value=getattr(shared.opts, key), **args)


def _component_class(key: str, info: OptionInfo) -> Any:
    if info.component is not None:
        return info.component
    by_type = {str: gr.Textbox, int: gr.Number, bool: gr.Checkbox}
    kind = type(info.default)
    if kind not in by_type:
        raise TypeError(f"option '{key}' has a default of type {kind.__name__}; give it a component to edit it with")
    return by_type[kind]


def create_setting_component(key: str, is_quicksettings: bool = False) -> Any:
    """The component `setting_<key>`, with a refresh button if the option has something to refresh."""
    info = shared.opts.data_labels[key]
    value = shared.opts.data.get(key, info.default)

    def build() -> Any:
        component = _component_class(key, info)(label=info.label, value=value, elem_id=f"setting_{key}",
                                                **_arguments(info))
        if info.refresh is not None:
            ui_common.create_refresh_button(component, info.refresh, info.component_args, f"refresh_{key}")
        return component

    if info.refresh is None or is_quicksettings:
        return build()
    with FormRow():
        return build()


class UiSettings:
    """`register_settings`, then `create_ui`, then (inside the page) `add_quicksettings` and `add_functionality`."""

    submit: Any = None
    result: Any = None
    interface: Any = None
    components: list[Any] = None  # type: ignore[assignment]
    component_dict: dict[str, Any] = None  # type: ignore[assignment]
    dummy_component: Any = None
    quicksettings_list: list[Any] = None  # type: ignore[assignment]
    quicksettings_names: dict[str, int] = None  # type: ignore[assignment]
    text_settings: Any = None
    show_all_pages: Any = None
    show_one_page: Any = None
    search_input: Any = None

    def run_settings(self, *args: Any) -> tuple[str, str]:
        """Apply the whole page; returns the settings as JSON and a sentence about what changed."""
        opts, changed = shared.opts, []
        shown = [(k, v) for k, v, c in zip(opts.data_labels, args, self.components, strict=True)
                 if c is not self.dummy_component]
        for key, value in shown:
            wanted = opts.data_labels[key].default
            if not opts.same_type(value, wanted):
                raise ValueError(f"Bad value for setting {key}: {value!r}; expected {type(wanted).__name__}")
        changed = [key for key, value in shown if opts.set(key, value)]
        names = f"{len(changed)} settings changed{': ' if changed else ''}{', '.join(changed)}"
        try:
            opts.save(shared.config_filename)
        except RuntimeError:
            return opts.dumpjson(), f"{names}, but not saved."
        return opts.dumpjson(), f"{names}."

    def run_settings_single(self, value: Any, key: str) -> tuple[Any, str]:
        """Apply one setting of the top of the page."""
        opts = shared.opts
        if not opts.same_type(value, opts.data_labels[key].default):
            return gr.update(visible=True), opts.dumpjson()
        if value is None or not opts.set(key, value):
            return gr.update(value=getattr(opts, key)), opts.dumpjson()
        opts.save(shared.config_filename)
        return get_value_for_setting(key), opts.dumpjson()

    def register_settings(self) -> None:
        script_callbacks.ui_settings_callback()

    def create_ui(self, loadsave: Any, dummy_component: Any) -> None:
        """Build the tab into `self.interface`; `dummy_component` stands for options that are not on it."""
        self.components, self.component_dict, self.quicksettings_list = [], {}, []
        self.dummy_component = dummy_component
        shared.settings_components = self.component_dict
        # Late, so that scripts have registered their callbacks.
        order = options_section(("callbacks", "Callbacks", "system"), shared_items.callbacks_order_settings())
        shared.opts.data_labels.update(order)
        shared.opts.reorder()
        quick = shared.opts.quicksettings_list
        self.quicksettings_names = {name: i for i, name in enumerate(quick) if name != "quicksettings"}
        with gr.Blocks(analytics_enabled=False) as self.interface:
            with gr.Row():
                with gr.Column(scale=6):
                    self.submit = gr.Button("Apply settings", variant="primary", elem_id="settings_submit")
                with gr.Column():
                    restart = gr.Button("Reload UI", variant="primary", elem_id="settings_restart_gradio")
            self.result = gr.HTML(elem_id="settings_result")
            with gr.Tabs(elem_id="settings"):
                self._sections()
                with gr.TabItem("Defaults", id="defaults", elem_id="settings_tab_defaults"):
                    loadsave.create_ui()
                with gr.TabItem("Actions", id="actions", elem_id="settings_tab_actions"):
                    self._actions()
                self._search()
            self.text_settings = gr.Textbox(elem_id="settings_json", value=lambda: shared.opts.dumpjson(),
                                            visible=False)
            restart.click(fn=shared.state.request_restart, _js="restart_reload", inputs=[], outputs=[])

    def _sections(self) -> None:
        """One sub-tab per section, in the order of the options."""
        section: Any = None
        with ExitStack() as tab:
            for number, (key, info) in enumerate(shared.opts.data_labels.items()):
                skipped = info.section is None or info.section[0] is None
                if not skipped and info.section != section:
                    section = info.section
                    tab.close()
                    tab.enter_context(gr.TabItem(elem_id=f"settings_{section[0]}", label=section[1]))
                    tab.enter_context(gr.Column(elem_id=f"column_settings_{section[0]}", variant="compact"))
                self.components.append(self._setting(number, key, info, skipped))

    def _setting(self, number: int, key: str, info: OptionInfo, skipped: bool) -> Any:
        if key in self.quicksettings_names and not shared.cmd_opts.freeze_settings:
            self.quicksettings_list.append((number, key, info))
            return self.dummy_component
        if skipped:
            return self.dummy_component
        self.component_dict[key] = create_setting_component(key)
        return self.component_dict[key]

    def _search(self) -> None:
        self.show_all_pages = gr.Button("Show all pages", elem_id="settings_show_all_pages")
        self.show_one_page = gr.Button("Show only one page", elem_id="settings_show_one_page", visible=False)
        self.show_one_page.click(lambda: None)
        self.search_input = gr.Textbox(value="", elem_id="settings_search", max_lines=1, placeholder="Search...",
                                       label="Search settings", show_label=False)

    def _actions(self) -> None:
        bodies = gr.Button("Reload custom script bodies (No ui updates, No restart)", variant="secondary",
                           elem_id="settings_reload_script_bodies")
        with gr.Row():
            unload = gr.Button("Unload SD checkpoint", elem_id="sett_unload_sd_model")
            load = gr.Button("Load SD checkpoint", elem_id="sett_reload_sd_model")

        def reload_bodies() -> None:
            scripts.reload_script_body_only()
            reload_javascript()

        bodies.click(fn=reload_bodies, inputs=[], outputs=[])
        for button, action, text in ((unload, sd_models.unload_model_weights, "Unloaded the checkpoint"),
                                     (load, lambda: shared.sd_model, "Loaded the checkpoint")):
            button.click(fn=self._timed(action, text), inputs=[], outputs=[self.result])

    @staticmethod
    def _timed(action: Callable[[], object], text: str) -> Callable[[], str]:
        def handler() -> str:
            watch = timer.Timer()
            action()
            watch.record(text)
            return f"{text} in {watch.total:.1f}s"

        return handler

    def add_quicksettings(self) -> None:
        """The row at the top of the page."""
        with gr.Row(elem_id="quicksettings", variant="compact"):
            for _, key, _ in sorted(self.quicksettings_list,
                                         key=lambda x: self.quicksettings_names.get(x[1], x[0])):
                self.component_dict[key] = create_setting_component(key, is_quicksettings=True)

    def _connect_quicksetting(self, key: str, info: OptionInfo) -> None:
        component = self.component_dict[key]
        if isinstance(component, gr.Textbox):
            events = [component.submit, component.blur]
        else:
            events = [component.release if hasattr(component, "release") else component.change]
        for event in events:
            event(fn=lambda value: self.run_settings_single(value, key=key), inputs=[component],
                  outputs=[component, self.text_settings], show_progress=info.refresh is not None)

    def add_functionality(self, demo: Any) -> None:
        """Connect the tab; the page reads all values anew whenever it is opened."""
        self.submit.click(
            fn=wrap_gradio_call_no_job(lambda *args: self.run_settings(*args), extra_outputs=[gr.update()]),
            inputs=self.components, outputs=[self.text_settings, self.result])
        for _, key, info in self.quicksettings_list:
            self._connect_quicksetting(key, info)
        checkpoint = self.component_dict.get("sd_model_checkpoint")
        if checkpoint is not None:
            change = gr.Button("Change checkpoint", elem_id="change_checkpoint", visible=False)
            change.click(
                fn=lambda value, _: self.run_settings_single(value, key="sd_model_checkpoint"),
                _js="function(v){ const name = desiredCheckpointName; desiredCheckpointName = null; "
                    "return [name || v, null]; }",
                inputs=[checkpoint, self.dummy_component], outputs=[checkpoint, self.text_settings])
        keys = [key for key in shared.opts.data_labels if key in self.component_dict]
        demo.load(fn=lambda: [get_value_for_setting(key) for key in keys], inputs=[],
                  outputs=[self.component_dict[key] for key in keys], queue=False)
