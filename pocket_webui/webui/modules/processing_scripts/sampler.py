"""Controls of sampler, schedule type and steps. On the page they reach the job in `setup`."""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules import scripts, sd_samplers, sd_schedulers, shared
from modules.infotext_utils import PasteField
from modules.ui_components import FormGroup, FormRow


class ScriptSampler(scripts.ScriptBuiltinUI):
    section = "sampler"

    def title(self) -> str:
        return "Sampler"

    def _steps(self) -> Any:
        return gr.Slider(minimum=1, maximum=150, step=1, value=20, label="Sampling steps",
                         elem_id=f"{self.tabname}_steps")

    def _sampler(self, kind: Any) -> Any:
        names = [sampler.name for sampler in sd_samplers.visible_samplers()]
        return kind(label="Sampling method", elem_id=f"{self.tabname}_sampling", choices=names, value=names[0])

    def _scheduler(self) -> Any:
        labels = [scheduler.label for scheduler in sd_schedulers.schedulers]
        return gr.Dropdown(label="Schedule type", elem_id=f"{self.tabname}_scheduler", choices=labels, value=labels[0])

    def ui(self, is_img2img: bool) -> list[Any]:
        group_id = f"sampler_selection_{self.tabname}"
        if shared.opts.samplers_in_dropdown:
            with FormRow(elem_id=group_id):
                self.sampler_name, self.scheduler = self._sampler(gr.Dropdown), self._scheduler()
                self.steps = self._steps()
        else:
            with FormGroup(elem_id=group_id):
                self.steps = self._steps()
                self.sampler_name, self.scheduler = self._sampler(gr.Radio), self._scheduler()
        self.infotext_fields = [
            PasteField(self.steps, "Steps", api="steps"),
            PasteField(self.sampler_name, sd_samplers.get_sampler_from_infotext, api="sampler_name"),
            PasteField(self.scheduler, sd_samplers.get_scheduler_from_infotext, api="scheduler"),
        ]
        return [self.steps, self.sampler_name, self.scheduler]

    def setup(self, p: Any, steps: int, sampler_name: str, scheduler: str) -> None:
        p.steps, p.sampler_name, p.scheduler = steps, sampler_name, scheduler
