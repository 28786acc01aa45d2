"""Gradio components of the WebUI: small buttons, parts that fit into a form, and the accordion with a checkbox."""

from __future__ import annotations

from functools import wraps
from typing import Any

import gradio as gr

from modules import gradio4

gradio4.adapt()


class FormComponent:
    """Mixin: gradio puts neighbouring form parts into one frame."""

    def get_expected_parent(self) -> type:
        return gr.components.Form


gr.Dropdown.get_expected_parent = FormComponent.get_expected_parent


class ToolButton(FormComponent, gr.Button):
    """A small button for one symbol. Give it a `tooltip`, since a symbol alone says nothing to a screen reader."""

    @wraps(gr.Button.__init__)  # gradio 4 reads from it what the page is told
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        classes = kwargs.pop("elem_classes", [])
        super().__init__(*args, elem_classes=["tool", *classes], **kwargs)

    def get_block_name(self) -> str:
        return "button"


class ResizeHandleRow(gr.Row):
    """A row of two columns with a handle between them."""

    @wraps(gr.Row.__init__)
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.elem_classes.append("resize-handle-row")

    def get_block_name(self) -> str:
        return "row"


class FormRow(FormComponent, gr.Row):
    """A row inside a form."""

    def get_block_name(self) -> str:
        return "row"


class FormColumn(FormComponent, gr.Column):
    """A column inside a form."""

    def get_block_name(self) -> str:
        return "column"


class FormGroup(FormComponent, gr.Group):
    """A group inside a form."""

    def get_block_name(self) -> str:
        return "group"


class FormHTML(FormComponent, gr.HTML):
    """HTML inside a form."""

    def get_block_name(self) -> str:
        return "html"


class FormColorPicker(FormComponent, gr.ColorPicker):
    """A colour picker inside a form."""

    def get_block_name(self) -> str:
        return "colorpicker"


class DropdownMulti(FormComponent, gr.Dropdown):
    """A dropdown for several values."""

    @wraps(gr.Dropdown.__init__)
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "multiselect": True})

    def get_block_name(self) -> str:
        return "dropdown"


class DropdownEditable(FormComponent, gr.Dropdown):
    """A dropdown into which other values can be typed."""

    @wraps(gr.Dropdown.__init__)
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "allow_custom_value": True})

    def get_block_name(self) -> str:
        return "dropdown"


class InputAccordion(gr.Checkbox):
    """An accordion that is also an input: True while it is open.

    The component itself is an invisible checkbox with the id `<elem_id>-checkbox`; what people see is the accordion
    `<elem_id>`, and the page's script puts `<elem_id>-visible-checkbox` into its header and keeps the three alike.
    Used as a context manager it collects the accordion's contents."""

    global_index = 0

    @wraps(gr.Checkbox.__init__)
    def __init__(self, value: bool = False, **kwargs: Any) -> None:
        if str(kwargs.get("elem_id")).endswith("-checkbox") and kwargs.get("visible") is False:
            super().__init__(value, **kwargs)  # a copy of the checkbox alone, that gradio 4 makes for an update
            return
        self.accordion_id = kwargs.get("elem_id")
        if self.accordion_id is None:
            self.accordion_id = f"input-accordion-{InputAccordion.global_index}"
            InputAccordion.global_index += 1
        super().__init__(value, **{**kwargs, "elem_id": f"{self.accordion_id}-checkbox", "visible": False})
        follow = f'function(checked){{ inputAccordionChecked("{self.accordion_id}", checked); }}'
        self.change(fn=None, _js=follow, inputs=[self])
        shown = {"label": "Accordion", **kwargs, "elem_id": self.accordion_id, "open": value}
        self.accordion = gr.Accordion(**{**shown, "elem_classes": ["input-accordion"]})

    def extra(self) -> gr.Column:
        """A column in the accordion's header, for use in a `with` block."""
        return gr.Column(elem_id=f"{self.accordion_id}-extra", elem_classes="input-accordion-extra", min_width=0)

    def __enter__(self) -> InputAccordion:
        self.accordion.__enter__()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.accordion.__exit__(*exc_info)

    def get_block_name(self) -> str:
        return "checkbox"
