"""Controls of the seed, its variation, and the size it is resized from."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from modules import errors, infotext_utils, scripts, shared
from modules.infotext_utils import PasteField
from modules.ui_components import ToolButton
from modules.ui_symbols import random_symbol, reuse_symbol


class ScriptSeed(scripts.ScriptBuiltinUI):
    section = "seed"
    create_group = False

    def title(self) -> str:
        return "Seed"

    def show(self, is_img2img: bool) -> Any:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        self._seed_row()
        with gr.Group(visible=False, elem_id=self.elem_id("seed_extras")) as extras:
            self._variation_row()
            self._resize_row()
        self.show_extras.change(lambda shown: gr.update(visible=shown), show_progress=False,
                                inputs=[self.show_extras], outputs=[extras])
        self._connect_reuse()
        # The API names of the two sizes are exchanged on A1111 too.
        self.infotext_fields = [
            PasteField(self.seed, "Seed", api="seed"),
            PasteField(self.show_extras, lambda d: "Variation seed" in d or "Seed resize from-1" in d),
            PasteField(self.subseed, "Variation seed", api="subseed"),
            PasteField(self.strength, "Variation seed strength", api="subseed_strength"),
            PasteField(self.from_width, "Seed resize from-1", api="seed_resize_from_h"),
            PasteField(self.from_height, "Seed resize from-2", api="seed_resize_from_w"),
        ]
        return [self.seed, self.show_extras, self.subseed, self.strength, self.from_width, self.from_height]

    def _seed_row(self) -> None:
        with gr.Row(elem_id=self.elem_id("seed_row")):
            if shared.cmd_opts.use_textbox_seed:
                self.seed: Any = gr.Textbox(label="Seed", value="", elem_id=self.elem_id("seed"), min_width=100)
            else:
                self.seed = gr.Number(label="Seed", value=-1, elem_id=self.elem_id("seed"), min_width=100, precision=0)
            self._random_button("random_seed", "seed", tooltip="Use a new random seed for each picture")
            self.reuse_seed = ToolButton(reuse_symbol, elem_id=self.elem_id("reuse_seed"),
                                         tooltip="Use the seed of the picture that is selected in the gallery")
            self.show_extras = gr.Checkbox(label="Extra", elem_id=self.elem_id("subseed_show"), value=False)

    def _variation_row(self) -> None:
        with gr.Row(elem_id=self.elem_id("subseed_row")):
            self.subseed = gr.Number(label="Variation seed", value=-1, elem_id=self.elem_id("subseed"), precision=0)
            self._random_button("random_subseed", "subseed")
            self.reuse_subseed = ToolButton(reuse_symbol, elem_id=self.elem_id("reuse_subseed"))
            self.strength = gr.Slider(label="Variation strength", value=0.0, minimum=0, maximum=1, step=0.01,
                                      elem_id=self.elem_id("subseed_strength"))

    def _resize_row(self) -> None:
        with gr.Row(elem_id=self.elem_id("seed_resize_from_row")):
            self.from_width, self.from_height = (
                gr.Slider(minimum=0, maximum=2048, step=8, value=0, label=f"Resize seed from {side}",
                          elem_id=self.elem_id(f"seed_resize_from_{side[0]}"))
                for side in ("width", "height")
            )

    def _random_button(self, name: str, target: str, **kwargs: Any) -> None:
        button = ToolButton(random_symbol, elem_id=self.elem_id(name), **kwargs)
        button.click(fn=None, _js=f"function(){{setRandomSeed('{self.elem_id(target)}')}}", show_progress=False,
                     inputs=[], outputs=[])

    def _connect_reuse(self) -> None:
        """Connect the reuse buttons once the result column, which is built later, has its text."""
        elem_id = f"generation_info_{self.tabname}"
        pairs = ((self.seed, self.reuse_seed, False), (self.subseed, self.reuse_subseed, True))
        for field, button, is_subseed in pairs:
            self.on_after_component(
                lambda on, field=field, button=button, sub=is_subseed:
                    connect_reuse_seed(field, button, on.component, sub),
                elem_id=elem_id)

    def setup(self, p: Any, seed: int, extras: bool, subseed: int, strength: float, from_width: int,
              from_height: int) -> None:
        p.seed = seed
        if extras and strength > 0:
            p.subseed, p.subseed_strength = subseed, strength
        if extras and from_width > 0 and from_height > 0:
            p.seed_resize_from_w, p.seed_resize_from_h = from_width, from_height


def seed_of(generation_info: str, index: int, is_subseed: bool) -> int:
    """The seed of picture `index` in the JSON of a result; -1 if it cannot be read."""
    try:
        parameters = infotext_utils.parse_generation_parameters(json.loads(generation_info)["infotexts"][index], [])
        return int(parameters.get("Variation seed" if is_subseed else "Seed", -1))
    except Exception:
        if generation_info:
            errors.report(f"No seed can be read from: {generation_info}", exc_info=True)
        return -1


def connect_reuse_seed(seed: Any, reuse_seed: Any, generation_info: Any, is_subseed: bool) -> None:
    """Have the button put the selected picture's seed into the field."""
    reuse_seed.click(
        fn=lambda info, index: [seed_of(info, int(index), is_subseed), gr.update()],
        _js="(x, y) => [x, selected_gallery_index()]", show_progress=False, inputs=[generation_info, seed],
        outputs=[seed, seed])
