"""The pictures of the img2img tab: one tab each for plain, sketch, inpaint, inpaint sketch, uploaded mask, batch."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from modules import shared

_PNG_INFO = ["Prompt", "Negative prompt", "Seed", "CFG scale", "Sampler", "Steps", "Model hash"]
_COPY_TARGETS = {"img2img": "img2img", "sketch": "sketch", "inpaint": "inpaint", "inpaint_sketch": "inpaint sketch"}
INPAINT_TABS = (2, 3, 4)


def unpainted_original(image: Image.Image | None, kept: Image.Image | None) -> Image.Image | None:
    """The picture before anything was drawn on it: `kept` while `image` still shares a pixel with it, else `image`."""
    if image is None or kept is None or kept.size != image.size:
        return image
    same = np.all(np.array(image) == np.array(kept), axis=-1)
    return kept if same.any() else image


def _picture(elem_id: str, label: str, tool: str, mode: str, **kwargs: Any) -> Any:
    return gr.Image(label=label, elem_id=elem_id, show_label=False, source="upload", interactive=True, type="pil",
                    tool=tool, image_mode=mode, height=shared.opts.img2img_editor_height, **kwargs)


class Img2ImgInputs:
    """Builds the tabs where it is made. `selected_tab` holds the number of the visible one."""

    def __init__(self) -> None:
        self._copy_buttons: list[tuple[Any, str, Any]] = []
        self._copy_targets: dict[str, Any] = {}
        with gr.Tabs(elem_id="mode_img2img"):
            self.selected_tab = gr.Number(value=0, visible=False)
            self.tabs = [self._plain(), self._sketch(), self._inpaint(), self._inpaint_sketch(), self._upload(),
                         self._batch()]
            for number, tab in enumerate(self.tabs):
                tab.select(fn=lambda number=number: number, inputs=[], outputs=[self.selected_tab])
        self._connect_copy()

    def _copy_row(self, name: str, picture: Any) -> None:
        self._copy_targets[name] = picture
        with gr.Row(variant="compact", elem_id=f"img2img_copy_to_{name}"):
            gr.HTML("Copy image to: ", elem_id=f"img2img_label_copy_to_{name}")
            for target, title in _COPY_TARGETS.items():
                button = gr.Button(title, interactive=target != name)
                if target != name:
                    self._copy_buttons.append((button, target, picture))

    def _connect_copy(self) -> None:
        for button, target, source in self._copy_buttons:
            button.click(fn=lambda x: x["image"] if isinstance(x, dict) and "image" in x else x, inputs=[source],
                         outputs=[self._copy_targets[target]])
            button.click(fn=None, _js=f"switch_to_{target}", inputs=[], outputs=[])

    def _plain(self) -> Any:
        with gr.TabItem("img2img", id="img2img", elem_id="img2img_img2img_tab") as tab:
            self.init_img = _picture("img2img_image", "Image for img2img", "editor", "RGBA")
            self._copy_row("img2img", self.init_img)
        return tab

    def _sketch(self) -> Any:
        with gr.TabItem("Sketch", id="img2img_sketch", elem_id="img2img_img2img_sketch_tab") as tab:
            self.sketch = _picture("img2img_sketch", "Image for img2img", "color-sketch", "RGB",
                                   brush_color=shared.opts.img2img_sketch_default_brush_color)
            self._copy_row("sketch", self.sketch)
        return tab

    def _inpaint(self) -> Any:
        with gr.TabItem("Inpaint", id="inpaint", elem_id="img2img_inpaint_tab") as tab:
            self.init_img_with_mask = _picture("img2maskimg", "Image for inpainting with mask", "sketch", "RGBA",
                                               brush_color=shared.opts.img2img_inpaint_mask_brush_color)
            self._copy_row("inpaint", self.init_img_with_mask)
        return tab

    def _inpaint_sketch(self) -> Any:
        with gr.TabItem("Inpaint sketch", id="inpaint_sketch", elem_id="img2img_inpaint_sketch_tab") as tab:
            self.color_sketch = _picture("inpaint_sketch", "Color sketch inpainting", "color-sketch", "RGB",
                                         brush_color=shared.opts.img2img_inpaint_sketch_default_brush_color)
            self.color_sketch_orig = gr.State(None)
            self._copy_row("inpaint_sketch", self.color_sketch)
        self.color_sketch.change(unpainted_original, [self.color_sketch, self.color_sketch_orig],
                                 self.color_sketch_orig)
        return tab

    def _upload(self) -> Any:
        with gr.TabItem("Inpaint upload", id="inpaint_upload", elem_id="img2img_inpaint_upload_tab") as tab:
            self.init_img_inpaint = gr.Image(label="Image for img2img", show_label=False, source="upload",
                                             interactive=True, type="pil", elem_id="img_inpaint_base")
            self.init_mask_inpaint = gr.Image(label="Mask", source="upload", interactive=True, type="pil",
                                              image_mode="RGBA", elem_id="img_inpaint_mask")
        return tab

    def _batch(self) -> Any:
        with gr.TabItem("Batch", id="batch", elem_id="img2img_batch_tab") as tab:
            with gr.Tabs(elem_id="img2img_batch_source"):
                self.batch_source = gr.Textbox(visible=False, value="upload")
                with gr.TabItem("Upload", id="batch_upload", elem_id="img2img_batch_upload_tab") as upload:
                    self.batch_upload = gr.Files(label="Files", interactive=True, elem_id="img2img_batch_upload")
                with gr.TabItem("From directory", id="batch_from_dir", elem_id="img2img_batch_from_dir_tab") as folder:
                    self._batch_folders()
            upload.select(fn=lambda: "upload", inputs=[], outputs=[self.batch_source])
            folder.select(fn=lambda: "from dir", inputs=[], outputs=[self.batch_source])
            self._batch_png_info()
        return tab

    def _batch_folders(self) -> None:
        gr.HTML("<p>All pictures of a folder on the machine the server runs on. Without an output directory results "
                "are saved as usual.</p>")
        self.batch_input_dir, self.batch_output_dir, self.batch_mask_dir = (
            gr.Textbox(label=label, elem_id=f"img2img_batch_{name}_dir", **shared.hide_dirs)
            for label, name in (
                ("Input directory", "input"), ("Output directory", "output"),
                ("Inpaint batch mask directory (required for inpaint batch processing only)", "inpaint_mask"))
        )

    def _batch_png_info(self) -> None:
        with gr.Accordion("PNG info", open=False):
            self.batch_use_png_info = gr.Checkbox(label="Append png info to prompts",
                                                  elem_id="img2img_batch_use_png_info")
            self.batch_png_info_dir = gr.Textbox(label="PNG info directory", elem_id="img2img_batch_png_info_dir",
                                                 placeholder="Leave empty to use input directory", **shared.hide_dirs)
            self.batch_png_info_props = gr.CheckboxGroup(_PNG_INFO, label="Parameters to take from png info",
                                                         elem_id="img2img_batch_png_info_props")
