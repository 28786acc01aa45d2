"""Adapter for SD.Next, where nothing of a generation can be ours: its pipelines ring no sampler callback and hand over
no latents. The panel says so; nothing is registered."""

from __future__ import annotations

from typing import Any

from modules import scripts, scripts_postprocessing


class SDNext:
    """The few parts of `Host` that are asked of a WebUI with `limits`."""

    name = "SD.Next"
    script_class = scripts.Script
    always_visible = scripts.AlwaysVisible
    extras_class = scripts_postprocessing.ScriptPostprocessing
    limits = (
        "VAE Face can't act on pictures in SD.Next: it rings no callback at each step and hands over no latents, so "
        "Schedule, VAE and Faces do nothing here. Its command line works on files: "
        "python -m lib_vaeface timeline, inspect, compare, faces."
    )

    def __init__(self) -> None:
        self._defaults: dict[str, Any] = {}

    def listen(self, listeners: Any, options: Any) -> None:
        """Nothing would ever be told, and no option would do anything."""
        self._defaults = {option.name: option.default for option in options}

    def option(self, name: str) -> Any:
        return self._defaults.get(name)

    def comment(self, job: Any, text: str, processed: Any = None) -> None:
        print(text)
