"""The panel in txt2img and img2img, generated from the table of fields.

`build` may be called any number of times: it makes controls and events, and changes nothing else but the attributes
of the Script object that the WebUI reads after `ui()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from lib_vaeface import infotext
from lib_vaeface.fields import Field, Value
from lib_vaeface.host import Host
from lib_vaeface.host.tab_protocol import TabHost
from lib_vaeface.options import TIMING
from lib_vaeface.settings import FIELDS, GROUPS
from lib_vaeface.ui import syntax_card, vae_menu
from lib_vaeface.ui.desk import unsaved
from lib_vaeface.ui.gradio_compat import js, limits
from lib_vaeface.ui.html import tag
from lib_vaeface.ui.preset_row import Row
from lib_vaeface.ui.report import report
from lib_vaeface.ui.status import SHOWN, status

FEATURES = {name: group for name, group in GROUPS.items() if name != "vaeface"}
SECTIONS = {
    "Which faces": ("face_search", "face_detector", "face_model", "face_score", "face_smallest", "face_largest",
                    "face_count", "face_order", "face_boxes"),
    "How they are painted again": ("face_steps", "face_cfg", "face_sampler", "face_seeds", "face_tone", "face_passes",
                                   "face_adaptive", "face_guard"),
}  # fmt: skip
"""Headings among a feature's folded fields; what stands in none comes after them."""
SWITCHES = {group.switch for group in GROUPS.values()}
REFRESH = "\U0001f504"  # as on the WebUI's own buttons


def build(script: Any, host: TabHost, notice: str = "") -> list[Any]:
    """The controls in the order of the table. `notice` is shown on top of the panel."""
    if why := limits(host):
        gr.HTML(tag("p", why, class_="vaeface-error"), elem_id="vaeface_limits")
        return []
    head = next(field for field in FIELDS if field.name == GROUPS["vaeface"].switch)
    accordion = host.input_accordion(bool(head.default), label=head.label, elem_id=script.elem_id(head.name))
    panel = _Panel(script, host, {head.name: accordion})
    with accordion:
        with accordion.extra():
            gr.HTML(status(script.elem_id), elem_id=script.elem_id("status"))
        if notice:
            gr.HTML(tag("p", notice, class_="vaeface-error"), elem_id=script.elem_id("notice"))
        presets = Row(script, host)
        for name in FEATURES:
            panel.group(name)
        script.report_view = gr.HTML(elem_id=script.elem_id("report"))
    presets.connect(panel.controls)
    vae_menu.connect(vae_menu.Menu(host), panel.menu)
    controls = panel.controls
    for name in SHOWN:
        controls[name].change(fn=None, inputs=[], outputs=[], **js("() => vaefaceStatus()"))
    script.infotext_fields = [host.paste_field(controls[f.name], _reader(f.name)) for f in FIELDS]
    return [controls[field.name] for field in FIELDS]


@dataclass
class _Panel:
    """The parts of one panel while it is built. controls: by field."""

    script: Any
    host: TabHost
    controls: dict[str, Any]
    menu: vae_menu.Parts = field(default_factory=vae_menu.Parts)

    def group(self, name: str) -> None:
        """One feature: its switch with the short controls beside it, prompts below, the advanced ones folded away."""
        fields = [one for one in FIELDS if one.group == name]
        plain, folded = ([one for one in fields if one.advanced == advanced] for advanced in (False, True))
        elem_id = self.script.elem_id
        with gr.Group(elem_id=elem_id(f"group_{name}"), elem_classes=["vaeface-group"]):
            self._row([one for one in plain if one.lines == 1])
            self._cards(plain)
            self._row([one for one in plain if one.lines > 1])
            if name == "schedule":
                self._syntax()
            if name == "vae":
                self.menu.files = gr.HTML(elem_id=elem_id("vae_files"))
            if folded:
                with gr.Accordion("More", open=False, elem_id=elem_id(f"more_{name}"), elem_classes=["vaeface-more"]):
                    for title, part in _sections(folded):
                        if title:
                            gr.HTML(tag("p", title, class_="vaeface-section"))
                        self._row([one for one in part if one.kind is not bool])
                        self._cards(part)
                        self._row([one for one in part if one.kind is bool])
                    if name == "vae":
                        self._proofs()

    def _row(self, fields: list[Field]) -> None:
        if not fields:
            return
        with gr.Row(elem_classes=["vaeface-row"]):
            for one in fields:
                self.controls[one.name] = control(one, self.script.elem_id(one.name), self.host)
            if any(one.name == "vae_name" for one in fields):
                self.menu.refresh = self.host.tool_button(
                    REFRESH, elem_id=self.script.elem_id("vae_refresh"), tooltip="Look for VAE files, and which fit"
                )

    def _cards(self, fields: list[Field]) -> None:
        for one in fields:
            if one.listed == "vaes":
                card = gr.HTML(elem_id=self.script.elem_id(f"{one.name}_card"))
                self.menu.pickers[one.name] = self.controls[one.name], card

    def _syntax(self) -> None:
        switches = [self.controls[name].elem_id for name in ("enabled", "schedule")]
        card = syntax_card.card(switches, self.script.elem_id("timing"), self.host.samplers())
        gr.HTML(card, elem_id=self.script.elem_id("syntax"))

    def _proofs(self) -> None:
        with gr.Row(elem_classes=["vaeface-row"]):
            elem_id = self.script.elem_id
            self.menu.prove = gr.Button("Test files of unknown fit", size="sm", elem_id=elem_id("vae_prove"))
            self.menu.forget = gr.Button(
                "Forget the VAE picked for this checkpoint", size="sm", elem_id=elem_id("vae_forget")
            )
            self.menu.forgotten = gr.HTML(elem_id=elem_id("vae_forgotten"))


def _sections(fields: list[Field]) -> Iterator[tuple[str, list[Field]]]:
    """(heading, fields); the fields of no heading come last."""
    rest = list(fields)
    for title, names in SECTIONS.items():
        found = [one for name in names for one in rest if one.name == name]
        rest = [one for one in rest if one not in found]
        if found:
            yield title, found
    if rest:
        yield "Also" if len(rest) < len(fields) else "", rest


def watch_results(script: Any, host: Host) -> None:
    """Let the report follow the generation info of both tabs. To be called once for a Script object, before `ui()`."""

    def connect(made: Any) -> None:
        made.component.change(
            fn=lambda text: report(text, host.parse_infotext),
            inputs=[made.component],
            outputs=[script.report_view],
            show_progress=False,
        )

    for tab in () if limits(host) else ("txt2img", "img2img"):
        script.on_after_component(connect, elem_id=f"generation_info_{tab}")


def control(one: Field, elem_id: str, host: Host) -> Any:
    """What a person sets a field with."""
    common: dict[str, Any] = {"label": one.label, "value": one.default, "elem_id": elem_id}
    if one.kind is bool:
        return gr.Checkbox(**common, min_width=140, scale=0 if one.name in SWITCHES else None)
    if one.name == "timing":  # an option says what it begins with, not what the WebUI's ui-config.json once was
        return unsaved(gr.Radio(choices=list(one.choices), **{**common, "value": host.option(TIMING)}))
    if one.listed:
        lists = {"vaes": host.vae_names, "samplers": host.sampler_names, "face models": host.face_models}
        names: Iterable[str] = lists[one.listed]()
        return gr.Dropdown(choices=[*one.choices, *names], allow_custom_value=True, **common)
    if one.choices:
        make = gr.Radio if len("".join(one.choices)) <= 12 else gr.Dropdown
        return make(choices=list(one.choices), **common)
    if one.minimum is not None and one.maximum is not None:
        return gr.Slider(minimum=one.minimum, maximum=one.maximum, step=one.step, **common)
    if one.kind is not str:
        return gr.Number(**common)
    hint = one.help.split(". ")[0] if one.lines > 1 else None  # what fits into the box; the rest is its tooltip
    return gr.Textbox(**common, visible=not one.hidden, lines=one.lines, placeholder=hint)


def _reader(name: str) -> Callable[[Mapping[str, Any]], Value | None]:
    return lambda parameters: infotext.read(parameters).get(name)
