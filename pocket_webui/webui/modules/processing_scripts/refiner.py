"""The refiner's controls. The switch itself happens in `sd_samplers_common.apply_refiner`."""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules import scripts, sd_models
from modules.infotext_utils import PasteField
from modules.ui_common import create_refresh_button
from modules.ui_components import InputAccordion


def _title_of(infotext_name: str | None) -> str | None:
    info = sd_models.get_closet_checkpoint_match(infotext_name)
    return None if info is None else info.title


class ScriptRefiner(scripts.ScriptBuiltinUI):
    section = "accordions"
    create_group = False

    def title(self) -> str:
        return "Refiner"

    def show(self, is_img2img: bool) -> Any:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        with InputAccordion(False, label="Refiner", elem_id=self.elem_id("enable")) as enable, gr.Row():
            checkpoint = gr.Dropdown(label="Checkpoint", elem_id=self.elem_id("checkpoint"), value="",
                                     choices=sd_models.checkpoint_tiles())
            create_refresh_button(checkpoint, sd_models.list_models,
                                  lambda: {"choices": sd_models.checkpoint_tiles()}, self.elem_id("checkpoint_refresh"))
            switch_at = gr.Slider(value=0.8, label="Switch at", minimum=0.01, maximum=1.0, step=0.01,
                                  elem_id=self.elem_id("switch_at"))
        self.infotext_fields = [
            PasteField(enable, lambda params: "Refiner" in params),
            PasteField(checkpoint, lambda params: _title_of(params.get("Refiner")), api="refiner_checkpoint"),
            PasteField(switch_at, "Refiner switch at", api="refiner_switch_at"),
        ]
        return [enable, checkpoint, switch_at]

    def setup(self, p: Any, enable: bool, checkpoint: str, switch_at: float) -> None:
        on = enable and checkpoint not in (None, "", "None")
        p.refiner_checkpoint = checkpoint if on else None
        p.refiner_switch_at = switch_at if on else None
