"""The page: all tabs put together. Extensions find names here that A1111 keeps here."""

from __future__ import annotations

import mimetypes
import sys
from typing import Any

import gradio as gr
import gradio.utils

from modules import (
    gradio_extensons,  # noqa: F401  (must have changed gradio before the first component is made)
    infotext_utils,
    launch_utils,
    script_callbacks,
    scripts,
    shared,
    timer,
    ui_common,
    ui_img2img,
    ui_loadsave,
    ui_postprocessing,
    ui_settings,
    ui_tab,
    ui_tokens,
    ui_txt2img,
)
from modules.ui_gradio_extensions import reload_javascript
from modules.ui_symbols import (  # noqa: F401
    apply_style_symbol,
    clear_prompt_symbol,
    detect_image_size_symbol,
    extra_networks_symbol,
    paste_symbol,
    random_symbol,
    refresh_symbol,
    restore_progress_symbol,
    reuse_symbol,
    save_style_symbol,
    switch_values_symbol,
)

# Windows may know .js as text/html or not at all, and a browser runs no script of another type.
for _type, _suffix in (("application/javascript", ".js"), ("application/javascript", ".mjs"), ("image/webp", ".webp")):
    mimetypes.add_type(_type, _suffix)

# gradio would ask its maker's server for the newest version and this machine's address.
gradio.utils.version_check = lambda: None
gradio.utils.get_local_ip_address = lambda: "127.0.0.1"

create_setting_component = ui_settings.create_setting_component
plaintext_to_html = ui_common.plaintext_to_html
create_refresh_button = ui_common.create_refresh_button
create_output_panel = ui_common.create_output_panel
ordered_ui_categories = ui_tab.ordered_ui_categories
calc_resolution_hires = ui_txt2img.calc_resolution_hires
resize_from_to_html = ui_img2img.resize_from_to_html
update_token_counter = ui_tokens.update_token_counter
update_negative_prompt_token_counter = ui_tokens.update_negative_prompt_token_counter

txt2img_paste_fields: list[Any] = []
img2img_paste_fields: list[Any] = []


def gr_show(visible: bool = True) -> dict[str, Any]:
    """A gradio update that shows or hides a component."""
    return {"visible": visible, "__type__": "update"}


def send_gradio_gallery_to_image(x: list) -> Any:
    """The first picture of a gallery's value, None if it is empty."""
    return infotext_utils.image_from_url_text(x[0]) if x else None


def create_ui() -> gr.Blocks:
    """Build the whole page from the loaded scripts: settings, txt2img, img2img, extensions' tabs, in this order."""
    reload_javascript()
    infotext_utils.reset()
    settings = ui_settings.UiSettings()
    settings.register_settings()
    txt2img = ui_txt2img.Txt2ImgTab()
    img2img = ui_img2img.Img2ImgTab()
    scripts.scripts_current = None
    with gr.Blocks(analytics_enabled=False) as pnginfo:
        ui_postprocessing.create_pnginfo_ui()
    loadsave = ui_loadsave.UiLoadsave(shared.cmd_opts.ui_config_file)
    stored = loadsave.ui_settings.copy()
    settings.create_ui(loadsave, txt2img.dummy)
    interfaces = [
        (txt2img.interface, "txt2img", "txt2img"),
        (img2img.interface, "img2img", "img2img"),
        (pnginfo, "PNG Info", "pnginfo"),
        *script_callbacks.ui_tabs_callback(),
        (settings.interface, "Settings", "settings"),
    ]
    shared.tab_names = [label for _, label, _ in interfaces]
    demo = _assemble(interfaces, settings, loadsave)
    if stored != loadsave.ui_settings:
        loadsave.dump_defaults()
    demo.ui_loadsave = loadsave
    return demo


def _assemble(interfaces: list[tuple[Any, str, str]], settings: ui_settings.UiSettings,
              loadsave: ui_loadsave.UiLoadsave) -> gr.Blocks:
    order = {label: i for i, label in enumerate(shared.opts.ui_tab_order)}
    if shared.gradio_theme is None:
        shared.reload_gradio_theme()
    with gr.Blocks(theme=shared.gradio_theme, analytics_enabled=False, title="Stable Diffusion") as demo:
        settings.add_quicksettings()
        infotext_utils.connect_paste_params_buttons()
        with gr.Tabs(elem_id="tabs") as tabs:
            for interface, label, tab_id in sorted(interfaces, key=lambda x: order.get(x[1], 9999)):
                if label in shared.opts.hidden_tabs:
                    continue
                with gr.TabItem(label, id=tab_id, elem_id=f"tab_{tab_id}"):
                    interface.render()
                if tab_id not in ("extensions", "settings"):
                    loadsave.add_block(interface, tab_id)
            loadsave.add_component(f"webui/Tabs@{tabs.elem_id}", tabs)
            loadsave.setup_ui()
        gr.HTML(_footer(), elem_id="footer")
        settings.add_functionality(demo)
    return demo


def versions_html() -> str:
    """One line of HTML about the programs at work."""
    import torch

    python = ".".join(map(str, sys.version_info[:3]))
    parts = [f"pocket WebUI, as A1111 {launch_utils.git_tag()}", f"python: {python}", f"torch: {torch.__version__}",
             f"gradio: {gr.__version__}", 'checkpoint: <a id="sd_checkpoint_hash">N/A</a>']
    return "&#x2000;•&#x2000;".join(parts)


def _footer() -> str:
    api = '<a href="./docs">API</a><br>' if shared.cmd_opts.api else ""
    return f"<div class='versions'>{api}{versions_html()}</div>"


def setup_ui_api(app: Any) -> None:
    """Routes that the page's scripts use."""

    def quicksettings_hint() -> list[dict[str, str]]:
        return [{"name": name, "label": info.label} for name, info in shared.opts.data_labels.items()]

    app.add_api_route("/internal/quicksettings-hint", quicksettings_hint, methods=["GET"])
    app.add_api_route("/internal/ping", lambda: {}, methods=["GET"])
    app.add_api_route("/internal/profile-startup", lambda: timer.startup_record, methods=["GET"])
