"""The panel in txt2img and img2img, generated from the table of fields.

`build` may be called any number of times: it makes controls and events, and changes nothing else but the attributes
of the Script object that the WebUI reads after `ui()`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import gradio as gr

from lib_vaeface import infotext
from lib_vaeface.fields import Field, Value
from lib_vaeface.host import Host
from lib_vaeface.settings import FIELDS, GROUPS
from lib_vaeface.ui.gradio_compat import js
from lib_vaeface.ui.html import Markup, tag
from lib_vaeface.ui.report import report

FEATURES = {name: group for name, group in GROUPS.items() if name != "vaeface"}


def build(script: Any, host: Host, notice: str = "") -> list[Any]:
    """The controls in the order of the table. `notice` is shown on top of the panel."""
    controls: dict[str, Any] = {}
    head = next(field for field in FIELDS if field.name == GROUPS["vaeface"].switch)
    accordion = host.input_accordion(bool(head.default), label=head.label, elem_id=script.elem_id(head.name))
    with accordion:
        controls[head.name] = accordion
        with accordion.extra():
            gr.HTML(_status(script, accordion.elem_id), elem_id=script.elem_id("status"))
        if notice:
            gr.HTML(tag("p", notice, class_="vaeface-error"), elem_id=script.elem_id("notice"))
        for name in FEATURES:
            controls.update(_group(name, script, host))
        script.report_view = gr.HTML(elem_id=script.elem_id("report"))
    for group in GROUPS.values():
        controls[group.switch].change(fn=None, inputs=[], outputs=[], **js("() => vaefaceStatus()"))
    script.infotext_fields = [host.paste_field(controls[f.name], _reader(f.name)) for f in FIELDS]
    return [controls[field.name] for field in FIELDS]


def _group(name: str, script: Any, host: Host) -> dict[str, Any]:
    """One feature's controls by name, the advanced ones folded away."""
    fields = [field for field in FIELDS if field.group == name]
    advanced = [field for field in fields if field.advanced]
    switch = GROUPS[name].switch
    with gr.Group(elem_id=script.elem_id(f"group_{name}"), elem_classes=["vaeface-group"]):
        controls = {f.name: _control(f, script.elem_id(f.name), host) for f in fields if f.name == switch}
        plain = [f for f in fields if not f.advanced and f.name != switch]
        for prompts in (False, True):
            with gr.Row():
                made = [f for f in plain if (f.lines > 1) == prompts]
                controls.update({f.name: _control(f, script.elem_id(f.name), host) for f in made})
        if advanced:
            with gr.Accordion("More", open=False, elem_id=script.elem_id(f"more_{name}")), gr.Row():
                controls.update({f.name: _control(f, script.elem_id(f.name), host) for f in advanced})
    return controls


def watch_results(script: Any, host: Host) -> None:
    """Let the report follow the generation info of both tabs. To be called once for a Script object, before `ui()`."""

    def connect(made: Any) -> None:
        made.component.change(
            fn=lambda text: report(text, host.parse_infotext),
            inputs=[made.component],
            outputs=[script.report_view],
            show_progress=False,
        )

    for tab in ("txt2img", "img2img"):
        script.on_after_component(connect, elem_id=f"generation_info_{tab}")


def _control(field: Field, elem_id: str, host: Host) -> Any:
    common: dict[str, Any] = {"label": field.label, "value": field.default, "info": field.help, "elem_id": elem_id}
    if field.kind is bool:
        return gr.Checkbox(**common)
    if field.listed:
        lists = {"vaes": host.vae_names, "samplers": host.sampler_names, "face models": host.face_models}
        names: Iterable[str] = lists[field.listed]()
        return gr.Dropdown(choices=[*field.choices, *names], allow_custom_value=True, **common)
    if field.choices:
        make = gr.Radio if len(field.choices) <= 3 else gr.Dropdown
        return make(choices=list(field.choices), **common)
    if field.minimum is not None and field.maximum is not None:
        return gr.Slider(minimum=field.minimum, maximum=field.maximum, step=field.step, **common)
    if field.kind is not str:
        return gr.Number(**common)
    return gr.Textbox(**common, visible=not field.hidden, lines=field.lines)


def _status(script: Any, master: str) -> Markup:
    """The header's place for the features that are on; the page fills it, see javascript/vaeface.js."""
    titles = {script.elem_id(group.switch): group.title for group in FEATURES.values()}
    return tag("span", class_="vaeface-status", data_master=master, data_switches=json.dumps(titles))


def _reader(name: str) -> Callable[[Mapping[str, Any]], Value | None]:
    return lambda parameters: infotext.read(parameters).get(name)
