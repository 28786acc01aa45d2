"""The row above the tabs' settings: prompts, Generate with Interrupt and Skip, small tools, styles."""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules import images, shared, ui_prompt_styles
from modules.ui_components import ToolButton

paste_symbol = "\u2199\ufe0f"
clear_prompt_symbol = "\U0001f5d1\ufe0f"
restore_progress_symbol = "\U0001f300"
_KEYS = "(Press Ctrl+Enter to generate, Alt+Enter to skip, Esc to interrupt)"


class Toprow:
    """Builds the row where it is made; with `is_compact` the parts are placed later by the `create_inline_*` calls."""

    prompt: Any = None
    prompt_img: Any = None
    negative_prompt: Any = None
    button_interrogate: Any = None
    button_deepbooru: Any = None
    interrupt: Any = None
    interrupting: Any = None
    skip: Any = None
    submit: Any = None
    paste: Any = None
    clear_prompt_button: Any = None
    apply_styles: Any = None
    restore_progress_button: Any = None
    token_counter: Any = None
    token_button: Any = None
    negative_token_counter: Any = None
    negative_token_button: Any = None
    ui_styles: Any = None
    submit_box: Any = None

    def __init__(self, is_img2img: bool, is_compact: bool = False, id_part: str | None = None) -> None:
        self.id_part = id_part or ("img2img" if is_img2img else "txt2img")
        self.is_img2img = is_img2img
        self.is_compact = is_compact
        if is_compact:
            self.create_submit_box()
        else:
            with gr.Row(elem_id=f"{self.id_part}_toprow", variant="compact"):
                self.create_classic_toprow()

    def create_classic_toprow(self) -> None:
        self.create_prompts()
        with gr.Column(scale=1, elem_id=f"{self.id_part}_actions_column"):
            self.create_submit_box()
            self.create_tools_row()
            self.create_styles_ui()

    def create_inline_toprow_prompts(self) -> None:
        if not self.is_compact:
            return
        self.create_prompts()
        with gr.Row(elem_classes=["toprow-compact-stylerow"]):
            with gr.Column(elem_classes=["toprow-compact-tools"]):
                self.create_tools_row()
            with gr.Column():
                self.create_styles_ui()

    def create_inline_toprow_image(self) -> None:
        if self.is_compact:
            self.submit_box.render()

    def _prompt_box(self, label: str, name: str) -> Any:
        with gr.Row(elem_id=f"{self.id_part}_{name}_row", elem_classes=["prompt-row"]):
            return gr.Textbox(label=label, elem_id=f"{self.id_part}_{name}", show_label=False, lines=3,
                              placeholder=f"{label}\n{_KEYS}", elem_classes=["prompt"])

    def create_prompts(self) -> None:
        classes = ["prompt-container-compact"] if self.is_compact else []
        with gr.Column(elem_id=f"{self.id_part}_prompt_container", elem_classes=classes, scale=6):
            self.prompt = self._prompt_box("Prompt", "prompt")
            self.negative_prompt = self._prompt_box("Negative prompt", "neg_prompt")
            self.prompt_img = gr.File(label="", elem_id=f"{self.id_part}_prompt_image", file_count="single",
                                      type="binary", visible=False)
        self.prompt_img.change(fn=images.image_data, inputs=[self.prompt_img],
                               outputs=[self.prompt, self.prompt_img], show_progress=False)

    def create_submit_box(self) -> None:
        part, classes = self.id_part, ["generate-box"] + (["generate-box-compact"] if self.is_compact else [])
        with gr.Row(elem_id=f"{part}_generate_box", elem_classes=classes, render=not self.is_compact) as box:
            self.submit_box = box
            self.interrupt = gr.Button("Interrupt", elem_id=f"{part}_interrupt",
                                       elem_classes="generate-box-interrupt", tooltip="End the generation")
            self.skip = gr.Button("Skip", elem_id=f"{part}_skip", elem_classes="generate-box-skip",
                                  tooltip="End this batch and go on with the next")
            self.interrupting = gr.Button("Interrupting...", elem_id=f"{part}_interrupting",
                                          elem_classes="generate-box-interrupting", tooltip="Interrupting")
            self.submit = gr.Button("Generate", elem_id=f"{part}_generate", variant="primary")
        self.skip.click(fn=shared.state.skip)
        self.interrupt.click(fn=interrupt_job, _js=f'function(){{ showSubmitInterruptingPlaceholder("{part}"); }}')
        self.interrupting.click(fn=interrupt_job)

    def create_tools_row(self) -> None:
        part = self.id_part
        with gr.Row(elem_id=f"{part}_tools"):
            self.paste = ToolButton(paste_symbol, elem_id=f"{part}_paste" if self.is_img2img else "paste",
                                    tooltip="Read generation parameters from the prompt, or those of the last "
                                            "generation if the prompt is empty.")
            self.clear_prompt_button = ToolButton(clear_prompt_symbol, elem_id=f"{part}_clear_prompt",
                                                  tooltip="Clear prompt")
            self.apply_styles = ToolButton(ui_prompt_styles.styles_materialize_symbol, elem_id=f"{part}_style_apply",
                                           tooltip="Write all selected styles into the prompts.")
            self.restore_progress_button = ToolButton(restore_progress_symbol, elem_id=f"{part}_restore_progress",
                                                      visible=False, tooltip="Restore progress")
            self.token_counter, self.token_button = self._token_counter("token")
            self.negative_token_counter, self.negative_token_button = self._token_counter("negative_token")
        self.clear_prompt_button.click(fn=lambda *x: x, _js="confirm_clear_prompt",
                                       inputs=[self.prompt, self.negative_prompt],
                                       outputs=[self.prompt, self.negative_prompt])

    def _token_counter(self, name: str) -> tuple[Any, Any]:
        counter = gr.HTML(value="<span>0/75</span>", elem_id=f"{self.id_part}_{name}_counter",
                          elem_classes=["token-counter"], visible=False)
        return counter, gr.Button(visible=False, elem_id=f"{self.id_part}_{name}_button")

    def create_styles_ui(self) -> None:
        self.ui_styles = ui_prompt_styles.UiPromptStyles(self.id_part, self.prompt, self.negative_prompt)
        self.ui_styles.setup_apply_button(self.apply_styles)


def interrupt_job() -> None:
    """Interrupt; with the option interrupt_after_current the first click of a long job lets the picture end."""
    state = shared.state
    if not state.stopping_generation and state.job_count > 1 and shared.opts.interrupt_after_current:
        state.stop_generating()
        gr.Info("Generation will stop after this image; click again to stop now.")
    else:
        state.interrupt()
