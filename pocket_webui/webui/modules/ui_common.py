"""Parts that several tabs share: the results column, saving of pictures, refresh buttons, dialogs."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Callable
from typing import Any

import gradio as gr

from modules import call_queue, infotext_utils, scripts, shared, ui_save, util
from modules.ui_components import ToolButton

folder_symbol = "\U0001f4c2"
refresh_symbol = "\U0001f504"

save_files = ui_save.save_files


def plaintext_to_html(text: str, classname: str | None = None) -> str:
    """`text` as an HTML paragraph, escaped, line by line."""
    lines = "<br>\n".join(html.escape(line) for line in text.split("\n"))
    return f"<p class='{classname}'>{lines}</p>" if classname else f"<p>{lines}</p>"


def update_generation_info(generation_info: str, html_info: str, img_index: int) -> tuple[Any, Any]:
    """Infotext of picture `img_index` as HTML; the old HTML if there is none."""
    try:
        infotexts = json.loads(generation_info)["infotexts"]
    except (ValueError, TypeError, KeyError):
        return html_info, gr.update()
    if not 0 <= img_index < len(infotexts):
        return html_info, gr.update()
    return plaintext_to_html(infotexts[img_index]), gr.update()


@dataclasses.dataclass
class OutputPanel:
    """The components of a results column."""

    gallery: Any = None
    generation_info: Any = None
    infotext: Any = None
    html_log: Any = None
    button_upscale: Any = None


def _send_buttons(tabname: str) -> dict[str, Any]:
    make = {
        "img2img": ("\U0001f5bc\ufe0f", "Send image and generation parameters to img2img tab."),
        "inpaint": ("\U0001f3a8\ufe0f", "Send image and generation parameters to img2img inpaint tab."),
    }
    return {
        target: ToolButton(symbol, elem_id=f"{tabname}_send_to_{target}", tooltip=tooltip)
        for target, (symbol, tooltip) in make.items()
    }


def _info_parts(panel: OutputPanel, tabname: str) -> None:
    """Text below the gallery; it follows the picture that is selected there."""
    panel.infotext = gr.HTML(elem_id=f"html_info_{tabname}", elem_classes="infotext")
    panel.html_log = gr.HTML(elem_id=f"html_log_{tabname}", elem_classes="html-log")
    panel.generation_info = gr.Textbox(visible=False, elem_id=f"generation_info_{tabname}")
    refresh = gr.Button(visible=False, elem_id=f"{tabname}_generation_info_button")
    refresh.click(
        fn=update_generation_info,
        _js="function(x, y, z){ return [x, y, selected_gallery_index()] }",
        inputs=[panel.generation_info, panel.infotext, panel.infotext],
        outputs=[panel.infotext, panel.infotext],
        show_progress=False,
    )


def _connect_save(panel: OutputPanel, buttons: dict[bool, Any], download: Any) -> None:
    for as_zip, button in buttons.items():
        button.click(
            fn=call_queue.wrap_gradio_call_no_job(save_files),
            _js=f"(x, y, z, w) => [x, y, {str(as_zip).lower()}, selected_gallery_index()]",
            inputs=[panel.generation_info, panel.gallery, panel.infotext, panel.infotext],
            outputs=[download, panel.html_log],
            show_progress=False,
        )


def _register_send(panel: OutputPanel, tabname: str, buttons: dict[str, Any]) -> None:
    runner = scripts.scripts_img2img if tabname == "img2img" else scripts.scripts_txt2img
    for target, button in buttons.items():
        infotext_utils.register_paste_params_button(infotext_utils.ParamBinding(
            paste_button=button, tabname=target, source_tabname="txt2img" if tabname == "txt2img" else None,
            source_image_component=panel.gallery, paste_field_names=runner.paste_field_names,
        ))


def create_output_panel(tabname: str, outdir: str, toprow: Any = None) -> OutputPanel:
    """Gallery, its buttons and the text below, for the tab "txt2img" or "img2img"."""
    panel = OutputPanel()
    with gr.Column(elem_id=f"{tabname}_results"):
        if toprow:
            toprow.create_inline_toprow_image()
        with gr.Column(variant="panel", elem_id=f"{tabname}_results_panel"):
            with gr.Group(elem_id=f"{tabname}_gallery_container"):
                panel.gallery = gr.Gallery(label="Output", show_label=False, elem_id=f"{tabname}_gallery", columns=4,
                                           preview=True, height=shared.opts.gallery_height or None)
            with gr.Row(elem_id=f"image_buttons_{tabname}", elem_classes="image-buttons"):
                folder = ToolButton(folder_symbol, elem_id=f"{tabname}_open_folder",
                                    visible=not shared.cmd_opts.hide_ui_dir_config,
                                    tooltip="Open images output directory.")
                save = {
                    False: ToolButton("\U0001f4be", elem_id=f"save_{tabname}", tooltip="Save the image."),
                    True: ToolButton("\U0001f5c3\ufe0f", elem_id=f"save_zip_{tabname}",
                                     tooltip="Save a zip archive with all images."),
                }
                buttons = _send_buttons(tabname)
                if tabname == "txt2img":
                    panel.button_upscale = ToolButton(
                        "\u2728", elem_id="txt2img_upscale",
                        tooltip="Make a larger version of the current image with the hires fix settings.")
            folder.click(fn=lambda: util.open_folder(shared.opts.outdir_samples or outdir), inputs=[], outputs=[])
            download = gr.File(None, file_count="multiple", interactive=False, show_label=False, visible=False,
                               elem_id=f"download_files_{tabname}")
            with gr.Group():
                _info_parts(panel, tabname)
            _connect_save(panel, save, download)
            _register_send(panel, tabname, buttons)
    return panel


def create_refresh_button(
    refresh_component: Any, refresh_method: Callable[[], object], refreshed_args: Any, elem_id: str
) -> Any:
    """A button that calls `refresh_method` and then gives `refreshed_args` (a dict, or a function that returns one)
    to the component, or to every component of a list."""
    components = refresh_component if isinstance(refresh_component, list) else [refresh_component]
    label = next((c.label for c in components if getattr(c, "label", None) is not None), None)

    def refresh() -> Any:
        refresh_method()
        args = (refreshed_args() if callable(refreshed_args) else refreshed_args) or {}
        for component in components:
            for key, value in args.items():
                setattr(component, key, value)
        updates = [gr.update(**args) for _ in components]
        return updates if len(updates) > 1 else updates[0]

    button = ToolButton(value=refresh_symbol, elem_id=elem_id, tooltip=f"{label}: refresh" if label else "Refresh")
    button.click(fn=refresh, inputs=[], outputs=components)
    return button


def setup_dialog(button_show: Any, dialog: Any, *, button_close: Any = None) -> None:
    """Show `dialog` (a gr.Box) when `button_show` is clicked, and hide it again with `button_close`."""
    dialog.visible = False
    button_show.click(fn=lambda: gr.update(visible=True), inputs=[], outputs=[dialog])
    if button_close:
        button_close.click(fn=lambda: gr.update(visible=False), inputs=[], outputs=[dialog])
