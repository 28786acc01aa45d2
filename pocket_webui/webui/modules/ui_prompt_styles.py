"""The list of styles beside the prompts and the dialog that edits them."""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules import shared, styles, ui_common, ui_components

styles_edit_symbol = "\U0001f58c\ufe0f"
styles_materialize_symbol = "\U0001f4cb"
styles_copy_symbol = "\U0001f4dd"
_ABOUT = (
    "A style adds its text to the prompt: in place of {prompt} goes what you typed; without {prompt} the text goes "
    "to the end."
)


def _names() -> list[str]:
    return list(shared.prompt_styles.styles)


def select_style(name: str) -> tuple[Any, Any, Any, Any]:
    style = shared.prompt_styles.styles.get(name)
    texts = (style.prompt, style.negative_prompt) if style else (gr.update(), gr.update())
    return *texts, gr.update(visible=style is not None), gr.update(visible=bool(name))


def save_style(name: str, prompt: str, negative_prompt: str) -> Any:
    """Write the style to the file it came from, a new one to the first styles file."""
    if not name:
        return gr.update(visible=False)
    old = shared.prompt_styles.styles.get(name)
    path = old.path if old is not None else None
    shared.prompt_styles.styles[name] = styles.PromptStyle(name, prompt, negative_prompt, path)
    shared.prompt_styles.save_styles()
    return gr.update(visible=True)


def delete_style(name: str) -> tuple[str, str, str]:
    if name:
        shared.prompt_styles.styles.pop(name, None)
        shared.prompt_styles.save_styles()
    return "", "", ""


def materialize_styles(prompt: str, negative_prompt: str, chosen: list[str]) -> list[Any]:
    """Write the chosen styles into the prompts and choose none."""
    prompt = shared.prompt_styles.apply_styles_to_prompt(prompt, chosen)
    negative_prompt = shared.prompt_styles.apply_negative_styles_to_prompt(negative_prompt, chosen)
    return [gr.Textbox.update(value=prompt), gr.Textbox.update(value=negative_prompt), gr.Dropdown.update(value=[])]


def refresh_styles() -> tuple[Any, Any]:
    return gr.update(choices=_names()), gr.update(choices=_names())


class UiPromptStyles:
    def __init__(self, tabname: str, main_ui_prompt: Any, main_ui_negative_prompt: Any) -> None:
        self.tabname = tabname
        self.main_ui_prompt = main_ui_prompt
        self.main_ui_negative_prompt = main_ui_negative_prompt
        with gr.Row(elem_id=f"{tabname}_styles_row"):
            self.dropdown = gr.Dropdown(label="Styles", show_label=False, elem_id=f"{tabname}_styles",
                                        choices=_names(), value=[], multiselect=True, tooltip="Styles")
            edit = ui_components.ToolButton(styles_edit_symbol, elem_id=f"{tabname}_styles_edit_button",
                                            tooltip="Edit styles")
        with gr.Box(elem_id=f"{tabname}_styles_dialog", elem_classes="popup-dialog") as dialog:
            self._build_dialog()
        self._connect()
        ui_common.setup_dialog(button_show=edit, dialog=dialog, button_close=self.close)

    def _build_dialog(self) -> None:
        tab, tool = self.tabname, ui_components.ToolButton
        with gr.Row():
            self.selection = gr.Dropdown(label="Styles", elem_id=f"{tab}_styles_edit_select", choices=_names(),
                                         value=[], allow_custom_value=True, info=_ABOUT)
            ui_common.create_refresh_button([self.dropdown, self.selection], shared.prompt_styles.reload,
                                            lambda: {"choices": _names()}, f"refresh_{tab}_styles")
            self.materialize = tool(styles_materialize_symbol, elem_id=f"{tab}_style_apply_dialog",
                                    tooltip="Write all selected styles into the prompts.")
            self.copy = tool(styles_copy_symbol, elem_id=f"{tab}_style_copy", tooltip="Copy the prompts to the style.")
        self.prompt, self.neg_prompt = (
            gr.Textbox(label=label, elem_id=f"{tab}_edit_style_{name}", lines=3, elem_classes=["prompt"])
            for label, name in (("Prompt", "prompt"), ("Negative prompt", "neg_prompt"))
        )
        with gr.Row():
            self.save = gr.Button("Save", variant="primary", elem_id=f"{tab}_edit_style_save", visible=False)
            self.delete = gr.Button("Delete", variant="primary", elem_id=f"{tab}_edit_style_delete", visible=False)
            self.close = gr.Button("Close", variant="secondary", elem_id=f"{tab}_edit_style_close")

    def _connect(self) -> None:
        lists = [self.dropdown, self.selection]
        self.selection.change(fn=select_style, inputs=[self.selection],
                              outputs=[self.prompt, self.neg_prompt, self.delete, self.save], show_progress=False)
        self.save.click(fn=save_style, inputs=[self.selection, self.prompt, self.neg_prompt], outputs=[self.delete],
                        show_progress=False).then(refresh_styles, outputs=lists, show_progress=False)
        self.delete.click(
            fn=delete_style,
            _js='function(name){ return name && confirm("Delete style " + name + "?") ? name : ""; }',
            inputs=[self.selection], outputs=[self.selection, self.prompt, self.neg_prompt], show_progress=False,
        ).then(refresh_styles, outputs=lists, show_progress=False)
        self.setup_apply_button(self.materialize)
        self.copy.click(fn=lambda p, n: (p, n), inputs=[self.main_ui_prompt, self.main_ui_negative_prompt],
                        outputs=[self.prompt, self.neg_prompt], show_progress=False)

    def setup_apply_button(self, button: Any) -> None:
        """Have `button` write the chosen styles into the prompts."""
        parts = [self.main_ui_prompt, self.main_ui_negative_prompt, self.dropdown]
        button.click(fn=materialize_styles, inputs=parts, outputs=parts, show_progress=False).then(
            fn=None, _js=f"function(){{ update_{self.tabname}_tokens(); }}", show_progress=False)
