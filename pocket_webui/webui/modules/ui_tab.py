"""What the txt2img and img2img tabs have in common."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import gradio as gr

from modules import infotext_utils, progress, scripts, shared, ui_common, ui_tokens, ui_toprow
from modules.call_queue import wrap_queued_call
from modules.ui_components import FormGroup, FormRow, ResizeHandleRow, ToolButton
from modules.ui_symbols import switch_values_symbol

DEFAULT_SIZE = 256
"""Width and height that the pocket model paints, in pixels."""


def ordered_ui_categories() -> list[str]:
    """Parts of a tab in the order of the setting ui_reorder_list; unnamed ones keep their usual places."""
    from modules import shared_items

    wanted = {name.strip(): 2 * i + 1 for i, name in enumerate(shared.opts.ui_reorder_list)}
    usual = list(shared_items.ui_reorder_categories())
    return sorted(usual, key=lambda name: wanted.get(name, 2 * usual.index(name)))


class GenerationTab:
    """Builds one tab: a `build_<category>` method per part, called in the order the settings ask for.

    Scripts place their controls into the part that their `section` names."""

    def __init__(self, runner: scripts.ScriptRunner, is_img2img: bool) -> None:
        self.name = "img2img" if is_img2img else "txt2img"
        self.runner = runner
        scripts.scripts_current = runner
        runner.initialize_scripts(is_img2img=is_img2img)
        with gr.Blocks(analytics_enabled=False) as self.interface:
            self.toprow = ui_toprow.Toprow(is_img2img=is_img2img, is_compact=shared.opts.compact_prompt_box)
            self.dummy = gr.Textbox(visible=False)
            with (
                gr.Tabs(elem_id=f"{self.name}_extra_tabs", elem_classes=["extra-networks"]),
                gr.Tab("Generation", id=f"{self.name}_generation"),
                ResizeHandleRow(equal_height=False),
            ):
                self._build_settings()
                outdir = getattr(shared.opts, f"outdir_{self.name}_samples")
                self.output = ui_common.create_output_panel(self.name, outdir, self.toprow)
                self.connect()
                self._connect_common()
        scripts.scripts_current = None

    def id(self, name: str) -> str:
        return f"{self.name}_{name}"

    def slider(self, name: str, label: str, low: float, high: float, step: float, value: float, **kwargs: Any) -> Any:
        return gr.Slider(minimum=low, maximum=high, step=step, label=label, value=value, elem_id=self.id(name),
                         **kwargs)

    def connect(self) -> None:
        """Connect Generate and what is special to the tab."""

    def _build_settings(self) -> None:
        with ExitStack() as stack:
            if getattr(shared.opts, f"{self.name}_settings_accordion"):
                stack.enter_context(gr.Accordion("Open for Settings", open=False))
            stack.enter_context(gr.Column(variant="compact", elem_id=self.id("settings")))
            self.runner.prepare_ui()
            for category in ordered_ui_categories():
                build = getattr(self, f"build_{category}", None)
                if build is not None:
                    build()
                if category != "accordions":
                    self.runner.setup_ui_for_section(category)

    def build_prompt(self) -> None:
        self.toprow.create_inline_toprow_prompts()

    def size_sliders(self) -> None:
        with gr.Column(elem_id=self.id("column_size"), scale=4):
            self.width = self.slider("width", "Width", 64, 2048, 8, DEFAULT_SIZE)
            self.height = self.slider("height", "Height", 64, 2048, 8, DEFAULT_SIZE)

    def size_tools(self) -> Any:
        """A column beside the sizes with the button that swaps them; for use in a `with` block."""
        with gr.Column(elem_id=self.id("dimensions_row"), scale=1, elem_classes="dimensions-tools") as column:
            swap = ToolButton(switch_values_symbol, elem_id=self.id("res_switch_btn"), tooltip="Switch width/height")
        swap.click(fn=None, _js=f"function(){{switchWidthHeight('{self.name}')}}", inputs=None, outputs=None,
                   show_progress=False)
        return column

    def _batch_sliders(self) -> None:
        self.batch_count = gr.Slider(minimum=1, step=1, label="Batch count", value=1, elem_id=self.id("batch_count"))
        self.batch_size = self.slider("batch_size", "Batch size", 1, 8, 1, 1)

    def batch_beside_dimensions(self) -> None:
        if shared.opts.dimensions_and_batch_together:
            with gr.Column(elem_id=self.id("column_batch")):
                self._batch_sliders()

    def build_batch(self) -> None:
        if not shared.opts.dimensions_and_batch_together:
            with FormRow(elem_id=self.id("column_batch")):
                self._batch_sliders()

    def build_checkboxes(self) -> None:
        with FormRow(elem_classes="checkboxes-row", variant="compact"):
            pass

    def build_override_settings(self) -> None:
        with FormRow(elem_id=self.id("override_settings_row")):
            self.override_settings = gr.Dropdown([], label="Override settings", visible=False, multiselect=True,
                                                 elem_id=self.id("override_settings"))
        self.override_settings.change(fn=lambda x: gr.Dropdown.update(visible=bool(x)),
                                      inputs=[self.override_settings], outputs=[self.override_settings])

    def build_scripts(self) -> None:
        with FormGroup(elem_id=self.id("script_container")):
            self.custom_inputs = self.runner.setup_ui()

    @property
    def outputs(self) -> list[Any]:
        return [self.output.gallery, self.output.generation_info, self.output.infotext, self.output.html_log]

    def _connect_common(self) -> None:
        top = self.toprow
        top.restore_progress_button.click(
            fn=progress.restore_progress, _js=f"restoreProgress{self.name.capitalize()}", inputs=[self.dummy],
            outputs=self.outputs, show_progress=False)
        infotext_utils.register_paste_params_button(infotext_utils.ParamBinding(
            paste_button=top.paste, tabname=self.name, source_text_component=top.prompt, source_image_component=None))
        sampler_script: Any = self.runner.script("Sampler")
        steps, chosen = sampler_script.steps, top.ui_styles.dropdown
        for count, prompt, counter, button in (
            (ui_tokens.update_token_counter, top.prompt, top.token_counter, top.token_button),
            (ui_tokens.update_negative_prompt_token_counter, top.negative_prompt, top.negative_token_counter,
             top.negative_token_button),
        ):
            for event in (chosen.change, button.click):
                event(fn=wrap_queued_call(count), inputs=[prompt, steps, chosen], outputs=[counter],
                      show_progress=False)
