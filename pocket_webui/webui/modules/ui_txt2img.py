"""The txt2img tab."""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules import infotext_utils, processing, scripts, sd_models, sd_samplers, sd_schedulers, shared, ui_common
from modules.call_queue import wrap_gradio_gpu_call
from modules.infotext_utils import PasteField
from modules.ui_components import FormHTML, FormRow, InputAccordion
from modules.ui_tab import GenerationTab

SAME_CHECKPOINT, SAME_SAMPLER, SAME_SCHEDULER = "Use same checkpoint", "Use same sampler", "Use same scheduler"


def calc_resolution_hires(
    enable: bool, width: int, height: int, hr_scale: float, hr_resize_x: int, hr_resize_y: int
) -> str:
    """HTML "from AxB to CxD" for the header of hires fix; "" if it is off."""
    if not enable:
        return ""
    p = processing.StableDiffusionProcessingTxt2Img(
        width=width, height=height, enable_hr=True, hr_scale=hr_scale, hr_resize_x=hr_resize_x,
        hr_resize_y=hr_resize_y)
    p.calculate_target_resolution()
    target = f"{p.hr_resize_x or p.hr_upscale_to_x}x{p.hr_resize_y or p.hr_upscale_to_y}"
    return (f"from <span class='resolution'>{p.width}x{p.height}</span> "
            f"to <span class='resolution'>{target}</span>")


def _hr_checkpoints() -> list[str]:
    return [SAME_CHECKPOINT, *sd_models.checkpoint_tiles(use_short=True)]


def _shows_hr_sampler(params: dict) -> Any:
    chosen = (("Hires sampler", SAME_SAMPLER), ("Hires checkpoint", SAME_CHECKPOINT),
              ("Hires schedule type", SAME_SCHEDULER))
    return gr.update(visible=True) if any(params.get(k, same) != same for k, same in chosen) else gr.update()


def _shows_hr_prompts(params: dict) -> Any:
    given = params.get("Hires prompt", "") != "" or params.get("Hires negative prompt", "") != ""
    return gr.update(visible=True) if given else gr.update()


def _has_hires(params: dict) -> bool:
    return "Denoising strength" in params and any(
        key in params for key in ("Hires upscale", "Hires upscaler", "Hires resize-1"))


def _pasted_styles(params: dict) -> Any:
    return params["Styles array"] if isinstance(params.get("Styles array"), list) else gr.update()


class Txt2ImgTab(GenerationTab):
    def __init__(self) -> None:
        super().__init__(scripts.scripts_txt2img, is_img2img=False)

    def build_dimensions(self) -> None:
        with FormRow():
            self.size_sliders()
            self.size_tools()
            self.batch_beside_dimensions()

    def build_cfg(self) -> None:
        with gr.Row():
            self.cfg_scale = self.slider("cfg_scale", "CFG Scale", 1.0, 30.0, 0.5, 7.0)

    def build_accordions(self) -> None:
        with gr.Row(elem_id="txt2img_accordions", elem_classes="accordions"):
            with InputAccordion(False, label="Hires. fix", elem_id="txt2img_hr") as self.enable_hr:
                with self.enable_hr.extra():
                    self.hr_final_resolution = FormHTML(value="", elem_id="txtimg_hr_finalres",
                                                        label="Upscaled resolution", interactive=False, min_width=0)
                self._hires_sizes()
                self._hires_samplers()
                self._hires_prompts()
            self.runner.setup_ui_for_section("accordions")

    def _hires_sizes(self) -> None:
        upscalers = [*shared.latent_upscale_modes, *(x.name for x in shared.sd_upscalers)]
        with FormRow(elem_id="txt2img_hires_fix_row1", variant="compact"):
            self.hr_upscaler = gr.Dropdown(label="Upscaler", elem_id="txt2img_hr_upscaler", choices=upscalers,
                                           value=shared.latent_upscale_default_mode)
            self.hr_steps = self.slider("hires_steps", "Hires steps", 0, 150, 1, 0)
            self.denoising_strength = self.slider("denoising_strength", "Denoising strength", 0.0, 1.0, 0.01, 0.7)
        with FormRow(elem_id="txt2img_hires_fix_row2", variant="compact"):
            self.hr_scale = self.slider("hr_scale", "Upscale by", 1.0, 4.0, 0.05, 2.0)
            self.hr_resize_x = self.slider("hr_resize_x", "Resize width to", 0, 2048, 8, 0)
            self.hr_resize_y = self.slider("hr_resize_y", "Resize height to", 0, 2048, 8, 0)

    def _hires_samplers(self) -> None:
        with FormRow(elem_id="txt2img_hires_fix_row3", variant="compact",
                     visible=shared.opts.hires_fix_show_sampler) as self.hr_sampler_container:
            self.hr_checkpoint = gr.Dropdown(label="Checkpoint", elem_id="hr_checkpoint", choices=_hr_checkpoints(),
                                             value=SAME_CHECKPOINT)
            ui_common.create_refresh_button(self.hr_checkpoint, sd_models.list_models,
                                            lambda: {"choices": _hr_checkpoints()}, "hr_checkpoint_refresh")
            self.hr_sampler = gr.Dropdown(label="Hires sampling method", elem_id="hr_sampler", value=SAME_SAMPLER,
                                          choices=[SAME_SAMPLER, *sd_samplers.visible_sampler_names()])
            self.hr_scheduler = gr.Dropdown(label="Hires schedule type", elem_id="hr_scheduler", value=SAME_SCHEDULER,
                                            choices=[SAME_SCHEDULER, *(x.label for x in sd_schedulers.schedulers)])

    def _hires_prompts(self) -> None:
        with FormRow(elem_id="txt2img_hires_fix_row4", variant="compact",
                     visible=shared.opts.hires_fix_show_prompts) as self.hr_prompts_container:
            self.hr_prompt, self.hr_negative_prompt = (
                gr.Textbox(label=f"Hires {kind}", elem_id=elem_id, show_label=False, lines=3, elem_classes=["prompt"],
                           placeholder=f"{kind.capitalize()} for hires fix pass.\n"
                                       "Leave empty to use the same as in the first pass.")
                for kind, elem_id in (("prompt", "hires_prompt"), ("negative prompt", "hires_neg_prompt"))
            )

    def connect(self) -> None:
        self._connect_resolution()
        self._connect_generate()
        infotext_utils.add_paste_fields("txt2img", None, self._paste_fields(), self.override_settings)

    def _connect_resolution(self) -> None:
        parts = [self.enable_hr, self.width, self.height, self.hr_scale, self.hr_resize_x, self.hr_resize_y]
        for part in parts:
            event = part.release if isinstance(part, gr.Slider) else part.change
            event(fn=calc_resolution_hires, inputs=parts, outputs=[self.hr_final_resolution], show_progress=False)
            event(None, _js="onCalcResolutionHires", inputs=parts, outputs=[], show_progress=False)

    @property
    def inputs(self) -> list[Any]:
        """Arguments of `txt2img.txt2img`, in its order."""
        top = self.toprow
        return [
            self.dummy, top.prompt, top.negative_prompt, top.ui_styles.dropdown, self.batch_count, self.batch_size,
            self.cfg_scale, self.height, self.width, self.enable_hr, self.denoising_strength, self.hr_scale,
            self.hr_upscaler, self.hr_steps, self.hr_resize_x, self.hr_resize_y, self.hr_checkpoint, self.hr_sampler,
            self.hr_scheduler, self.hr_prompt, self.hr_negative_prompt, self.override_settings, *self.custom_inputs,
        ]

    def _connect_generate(self) -> None:
        from modules import txt2img

        generate: dict[str, Any] = dict(
            fn=wrap_gradio_gpu_call(txt2img.txt2img, extra_outputs=[None, "", ""]), _js="submit",
            inputs=self.inputs, outputs=self.outputs, show_progress=False)
        self.toprow.prompt.submit(**generate)
        self.toprow.submit.click(**generate)
        self.output.button_upscale.click(
            fn=wrap_gradio_gpu_call(txt2img.txt2img_upscale, extra_outputs=[None, "", ""]),
            _js="submit_txt2img_upscale", outputs=self.outputs, show_progress=False,
            inputs=[self.dummy, self.output.gallery, self.dummy, self.output.generation_info, *self.inputs[1:]])

    def _paste_fields(self) -> list[Any]:
        top = self.toprow
        named = [
            (top.prompt, "Prompt", "prompt"), (top.negative_prompt, "Negative prompt", "negative_prompt"),
            (self.cfg_scale, "CFG scale", "cfg_scale"), (self.width, "Size-1", "width"),
            (self.height, "Size-2", "height"), (self.batch_size, "Batch size", "batch_size"),
            (top.ui_styles.dropdown, _pasted_styles, "styles"),
            (self.denoising_strength, "Denoising strength", "denoising_strength"),
            (self.enable_hr, _has_hires, "enable_hr"), (self.hr_scale, "Hires upscale", "hr_scale"),
            (self.hr_upscaler, "Hires upscaler", "hr_upscaler"),
            (self.hr_steps, "Hires steps", "hr_second_pass_steps"),
            (self.hr_resize_x, "Hires resize-1", "hr_resize_x"), (self.hr_resize_y, "Hires resize-2", "hr_resize_y"),
            (self.hr_checkpoint, "Hires checkpoint", "hr_checkpoint_name"),
            (self.hr_sampler, sd_samplers.get_hr_sampler_from_infotext, "hr_sampler_name"),
            (self.hr_scheduler, sd_samplers.get_hr_scheduler_from_infotext, "hr_scheduler"),
            (self.hr_sampler_container, _shows_hr_sampler, None),
            (self.hr_prompt, "Hires prompt", "hr_prompt"),
            (self.hr_negative_prompt, "Hires negative prompt", "hr_negative_prompt"),
            (self.hr_prompts_container, _shows_hr_prompts, None),
        ]
        return [*(PasteField(part, key, api=api) for part, key, api in named), *self.runner.infotext_fields]
