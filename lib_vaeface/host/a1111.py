"""Adapter for AUTOMATIC1111 1.10 and the WebUIs that kept its module names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

from lib_vaeface.host.protocol import ModelCall, Option
from modules import errors, infotext_utils, processing, script_callbacks, scripts, shared, ui_components

SECTION = ("vaeface", "VAE Face")


class A1111:
    """See `Host`. There is one object per process, so its bound methods can be found again and removed."""

    script_class = scripts.Script
    always_visible = scripts.AlwaysVisible

    def __init__(self, name: str = "A1111") -> None:
        self.name = name
        self._on_call: Callable[[ModelCall], None] = lambda call: None
        self._options: Sequence[Option] = ()

    def version(self) -> str:
        return processing.program_version() or ""

    def listen(self, on_call: Callable[[ModelCall], None], options: Sequence[Option]) -> None:
        self._on_call, self._options = on_call, options
        for register, callback in (
            (script_callbacks.on_cfg_denoiser, self._cfg_denoiser),
            (script_callbacks.on_ui_settings, self._add_options),
            (script_callbacks.on_script_unloaded, self._silence),
        ):
            script_callbacks.remove_callbacks_for_function(callback)
            register(callback, name="vaeface")

    def running(self, job: Any) -> bool:
        # A job that failed runs no further hook, so only the stack tells a nested job from the one after a failure.
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if frame.f_code.co_name == "process_images" and frame.f_locals.get("p") is job:
                return True
            frame = frame.f_back
        return False

    def option(self, name: str) -> Any:
        default = next((option.default for option in self._options if option.name == name), None)
        return shared.opts.data.get(name, default)

    def report_error(self, message: str) -> None:
        errors.report(message, exc_info=True)

    def comment(self, job: Any, text: str, processed: Any = None) -> None:
        if processed is None:
            job.comment(text)
        else:
            processed.comments += f"{text}\n"

    def parse_infotext(self, text: str) -> Mapping[str, Any]:
        parameters: dict[str, Any] = infotext_utils.parse_generation_parameters(text)
        return parameters

    def input_accordion(self, value: bool, *, label: str, elem_id: str) -> Any:
        return ui_components.InputAccordion(value, label=label, elem_id=elem_id)

    def paste_field(self, component: Any, read: Callable[[Mapping[str, Any]], Any]) -> Any:
        # Without `api=`: the API would set that name on its request, which has no such field, and answer HTTP 500.
        return infotext_utils.PasteField(component, read)

    def _cfg_denoiser(self, params: Any) -> None:
        denoiser: Any = getattr(params, "denoiser", None)
        job = getattr(denoiser, "p", None)
        if job is None:
            return
        self._on_call(
            ModelCall(
                job=job,
                step=denoiser.step,
                total_steps=denoiser.total_steps,
                steps=params.total_sampling_steps,
                hires=bool(getattr(job, "is_hr_pass", False)),
                text_cond=params.text_cond,
                text_uncond=params.text_uncond,
            )
        )

    def _add_options(self) -> None:
        for option in self._options:
            info = shared.OptionInfo(option.default, option.label, section=SECTION, category_id="sd").info(option.help)
            shared.opts.add_option(option.name, info)

    def _silence(self) -> None:
        # Only this one: taking our "script unloaded" callback out of the list being walked would skip a neighbour's.
        script_callbacks.remove_callbacks_for_function(self._cfg_denoiser)
