"""Scripts of the extras tab, which work on finished images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import gradio as gr

from modules import errors, shared


@dataclass
class PostprocessedImageSharedInfo:
    """What scripts tell each other about one input; pixels."""

    target_width: int | None = None
    target_height: int | None = None


class PostprocessedImage:
    """An image on its way through the scripts. `info` goes into infotext, `extra_images` are further results (PIL
    images or PostprocessedImage), `nametags` become the file's suffix."""

    def __init__(self, image: Any) -> None:
        self.image = image
        self.info: dict[str, Any] = {}
        self.shared = PostprocessedImageSharedInfo()
        self.extra_images: list[Any] = []
        self.nametags: list[str] = []
        self.disable_processing = False
        self.caption: str | None = None

    def get_suffix(self, used_suffixes: dict[str, int] | None = None) -> str:
        """"-tag-tag", with a number if that is among `used_suffixes`, to which it is added."""
        used = {} if used_suffixes is None else used_suffixes
        suffix = "".join(f"-{tag}" for tag in ["-".join(self.nametags)] if tag)
        for proposed in [suffix, *(f"{suffix}-{number}" for number in range(1, 100))]:
            if proposed not in used:
                used[proposed] = 1
                return proposed
        return suffix

    def create_copy(
        self, new_image: Any, *, nametags: list[str] | None = None, disable_processing: bool = False
    ) -> PostprocessedImage:
        """A further result that shares this one's target size and starts from its info and name tags."""
        copy = PostprocessedImage(new_image)
        copy.shared = self.shared
        copy.info = self.info.copy()
        copy.nametags = [*self.nametags, *(nametags or [])]
        copy.disable_processing = disable_processing
        return copy


class ScriptPostprocessing:
    """Base class. Scripts are sorted by `order`, then `name`; arguments are passed by name."""

    filename: str | None = None
    controls: dict[str, Any] | None = None
    args_from: int | None = None
    args_to: int | None = None
    order = 1000
    name: str | None = None
    group: Any = None

    def ui(self) -> dict[str, Any]:
        """Create gradio components; returns them by argument name."""
        return {}

    def process(self, pp: PostprocessedImage, **args: Any) -> None:
        """Change `pp.image`, `pp.info`, `pp.extra_images`."""

    def process_firstpass(self, pp: PostprocessedImage, **args: Any) -> None:
        """Called for all scripts before the first `process`."""

    def image_changed(self) -> None:
        """The input image on the page was replaced."""


class ScriptPostprocessingRunner:
    """The scripts of the extras tab; objects are made when they are first needed."""

    def __init__(self) -> None:
        self.scripts: list[ScriptPostprocessing] | None = None
        self.ui_created = False

    def initialize_scripts(self, scripts_data: list[Any]) -> None:
        self.scripts = []
        for data in scripts_data:
            script = data.script_class()
            script.filename = data.path
            # A1111's own script of this name only exists for old callers.
            if script.name != "Simple Upscale":
                self.scripts.append(script)

    def create_script_ui(self, script: ScriptPostprocessing, inputs: list[Any]) -> None:
        """Build one script's controls and append them to `inputs`; an exception leaves it without any."""
        script.args_from = len(inputs)
        try:
            script.controls = script.ui() or {}
        except Exception as e:
            errors.display(e, f"calling {script.filename}/ui")
            script.controls = {}
        for control in script.controls.values():
            control.custom_script_source = os.path.basename(script.filename or "")
        inputs += script.controls.values()
        script.args_to = len(inputs)

    def scripts_in_preferred_order(self) -> list[ScriptPostprocessing]:
        """Scripts that settings do not disable: those that settings order first, then by `order`, then by name."""
        if self.scripts is None:
            from modules import scripts

            self.initialize_scripts(scripts.postprocessing_scripts_data)
        rank = {name: index for index, name in reversed(list(enumerate(shared.opts.postprocessing_operation_order)))}
        disabled = set(shared.opts.postprocessing_disable_in_extras)
        kept = [script for script in self.scripts or [] if script.name not in disabled]
        return sorted(kept, key=lambda s: (rank.get(s.name, len(self.scripts or [])), s.order, s.name or ""))

    def setup_ui(self) -> list[Any]:
        """Build all controls and return them."""
        inputs: list[Any] = []
        for script in self.scripts_in_preferred_order():
            with gr.Row() as group:
                self.create_script_ui(script, inputs)
            script.group = group
        self.ui_created = True
        return inputs

    def run(self, pp: PostprocessedImage, args: list[Any]) -> None:
        """Send the image through all scripts; further results end up in `pp.extra_images`."""
        planned = [
            (script, dict(zip(script.controls or {}, args[script.args_from : script.args_to], strict=False)))
            for script in self.scripts_in_preferred_order()
        ]
        for script, values in planned:
            script.process_firstpass(pp, **values)
        results = [pp]
        for script, values in planned:
            if shared.state.skipped:
                break
            shared.state.job = script.name or ""
            for one in list(results):
                results += self._process(script, one, values)
        pp.extra_images = results[1:]

    def _process(self, script: ScriptPostprocessing, one: PostprocessedImage, values: dict[str, Any]) -> list[Any]:
        if not one.disable_processing:
            script.process(one, **values)
        extra = [e if isinstance(e, PostprocessedImage) else one.create_copy(e) for e in one.extra_images]
        one.extra_images.clear()
        return extra

    def create_args_for_run(self, scripts_args: dict[str, dict[str, Any]]) -> list[Any]:
        """Positional arguments for `run` from {script name: {argument name: value}}."""
        if not self.ui_created:
            with gr.Blocks(analytics_enabled=False):
                self.setup_ui()
        scripts = self.scripts_in_preferred_order()
        args: list[Any] = [None] * max([script.args_to or 0 for script in scripts], default=0)
        for script in scripts:
            given = scripts_args.get(script.name or "")
            for offset, name in enumerate(script.controls or {} if given is not None else {}):
                args[(script.args_from or 0) + offset] = given.get(name)  # type: ignore[union-attr]
        return args

    def image_changed(self) -> None:
        for script in self.scripts_in_preferred_order():
            script.image_changed()
