"""The panel under real gradio: complete, pure, and nothing of a stranger's text becomes HTML."""

import contextlib
import html
import json
import re

import gradio as gr

from lib_vaeface import infotext
from lib_vaeface.settings import FIELDS, GROUPS, NAMES, Settings
from lib_vaeface.ui import panel
from lib_vaeface.ui.html import Markup, tag
from lib_vaeface.ui.report import report
from lib_vaeface.ui.status import SHOWN
from tests.extension.sample_host import SampleHost

HOSTILE = '<img src=x onerror="alert(1)">'


class Accordion(gr.Checkbox):
    """A checkbox that opens a plain accordion, as the WebUI's is inside."""

    def __init__(self, value, *, label, elem_id):
        super().__init__(value=value, label=label, elem_id=f"{elem_id}-checkbox", visible=False)
        self.folded = gr.Accordion(label=label, elem_id=elem_id, open=value)

    def get_block_name(self):
        return "checkbox"

    def extra(self):
        return contextlib.nullcontext()

    def __enter__(self):
        self.folded.__enter__()
        return self

    def __exit__(self, *error):
        self.folded.__exit__(*error)


class AccordionHost(SampleHost):
    def input_accordion(self, value, *, label, elem_id):
        return Accordion(value, label=label, elem_id=elem_id)

    def samplers(self):
        return [("Euler a", 1)]

    def tool_button(self, symbol, *, elem_id, tooltip):
        return gr.Button(symbol, elem_id=elem_id)

    def paste_field(self, component, read):
        return component, read


class SampleScript:
    def __init__(self, tab="txt2img"):
        self.tab = tab
        self.watched = {}

    def elem_id(self, name):
        return f"script_{self.tab}_vae_face_{name}"

    def on_after_component(self, callback, *, elem_id):
        self.watched[elem_id] = callback


def built(script=None, notice=""):
    with gr.Blocks() as page:
        controls = panel.build(script or SampleScript(), AccordionHost(), notice)
    return page, controls


def events(page):
    return page.get_config_file()["dependencies"]


def test_one_control_for_every_field_in_the_order_of_the_table():
    _, controls = built()
    assert [control.label for control in controls] == [field.label for field in FIELDS]
    assert [control.value for control in controls] == [field.default for field in FIELDS]


def test_ids_are_unique_and_everywhere():
    page, controls = built()
    ids = [block.elem_id for block in page.blocks.values() if block.elem_id]
    assert len(set(ids)) == len(ids)
    assert all(control.elem_id for control in controls)


def test_building_six_times_changes_nothing():
    script = SampleScript()
    shapes = set()
    for _ in range(6):
        page, controls = built(script)
        kinds = tuple((type(c).__name__, c.elem_id, c.label) for c in controls)
        shapes.add((kinds, len(page.blocks), len(events(page)), len(script.infotext_fields)))
    assert len(shapes) == 1


def test_controls_are_plain_gradio_so_that_their_defaults_can_be_saved():
    _, controls = built()
    assert all(type(control).__module__.startswith("gradio.") for control in controls[1:])


def test_pasting_restores_every_control():
    script = SampleScript()
    built(script)
    vae = (True, "b.safetensors", "fp32", True, "0123456789", "Same")
    settings = Settings(True, True, "exact", *vae, faces=True, face_strength=0.4, face_prompt='a "b" [SEP]\n[c:d:3]')
    wanted = [getattr(settings, name) for name in NAMES]
    parameters = infotext.write(settings, {})
    assert [read(parameters) for _, read in script.infotext_fields] == wanted
    assert [read({}) for _, read in script.infotext_fields] == [False] + [None] * (len(wanted) - 1)


def test_notice_is_shown_and_escaped():
    page, _ = built(notice=HOSTILE)
    shown = [
        block.value
        for block in page.blocks.values()
        if isinstance(block, gr.HTML) and "notice" in (block.elem_id or "")
    ]
    assert len(shown) == 1 and "&lt;img" in shown[0] and "<img" not in shown[0]


def test_the_report_follows_the_generation_info():
    script, host = SampleScript(), AccordionHost()
    panel.watch_results(script, host)
    assert set(script.watched) == {"generation_info_txt2img", "generation_info_img2img"}
    with gr.Blocks() as page:
        panel.build(script, host)
        info = gr.Textbox(visible=False)
        before = len(events(page))
        script.watched["generation_info_txt2img"](type("OnComponent", (), {"component": info}))
    event = events(page)[-1]
    assert len(events(page)) == before + 1
    assert event["targets"] and event["outputs"] == [script.report_view._id]


def generation_info(**values):
    lines = "\n".join(f"{key.replace('_', ' ')}: {json.dumps(value)}" for key, value in values.items())
    return json.dumps({"infotexts": ["no key of ours", lines]})


def test_report_shows_counts():
    first = {"calls": 8, "conditionings": 2, "switches": [4]}
    text = report(
        generation_info(
            VAE_Face={"v": 1, "version": "9.9", "host": "A1111"}, VAE_Face_schedule={"timing": "webui", "first": first}
        ),
        SampleHost().parse_infotext,
    )
    assert "VAE Face 9.9 on A1111" in text and "<td>8</td><td>2</td><td>4</td>" in text and "Hires" not in text


def test_report_of_another_picture_is_empty():
    for info in ("", "{", "[]", '{"infotexts": 3}', json.dumps({"infotexts": [None, "Steps: 4"]})):
        assert report(info, SampleHost().parse_infotext) == ""


def test_report_leaves_out_what_it_does_not_know():
    first = {"calls": 8, "conditionings": 2, "switches": [4], "later": [1]}
    known = {"VAE_Face": {"v": 1}, "VAE_Face_schedule": {"timing": "webui", "syntax": "webui", "first": first}}
    newer = {**known, "VAE_Face_VAE": {"used": "Built-in", "sheet": {"a": [1]}}, "VAE_Face_note": "x"}
    texts = [report(generation_info(**values), SampleHost().parse_infotext) for values in (known, newer)]
    assert "own syntax only" in texts[0]
    assert texts[1].replace("<p>VAE: Built-in</p>", "") == texts[0]


def test_report_escapes_what_pictures_say():
    main = {"version": HOSTILE, "host": HOSTILE, "error": HOSTILE, "notes": [HOSTILE]}
    row = {"calls": HOSTILE, "conditionings": HOSTILE, "switches": [HOSTILE]}
    schedule = {"timing": HOSTILE, "first": row, "hires": HOSTILE}
    vae = {"used": HOSTILE, "fit": HOSTILE, "why": HOSTILE}
    info = generation_info(VAE_Face=main, VAE_Face_schedule=schedule, VAE_Face_VAE=vae)
    text = report(info, SampleHost().parse_infotext)
    assert "<img" not in text and text.count("&lt;img") == 11


def test_report_names_the_vae_and_the_cost_of_native_batches():
    first = {"calls": 20, "conditionings": 2, "switches": [1], "batches": [20, 2]}
    vae = {"used": "mse.safetensors", "fit": "fits"}
    info = generation_info(
        VAE_Face={"v": 1}, VAE_Face_schedule={"timing": "webui", "first": first, "notes": ["x"]}, VAE_Face_VAE=vae
    )
    text = report(info, SampleHost().parse_infotext)
    assert "VAE: mse.safetensors, fits" in text and "20 texts encoded, 2 of them different" in text and ">x<" in text


def test_markup_is_escaped_once():
    assert tag("p", "a<b", tag("b", "&"), class_='"') == '<p class="&quot;">a&lt;b<b>&amp;</b></p>'
    assert isinstance(tag("p"), Markup)


def test_what_the_header_names_refreshes_it_on_the_page_alone():
    page, _ = built()
    scripted = [event for event in events(page) if event["js"] == "() => vaefaceStatus()"]
    assert len(scripted) == len(SHOWN) and {group.switch for group in GROUPS.values()} < set(SHOWN)
    assert not any(event["backend_fn"] for event in scripted)


def test_every_control_has_a_tooltip():
    page, controls = built()
    (shown,) = [block.value for block in page.blocks.values() if (block.elem_id or "").endswith("_status")]
    told = json.loads(html.unescape(re.search('data-help="([^"]*)"', shown)[1]))
    script = SampleScript()
    assert {script.elem_id(field.name) for field in FIELDS if not field.hidden} == set(told) and all(told.values())
    assert len(set(told.values())) == len(told), "two controls have the same help"


def test_the_page_is_built_without_looking_at_files():
    class Untouchable(AccordionHost):
        def vae(self, job):
            raise AssertionError("asked for the model")

        vae_folders = checkpoint_folders = has_model = vae

    with gr.Blocks():
        panel.build(SampleScript(), Untouchable())


def test_timing_begins_with_what_the_option_says():
    host = AccordionHost()
    host.options["vaeface_timing"] = "exact"
    with gr.Blocks():
        controls = dict(zip(NAMES, panel.build(SampleScript(), host), strict=True))
    assert controls["timing"].value == "exact" and controls["timing"].do_not_save_to_config
