"""The PNG Info tab: parameters stored in a picture, and buttons that send them to other tabs."""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules import call_queue, images, infotext_utils, ui_common
from modules.ui_components import ResizeHandleRow


def run_pnginfo(image: Any) -> tuple[str, str, str]:
    """("", infotext, HTML of everything stored in the PIL image); empty texts for no image."""
    if image is None:
        return "", "", ""
    infotext, items = images.read_info_from_image(image)
    parts = [
        f"<div><p><b>{ui_common.plaintext_to_html(str(key))}</b></p>"
        f"<p>{ui_common.plaintext_to_html(str(text))}</p></div>"
        for key, text in {"parameters": infotext, **items}.items()
        if text is not None
    ]
    return "", infotext or "", "\n".join(parts) or "<div><p>Nothing found in the image.</p></div>"


def create_pnginfo_ui() -> None:
    """Build the tab in the current block."""
    with ResizeHandleRow(equal_height=False):
        with gr.Column(variant="panel"):
            image = gr.Image(elem_id="pnginfo_image", label="Source", source="upload", interactive=True, type="pil")
        with gr.Column(variant="panel"):
            notes = gr.HTML(elem_id="pnginfo_notes")
            infotext = gr.Textbox(visible=False, elem_id="pnginfo_generation_info")
            table = gr.HTML(elem_id="pnginfo_html_info", elem_classes="infotext")
            with gr.Row():
                buttons = infotext_utils.create_buttons(["txt2img", "img2img", "inpaint"])
            for tabname, button in buttons.items():
                infotext_utils.register_paste_params_button(infotext_utils.ParamBinding(
                    paste_button=button, tabname=tabname, source_text_component=infotext,
                    source_image_component=image))
    image.change(fn=call_queue.wrap_gradio_call_no_job(run_pnginfo), inputs=[image],
                 outputs=[notes, infotext, table])
