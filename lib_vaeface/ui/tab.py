"""The tab "VAE Face": Compare, Faces, Inspect, Bridge, Playground.

`build` may be called any number of times, as the WebUI does on "Reload UI". It reads the headers of the VAE files and
decodes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from lib_vaeface.host.tab_protocol import TabHost, Tabs
from lib_vaeface.ui import tab_bridge, tab_compare, tab_faces, tab_inspect, tab_playground
from lib_vaeface.ui.desk import Desk, problem
from lib_vaeface.ui.face_regions import regions
from lib_vaeface.vae import kept
from lib_vaeface.vae.jsonfile import JsonFile
from lib_vaeface.vae.picked import picker_for
from lib_vaeface.vae.workbench import Workbench

TITLE, ID = "VAE Face", "vaeface"
PARTS: tuple[tuple[str, Callable[[Desk], None]], ...] = (
    ("Compare", tab_compare.build),
    ("Faces", tab_faces.build),
    ("Inspect", tab_inspect.build),
    ("Bridge", tab_bridge.build),
    ("Playground", tab_playground.build),
)


def build(host: TabHost) -> Tabs:
    """What the WebUI's `on_ui_tabs` wants."""
    desk = desk_of(host)
    try:
        desk.bench.entries()  # once for all parts
    except Exception:
        host.report_error("VAE Face: the tab's list of VAE files")
    with gr.Blocks(analytics_enabled=False) as page, gr.Tabs(elem_id="vaeface_tabs"):
        for title, make in PARTS:
            with gr.Tab(title, id=f"vaeface_{title.lower()}", elem_id=f"vaeface_tab_{title.lower()}"):
                _made(host, title, make, desk)
    return [(page, TITLE, ID)]


def desk_of(host: TabHost) -> Desk:
    measured = JsonFile(host.data_folder() / "vae-measured.json")
    bench = Workbench(picker_for(host), lambda: host.vae(None), measured)
    return Desk(host, bench, kept.last, regions)


def _made(host: TabHost, title: str, make: Callable[[Desk], Any], desk: Desk) -> None:
    """A part that can't be built costs that part, never the page."""
    try:
        make(desk)
    except Exception as error:
        host.report_error(f"VAE Face: the tab's part {title}")
        gr.HTML(problem(f"{title} could not be built ({type(error).__name__}); the console has the details."))
