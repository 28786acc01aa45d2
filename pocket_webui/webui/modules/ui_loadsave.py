"""ui-config.json: the page's default values, each under the path of labels that leads to its component."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from modules import errors, ui_components

_FIELDS = {
    gr.Slider: ("value", "minimum", "maximum", "step"),
    gr.Radio: ("value",),
    gr.Checkbox: ("value",),
    gr.Textbox: ("value",),
    gr.Number: ("value",),
    gr.Dropdown: ("value",),
}


def radio_choices(component: Any) -> list[Any]:
    """The values to choose from; some versions of gradio keep (value, label) pairs."""
    return [c[0] if isinstance(c, tuple) else c for c in getattr(component, "choices", None) or []]


def _acceptable(component: Any) -> Callable[[Any], bool] | None:
    """A check for stored values of components with choices, which may have changed since."""
    choices = radio_choices(component)
    if type(component) is gr.Radio:
        return lambda value: value in choices
    if type(component) is not gr.Dropdown:
        return None
    if getattr(component, "multiselect", False):
        return lambda values: isinstance(values, list) and all(value in choices for value in values)
    return lambda value: value in choices


class UiLoadsave:
    """Collects components by `add_block`, giving each its stored value; `dump_defaults` writes what was collected.

    A component counts by its exact type: subclasses (of extensions, say) are neither stored nor restored, as on
    A1111. Neither are components with `do_not_save_to_config`."""

    def __init__(self, filename: str) -> None:
        self.filename = filename
        self.ui_settings: dict[str, Any] = {}
        self.component_mapping: dict[str, Any] = {}
        self.error_loading = False
        self.finalized_ui = False
        self.ui_defaults_view: Any = None
        self.ui_defaults_apply: Any = None
        self.ui_defaults_review: Any = None
        try:
            self.ui_settings = self.read_from_file()
        except FileNotFoundError:
            pass
        except Exception as e:
            self.error_loading = True
            errors.display(e, f"reading {filename}; correct or delete the file")

    def _apply(self, path: str, obj: Any, field: str, accept: Callable[[Any], bool] | None = None,
               changed: Callable[[Any], object] | None = None, attribute: str | None = None) -> None:
        """Give `obj.field` its stored value, or store the present one under `path/field`."""
        if getattr(obj, "do_not_save_to_config", False):
            return
        key, attribute = f"{path}/{field}", attribute or field
        source = getattr(obj, "custom_script_source", None)
        if source is not None:
            key = f"customscript/{source}/{key}"
        saved = self.ui_settings.get(key)
        if saved is None:
            self.ui_settings[key] = getattr(obj, attribute)
        elif accept is None or accept(saved):
            try:
                value = self._converted(obj, field, saved)
            except ValueError:
                return
            setattr(obj, attribute, value)
            if changed is not None:
                changed(value)
        if field == "value" and key not in self.component_mapping:
            self.component_mapping[key] = obj

    @staticmethod
    def _converted(obj: Any, field: str, saved: Any) -> Any:
        if field != "value":
            return saved
        if isinstance(obj, gr.Textbox):
            return str(saved)
        return float(saved) if isinstance(obj, gr.Number) else saved

    def add_component(self, path: str, x: Any) -> None:
        """Register one component under `path`."""
        assert not self.finalized_ui
        kind = type(x)
        if kind in (*_FIELDS, ui_components.ToolButton, gr.Button) and x.visible:
            self._apply(path, x, "visible")
        for field in _FIELDS.get(kind, ()):
            changed = getattr(x, "init_field", None) if kind is gr.Dropdown and field == "value" else None
            self._apply(path, x, field, _acceptable(x) if field == "value" else None, changed)
        if kind is ui_components.InputAccordion:
            self._add_input_accordion(path, x)
        if kind is gr.Tabs:
            self._apply(path, x, "selected", lambda tab: self._has_tab(x, tab))

    def _add_input_accordion(self, path: str, x: Any) -> None:
        if hasattr(x, "custom_script_source"):
            x.accordion.custom_script_source = x.custom_script_source
        if x.accordion.visible:
            self._apply(path, x.accordion, "visible")
        self._apply(path, x, "value")
        # The accordion opens with its checkbox, so both read the same entry.
        self._apply(path, x.accordion, "value", attribute="open")

    @staticmethod
    def _has_tab(tabs: Any, tab: Any) -> bool:
        items = [child for child in tabs.children if isinstance(child, gr.TabItem)]
        if isinstance(tab, str):
            return any(item.id == tab for item in items)
        return isinstance(tab, int) and 0 <= tab < len(items)

    def add_block(self, x: Any, path: str = "") -> None:
        """Register every component inside `x`; `path` is the tab's name."""
        if hasattr(x, "children"):
            if isinstance(x, gr.Tabs) and x.elem_id is not None:
                self.add_component(f"{path}/Tabs@{x.elem_id}", x)
            for child in x.children:
                self.add_block(child, path)
        elif getattr(x, "label", None) is not None:
            self.add_component(f"{path}/{x.label}", x)
        elif isinstance(x, gr.Button) and x.value is not None:
            self.add_component(f"{path}/{x.value}", x)

    def read_from_file(self) -> dict[str, Any]:
        with open(self.filename, encoding="utf8") as file:
            return json.load(file)

    def write_to_file(self, current_ui_settings: dict[str, Any]) -> None:
        with open(self.filename, "w", encoding="utf8") as file:
            json.dump(current_ui_settings, file, indent=4, ensure_ascii=False)

    def dump_defaults(self) -> None:
        """Write all defaults; not over a file that could not be read."""
        if not (self.error_loading and os.path.exists(self.filename)):
            self.write_to_file(self.ui_settings)

    def iter_changes(self, current: dict[str, Any], values: tuple) -> Iterator[tuple[str, Any, Any]]:
        """(path, stored, shown) for every component whose value on the page differs from the stored one."""
        for (path, component), new in zip(self.component_mapping.items(), values, strict=False):
            old, choices = current.get(path), radio_choices(component)
            if isinstance(new, int) and not isinstance(new, bool) and choices:
                if new >= len(choices):
                    continue
                new = choices[new]
            if new == old or (old is None and new == "") or new == []:
                continue
            yield path, old, new

    def ui_view(self, *values: Any) -> str:
        """The changes as an HTML table."""
        rows = [
            "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in change) + "</tr>"
            for change in self.iter_changes(self.read_from_file(), values)
        ]
        head = "<tr><th>Path</th><th>Old value</th><th>New value</th></tr>"
        body = "".join(rows) or "<tr><td colspan=3>No changes</td></tr>"
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"

    def ui_apply(self, *values: Any) -> str:
        """Store the values on the page as defaults."""
        current = self.read_from_file()
        changes = {path: new for path, _, new in self.iter_changes(current, values)}
        if not changes:
            return "No changes."
        self.write_to_file({**current, **changes})
        return f"Wrote {len(changes)} changes."

    def create_ui(self) -> None:
        """The Defaults page of the settings tab."""
        gr.HTML("<p>Values on the other tabs can become their defaults: change them there, look at the changes here, "
                f"then apply. They are written to {html.escape(self.filename)} and count from the next Reload UI.</p>")
        with gr.Row():
            self.ui_defaults_view = gr.Button("View changes", elem_id="ui_defaults_view", variant="secondary")
            self.ui_defaults_apply = gr.Button("Apply", elem_id="ui_defaults_apply", variant="primary")
        self.ui_defaults_review = gr.HTML("", elem_id="ui_defaults_review")

    def setup_ui(self) -> None:
        """Connect the Defaults page; components cannot be added any more."""
        assert not self.finalized_ui
        self.finalized_ui = True
        inputs = list(self.component_mapping.values())
        for button, action in ((self.ui_defaults_view, self.ui_view), (self.ui_defaults_apply, self.ui_apply)):
            button.click(fn=action, inputs=inputs, outputs=[self.ui_defaults_review])
