"""Lets operations of the extras tab run on every generated image, as the setting asks."""

from __future__ import annotations

from typing import Any

from modules import script_base, scripts_postprocessing, shared


class ScriptPostprocessingForMainUI(script_base.Script):
    """A script of the extras tab as one of the txt2img and img2img tabs."""

    def __init__(self, script_postproc: scripts_postprocessing.ScriptPostprocessing) -> None:
        self.script = script_postproc
        self.postprocessing_controls: dict[str, Any] = {}

    def title(self) -> str:
        return self.script.name or ""

    def show(self, is_img2img: bool) -> Any:
        return script_base.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        self.postprocessing_controls = self.script.ui()
        return list(self.postprocessing_controls.values())

    def postprocess_image(self, p: Any, pp: script_base.PostprocessImageArgs, *args: Any) -> None:
        one = scripts_postprocessing.PostprocessedImage(pp.image)
        self.script.process(one, **dict(zip(self.postprocessing_controls, args, strict=False)))
        p.extra_generation_params.update(one.info)
        pp.image = one.image


def create_auto_preprocessing_script_data() -> list[script_base.ScriptClassData]:
    """Entries like those of loaded scripts for the operations named in the setting."""
    from modules import scripts

    known = {data.script_class.name: data for data in reversed(scripts.postprocessing_scripts_data)}
    chosen = [known[name] for name in shared.opts.postprocessing_enable_in_main_ui if name in known]
    return [
        data._replace(script_class=lambda made=data.script_class: ScriptPostprocessingForMainUI(made()))
        for data in chosen
    ]
