"""Builds the scripts' parts of one tab's page and keeps their places among the controls."""

from __future__ import annotations

import os
from typing import Any

import gradio as gr

from modules import errors, script_loading, shared
from modules.script_base import AlwaysVisible, Script
from modules.script_hooks import ScriptHooks, wrap_call


class ScriptRunner(ScriptHooks):
    """The scripts of one tab. `inputs` are all controls, number 0 being the script dropdown; each script's values are
    `p.script_args[script.args_from:script.args_to]`."""

    def __init__(self) -> None:
        super().__init__()
        self.titles: list[str] = []
        self.title_map: dict[str, Script] = {}
        self.infotext_fields: list[Any] = []
        self.paste_field_names: list[str] = []
        self.inputs: list[Any] = [None]
        self.script_load_ctr = 0

    def initialize_scripts(self, is_img2img: bool) -> None:
        """Make an object of every loaded script class and ask whether it wants to be on this tab."""
        from modules import scripts, scripts_auto_postprocessing

        self.scripts.clear()
        self.alwayson_scripts.clear()
        self.selectable_scripts.clear()
        automatic = scripts_auto_postprocessing.create_auto_preprocessing_script_data()
        for data in [*automatic, *scripts.scripts_data]:
            try:
                script = data.script_class()
            except Exception:
                errors.report(f"Error # failed to initialize Script {data.module}: ", exc_info=True)
                continue
            script.filename = data.path
            script.is_txt2img, script.is_img2img = not is_img2img, is_img2img
            script.tabname = "img2img" if is_img2img else "txt2img"
            self._place(script)
        self.callback_map.clear()
        self.apply_on_before_component_callbacks()

    def _place(self, script: Script) -> None:
        visibility = script.show(script.is_img2img)
        if not visibility:
            return
        self.scripts.append(script)
        script.alwayson = visibility == AlwaysVisible
        (self.alwayson_scripts if script.alwayson else self.selectable_scripts).append(script)

    def apply_on_before_component_callbacks(self) -> None:
        """Take over what scripts registered with on_before_component and on_after_component."""
        for script in self.scripts:
            for registered, table in (
                (script.on_before_component_elem_id, self.on_before_component_elem_id),
                (script.on_after_component_elem_id, self.on_after_component_elem_id),
            ):
                for elem_id, callback in registered or []:
                    table.setdefault(elem_id, []).append((callback, script))
                if registered:
                    registered.clear()

    def create_script_ui(self, script: Script) -> None:
        """Build one script's controls; after an exception the script has none."""
        script.args_from = script.args_to = len(self.inputs)
        try:
            self.create_script_ui_inner(script)
        except Exception:
            errors.report(f"Error creating UI for {script.name}: ", exc_info=True)

    def create_script_ui_inner(self, script: Script) -> None:
        """`create_script_ui` without the catching. Also describes the controls for the API's script-info."""
        controls = wrap_call(script.ui, script.filename, "ui", script.is_img2img)
        script.controls = controls
        if controls is None:
            return
        script.name = wrap_call(script.title, script.filename, "title", default=script.filename).lower()
        script.api_info = self._describe(script, controls)
        self.infotext_fields += script.infotext_fields or []
        self.paste_field_names += script.paste_field_names or []
        self.inputs += controls
        script.args_to = len(self.inputs)

    def _describe(self, script: Script, controls: list[Any]) -> Any:
        from modules.api import models

        described = []
        for control in controls:
            control.custom_script_source = os.path.basename(script.filename or "")
            argument = models.ScriptArg(label=control.label or "")
            for field in ("value", "minimum", "maximum", "step"):
                value = getattr(control, field, None)
                if value is not None:
                    setattr(argument, field, value)
            choices = getattr(control, "choices", None)
            if choices is not None:
                argument.choices = [choice[0] if isinstance(choice, tuple) else choice for choice in choices]
            described.append(argument)
        return models.ScriptInfo(name=script.name, is_img2img=script.is_img2img, is_alwayson=script.alwayson,
                                 args=described)

    def setup_ui_for_section(self, section: str | None, scriptlist: list[Script] | None = None) -> None:
        """Build the controls of the scripts that belong into this section of the tab."""
        for script in self.alwayson_scripts if scriptlist is None else scriptlist:
            if script.alwayson and script.section != section:
                continue
            if not script.create_group:
                self.create_script_ui(script)
                continue
            with gr.Group(visible=script.alwayson) as group:
                self.create_script_ui(script)
            script.group = group

    def prepare_ui(self) -> None:
        """Start over with the controls; number 0 is kept for the dropdown."""
        self.inputs = [None]

    def setup_ui(self) -> list[Any]:
        """Build all remaining scripts and the script dropdown; returns `inputs`."""
        every = [wrap_call(s.title, s.filename, "title") or s.filename for s in self.scripts]
        self.title_map = {title.lower(): script for title, script in zip(every, self.scripts, strict=True)}
        self.titles = [wrap_call(s.title, s.filename, "title") or f"{s.filename} [error]"
                       for s in self.selectable_scripts]
        self.setup_ui_for_section(None)
        dropdown = gr.Dropdown(label="Script", elem_id="script_list", choices=["None", *self.titles], value="None",
                               type="index")
        self.inputs[0] = dropdown
        self.setup_ui_for_section(None, self.selectable_scripts)
        self._connect_dropdown(dropdown)
        self.apply_on_before_component_callbacks()
        return self.inputs

    def _connect_dropdown(self, dropdown: Any) -> None:
        groups = [script.group for script in self.selectable_scripts]
        # ui_loadsave calls this when ui-config.json names a script.
        dropdown.init_field = self._show_saved
        dropdown.change(fn=self._visibilities, inputs=[dropdown], outputs=groups)
        self.script_load_ctr = 0
        self.infotext_fields.append((dropdown, lambda params: gr.update(value=params.get("Script", "None"))))
        self.infotext_fields += [(group, self._pasted_visibility) for group in groups]

    def _visibilities(self, script_index: int | None) -> Any:
        shown = [gr.update(visible=number == script_index) for number, _ in enumerate(self.selectable_scripts, 1)]
        # gradio takes a list from a function with one output for the output's value.
        return shown[0] if len(shown) == 1 else shown

    def _show_saved(self, title: str) -> None:
        if title != "None":
            self.selectable_scripts[self.titles.index(title)].group.visible = True

    def _pasted_visibility(self, params: dict[str, Any]) -> Any:
        # Called once per group in their order; the counter tells which group is asked about.
        title = params.get("Script")
        if not title:
            return gr.update(visible=False)
        if title not in self.titles:
            params["Script"] = None
            message = f'Cannot find Script: "{title}"'
            print(message)
            gr.Warning(message)
            return gr.update(visible=False)
        visible = self.titles.index(title) == self.script_load_ctr
        self.script_load_ctr = (self.script_load_ctr + 1) % len(self.titles)
        return gr.update(visible=visible)

    def run(self, p: Any, *args: Any) -> Any:
        """Run the script that `args[0]` selects (0 or None: none) and return its Processed, else None."""
        if not args[0]:
            return None
        script = self.selectable_scripts[args[0] - 1]
        processed = script.run(p, *args[script.args_from : script.args_to])
        shared.total_tqdm.clear()
        return processed

    def script(self, title: str) -> Script | None:
        """The script with this title in any case."""
        return self.title_map.get(title.lower())

    def reload_sources(self, cache: dict[str, Any]) -> None:
        """Execute the files of all scripts again and replace the objects, keeping their places in `inputs`."""
        for index, old in enumerate(self.scripts):
            if old.filename not in cache:
                cache[old.filename] = script_loading.load_module(old.filename)  # type: ignore[index,arg-type]
            for found in vars(cache[old.filename]).values():  # type: ignore[index]
                if type(found) is type and issubclass(found, Script):
                    new = found()
                    new.filename, new.args_from, new.args_to = old.filename, old.args_from, old.args_to
                    self.scripts[index] = new

    def set_named_arg(self, args: Any, script_name: str, arg_elem_id: str, value: Any, fuzzy: bool = False) -> Any:
        """Script arguments with the value of one control replaced; a list is changed in place, a tuple copied.

        `fuzzy`: `arg_elem_id` need only be a part of the control's id. RuntimeError: no such script or control."""
        script = next((script for script in self.scripts if script.name == script_name), None)
        if script is None:
            raise RuntimeError(f"script {script_name} not found")
        for number, control in enumerate(script.controls or []):
            if not (arg_elem_id in control.elem_id if fuzzy else arg_elem_id == control.elem_id):
                continue
            index = (script.args_from or 0) + number
            if isinstance(args, tuple):
                return (*args[:index], value, *args[index + 1 :])
            if isinstance(args, list):
                args[index] = value
                return args
            raise RuntimeError(f"args is not a list or tuple, but {type(args)}")
        raise RuntimeError(f"arg_elem_id {arg_elem_id} not found in script {script_name}")
