"""The panel's row of presets. Its controls are no arguments of the script, and the WebUI keeps no defaults of them.

A preset that is chosen fills the controls by one answer of the server; whether they differ from it by now the page
tells by itself, see javascript/vaeface_presets.js.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from lib_vaeface.host import Host
from lib_vaeface.presets.exchange import CONFLICTS, LEAVE
from lib_vaeface.settings import NAMES
from lib_vaeface.ui import uploads
from lib_vaeface.ui.gradio_compat import js
from lib_vaeface.ui.preset_work import Presets

QUIET = {"show_progress": False, "queue": False}
EXPORTED = "vaeface-presets.json"


class Row:
    """Made inside the panel's accordion; `connect` makes its events once all other controls are there."""

    def __init__(self, script: Any, host: Host) -> None:
        self.work = Presets(host)
        self._id: Callable[[str], str] = lambda name: script.elem_id(f"preset{name}")
        self._controls_id = script.elem_id
        with gr.Row(elem_classes=["vaeface-presets"], elem_id=self._id("_row")):
            self.picked = self._own(gr.Dropdown, "", choices=self.work.choices(), value=None, label="Preset",
                                    allow_custom_value=True, min_width=180, scale=5)  # fmt: skip
            self.revert, self.delete, self.refresh = map(self._button, ("Revert", "Delete", "Refresh"))
            # Not typed into the list: there Enter takes the entry that what was typed is a part of.
            self.name = self._own(
                gr.Textbox, "_name", label="Save as", placeholder="a name", max_lines=1, min_width=120, scale=3
            )
            self.save = self._button("Save")
        with gr.Row(visible=False, elem_id=self._id("_sure")) as self.sure:
            self.question = gr.HTML(elem_id=self._id("_question"))
            self.yes = self._own(gr.Button, "_yes", value="Yes, delete it", variant="stop", size="sm", scale=0)
            self.no = self._own(gr.Button, "_no", value="Keep it", size="sm", scale=0)
        self.said = gr.HTML(elem_id=self._id("_said"))
        self.loaded = self._own(gr.Textbox, "_loaded", visible=False)
        self._exchange()

    def _own(self, make: Any, name: str, **more: Any) -> Any:
        component = make(elem_id=self._id(name), **more)
        component.do_not_save_to_config = True
        return component

    def _button(self, name: str) -> Any:
        return self._own(gr.Button, f"_{name.lower()}", value=name, size="sm", min_width=70, scale=1)

    def _exchange(self) -> None:
        with gr.Accordion("Import and export presets", open=False, elem_id=self._id("_exchange")):
            gr.HTML(uploads.drop_zone(self._id("_drop"), "Drop an exported file here, or click to choose", ".json"))
            with gr.Row(elem_classes=["vaeface-presets"]):
                self.conflicts = self._own(
                    gr.Radio, "_conflicts", choices=list(CONFLICTS), value=LEAVE, label="Presets of mine with that name"
                )
                self.bring = self._own(gr.Button, "_import", value="Import", size="sm")
                self.export = self._own(gr.Button, "_export", value="Export all of mine", size="sm")
            self.sent = self._own(gr.Textbox, "_sent", visible=False)

    def connect(self, controls: Mapping[str, Any]) -> None:
        """controls: of every field, by name."""
        fields, ids = [controls[name] for name in NAMES], {name: self._controls_id(name) for name in NAMES}
        work, row = self.work, json.dumps(self._id(""))
        filled = [*fields, self.name, self.said, self.loaded]
        changed, all_of_it = [self.picked, self.said, self.loaded], [self.name, *fields]

        def told(done: Any, everywhere: bool = True) -> None:
            """Let the page know what is in the controls now, and the other tab's row that the list has changed."""
            code = f"(text) => vaefacePreset({row}, text, {json.dumps(everywhere)})"
            done.then(fn=None, inputs=[self.loaded], outputs=[], **js(code))

        choose = lambda picked: work.choose(picked, ids)  # noqa: E731
        for event in (self.picked.input, self.revert.click):
            told(event(fn=choose, inputs=[self.picked], outputs=filled, **QUIET), everywhere=False)
        told(self.save.click(fn=lambda *given: work.save(ids, *given), inputs=all_of_it, outputs=changed, **QUIET))
        self.refresh.click(fn=work.refresh, inputs=[], outputs=[self.picked, self.said], **QUIET)
        asked = [self.sure, self.question, self.said]
        self.delete.click(fn=work.ask, inputs=[self.picked], outputs=asked, **QUIET)
        self.no.click(fn=lambda: gr.update(visible=False), inputs=[], outputs=[self.sure], **QUIET)
        told(self.yes.click(fn=work.delete, inputs=[self.picked], outputs=[*changed, self.sure], **QUIET))
        sent_first = js(uploads.sent_first(self._id("_drop"), 2))
        came = self.bring.click(
            fn=work.bring, inputs=[self.sent, self.conflicts], outputs=[self.picked, self.said], **QUIET, **sent_first
        )
        came.then(fn=None, inputs=[], outputs=[], **js(f"() => vaefacePreset({row}, '', true)"))
        self.export.click(fn=work.export, inputs=[], outputs=[self.sent, self.said], **QUIET).then(
            fn=None, inputs=[self.sent], outputs=[], **js(f"(text) => vaefaceDownload('{EXPORTED}', text)")
        )
