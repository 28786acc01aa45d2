"""The img2img tab."""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules import infotext_utils, scripts
from modules.call_queue import wrap_gradio_gpu_call
from modules.infotext_utils import PasteField
from modules.ui_components import FormGroup, FormHTML, FormRow, ToolButton
from modules.ui_img2img_inputs import INPAINT_TABS, Img2ImgInputs
from modules.ui_symbols import detect_image_size_symbol
from modules.ui_tab import GenerationTab

_RESIZE_MODES = ["Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)"]
_FILLS = ["fill", "original", "latent noise", "latent nothing"]


def resize_from_to_html(width: int, height: int, scale_by: float) -> str:
    """HTML "resize: from AxB to CxD"."""
    target_width, target_height = int(width * scale_by), int(height * scale_by)
    if not target_width or not target_height:
        return "no image selected"
    return (f"resize: from <span class='resolution'>{width}x{height}</span> "
            f"to <span class='resolution'>{target_width}x{target_height}</span>")


class Img2ImgTab(GenerationTab):
    def __init__(self) -> None:
        super().__init__(scripts.scripts_img2img, is_img2img=True)

    def build_image(self) -> None:
        self.pictures = Img2ImgInputs()
        with FormRow():
            self.resize_mode = gr.Radio(label="Resize mode", elem_id="resize_mode", choices=_RESIZE_MODES, type="index",
                                        value=_RESIZE_MODES[0])

    def build_dimensions(self) -> None:
        with FormRow():
            with gr.Column(elem_id="img2img_column_resize", scale=4):
                self.scale_tab = gr.Number(value=0, visible=False)
                with gr.Tabs(elem_id="img2img_tabs_resize"):
                    with gr.Tab(label="Resize to", id="to", elem_id="img2img_tab_resize_to") as to, FormRow():
                        self.size_sliders()
                        with self.size_tools():
                            self.detect_size = ToolButton(detect_image_size_symbol, tooltip="Take size from the image",
                                                          elem_id="img2img_detect_image_size_btn")
                    with gr.Tab(label="Resize by", id="by", elem_id="img2img_tab_resize_by") as by:
                        self._scale_by()
                to.select(fn=lambda: 0, inputs=[], outputs=[self.scale_tab])
                by.select(fn=lambda: 1, inputs=[], outputs=[self.scale_tab])
            self.batch_beside_dimensions()

    def _scale_by(self) -> None:
        self.scale_by = self.slider("scale", "Scale", 0.05, 4.0, 0.05, 1.0)
        with FormRow():
            preview = FormHTML(resize_from_to_html(0, 0, 0.0), elem_id="img2img_scale_resolution_preview")
            refresh = gr.Button(visible=False, elem_id="img2img_update_resize_to")
        for event in (self.scale_by.release, refresh.click):
            event(fn=resize_from_to_html, _js="currentImg2imgSourceResolution",
                  inputs=[self.dummy, self.dummy, self.scale_by], outputs=preview, show_progress=False)

    def build_denoising(self) -> None:
        self.denoising_strength = self.slider("denoising_strength", "Denoising strength", 0.0, 1.0, 0.01, 0.75)

    def build_cfg(self) -> None:
        with gr.Row():
            self.cfg_scale = self.slider("cfg_scale", "CFG Scale", 1.0, 30.0, 0.5, 7.0)
            # Only models that edit by instruction use it; the argument must exist all the same.
            self.image_cfg_scale = self.slider("image_cfg_scale", "Image CFG Scale", 0, 3.0, 0.05, 1.5, visible=False)

    def build_accordions(self) -> None:
        with gr.Row(elem_id="img2img_accordions", elem_classes="accordions"):
            self.runner.setup_ui_for_section("accordions")

    def build_inpaint(self) -> None:
        with FormGroup(elem_id="inpaint_controls", visible=False) as self.inpaint_controls:
            with FormRow():
                self.mask_blur = self.slider("mask_blur", "Mask blur", 0, 64, 1, 4)
                self.mask_alpha = gr.Slider(label="Mask transparency", visible=False, elem_id="img2img_mask_alpha")
            self.mask_mode = self._radio("mask_mode", "Mask mode", ["Inpaint masked", "Inpaint not masked"], 0)
            self.inpainting_fill = self._radio("inpainting_fill", "Masked content", _FILLS, 1)
            with FormRow():
                with gr.Column():
                    self.full_res = self._radio("inpaint_full_res", "Inpaint area", ["Whole picture", "Only masked"], 0)
                with gr.Column(scale=4):
                    self.full_res_padding = self.slider("inpaint_full_res_padding", "Only masked padding, pixels",
                                                        0, 256, 4, 32)

    def _radio(self, name: str, label: str, choices: list[str], default: int) -> Any:
        with FormRow():
            return gr.Radio(label=label, choices=choices, value=choices[default], type="index", elem_id=self.id(name))

    @property
    def inputs(self) -> list[Any]:
        """Arguments of `img2img.img2img`, in its order."""
        top, pic = self.toprow, self.pictures
        return [
            self.dummy, self.dummy, top.prompt, top.negative_prompt, top.ui_styles.dropdown, pic.init_img, pic.sketch,
            pic.init_img_with_mask, pic.color_sketch, pic.color_sketch_orig, pic.init_img_inpaint,
            pic.init_mask_inpaint, self.mask_blur, self.mask_alpha, self.inpainting_fill, self.batch_count,
            self.batch_size, self.cfg_scale, self.image_cfg_scale, self.denoising_strength, self.scale_tab, self.height,
            self.width, self.scale_by, self.resize_mode, self.full_res, self.full_res_padding, self.mask_mode,
            pic.batch_input_dir, pic.batch_output_dir, pic.batch_mask_dir, self.override_settings,
            pic.batch_use_png_info, pic.batch_png_info_props, pic.batch_png_info_dir, pic.batch_source,
            pic.batch_upload, *self.custom_inputs,
        ]

    def connect(self) -> None:
        from modules import img2img

        generate: dict[str, Any] = dict(
            fn=wrap_gradio_gpu_call(img2img.img2img, extra_outputs=[None, "", ""]), _js="submit_img2img",
            inputs=self.inputs, outputs=self.outputs, show_progress=False)
        self.toprow.prompt.submit(**generate)
        self.toprow.submit.click(**generate)
        self._connect_pictures()
        fields = self._paste_fields()
        infotext_utils.add_paste_fields("img2img", self.pictures.init_img, fields, self.override_settings)
        infotext_utils.add_paste_fields("inpaint", self.pictures.init_img_with_mask, fields, self.override_settings)

    def _connect_pictures(self) -> None:
        for picture in (self.pictures.init_img, self.pictures.sketch):
            picture.change(fn=lambda: None, _js="updateImg2imgResizeToTextAfterChangingImage", inputs=[], outputs=[],
                           show_progress=False)
        for number, tab in enumerate(self.pictures.tabs):
            shown = (gr.update(visible=number in INPAINT_TABS), gr.update(visible=number == 3))
            tab.select(fn=lambda shown=shown: shown, inputs=[], outputs=[self.inpaint_controls, self.mask_alpha])
        self.detect_size.click(fn=lambda w, h, _: (w or gr.update(), h or gr.update()),
                               _js="currentImg2imgSourceResolution", inputs=[self.dummy, self.dummy, self.dummy],
                               outputs=[self.width, self.height], show_progress=False)

    def _paste_fields(self) -> list[Any]:
        top = self.toprow

        def styles(params: dict) -> Any:
            return params["Styles array"] if isinstance(params.get("Styles array"), list) else gr.update()

        named = [
            (top.prompt, "Prompt"), (top.negative_prompt, "Negative prompt"), (self.cfg_scale, "CFG scale"),
            (self.image_cfg_scale, "Image CFG scale"), (self.width, "Size-1"), (self.height, "Size-2"),
            (self.batch_size, "Batch size"), (top.ui_styles.dropdown, styles),
            (self.denoising_strength, "Denoising strength"), (self.mask_blur, "Mask blur"),
            (self.mask_mode, "Mask mode"), (self.inpainting_fill, "Masked content"), (self.full_res, "Inpaint area"),
            (self.full_res_padding, "Masked area padding"),
        ]
        return [*(PasteField(part, key) for part, key in named), *self.runner.infotext_fields]
