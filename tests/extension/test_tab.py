"""The tab's handlers on real VAEs, and the page that they are part of."""

import base64
import io
import itertools
import json
import re

import gradio as gr
import pytest
from PIL import Image

from lib_vaeface.ui import tab, uploads
from lib_vaeface.ui.desk import AUTOMATIC, FILE, KEPT, LAST, problem
from lib_vaeface.ui.html import Markup
from lib_vaeface.ui.pictures import data_url, heat, palette
from lib_vaeface.ui.tab_bridge import TRUE_BRIDGE, Bridge
from lib_vaeface.ui.tab_compare import Compare
from lib_vaeface.ui.tab_inspect import Inspect
from lib_vaeface.ui.tab_playground import Playground
from lib_vaeface.vae import kept, latent_files
from lib_vaeface.vae.contact_sheet import to_image
from lib_vaeface.vae.latent_files import About
from lib_vaeface.vae.library import Library
from lib_vaeface.vae.workbench import BUILT_IN
from tests.extension import tab_host
from tests.vae import family

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    made = tab_host.desk(tmp_path_factory.mktemp("data"), "tuned", "foreign")
    (made.host.data / "VAE" / f"{HOSTILE.replace('/', '')}.safetensors").write_bytes(b"not a VAE")
    return made


@pytest.fixture
def latents():
    return family.base().encode(family.portraits(1))


def sent(*files):
    return json.dumps([{"name": name, "data": base64.b64encode(data).decode()} for name, data in files])


def png(pictures, infotext=""):
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", infotext)
    buffer = io.BytesIO()
    to_image(pictures[0]).save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def stored(latents, tmp_path):
    """A latent file that says nothing of itself."""
    path = latent_files.write(tmp_path / "x.safetensors", latents, About())
    return path.read_bytes()


def harmless(shown, desk):
    """No folder of this machine, and no tag that a name brought along."""
    assert str(desk.host.data) not in shown
    assert not re.search(r"<img(?![^>]*class=\"vaeface-source\"|[^>]*alt=\"\")", shown)
    return shown


def test_the_last_generation_is_compared_without_sampling(desk, latents):
    with tab_host.last_generation(latents, infotext="a prompt\nSteps: 4"):
        said, shown, sheet, _ = Compare(desk).run("", LAST, "", AUTOMATIC, ["tuned.safetensors", "foreign.safetensors"])
    harmless(shown, desk)
    assert "Built-in of pocket" in said
    assert shown.count("<figure") == 2 and "vaeface-handle" in shown and 'data-heat="0"' in shown
    assert "foreign.safetensors</td><td>does not fit" in shown
    assert sheet.image.width > 256 and sheet.infotext == "a prompt\nSteps: 4"
    assert Compare(desk).save(sheet).startswith("<p") and desk.host.saved[-1] == (sheet.image, sheet.infotext)


def test_where_nothing_was_chosen_all_that_fit_are_compared(desk, latents):
    with tab_host.last_generation(latents):
        _, shown, _, _ = Compare(desk).run("", LAST, "", AUTOMATIC, [])
    assert "tuned.safetensors</b>" in shown and "foreign.safetensors</b>" not in shown


def test_only_what_fits_can_be_chosen_and_the_rest_has_reasons(desk, latents):
    with tab_host.last_generation(latents):
        names, whose, apart = Compare(desk).refresh("", LAST, "", AUTOMATIC)
    assert names["choices"] == names["value"] == ["tuned.safetensors"]
    assert BUILT_IN in whose["choices"]
    assert "foreign.safetensors" in apart and "does not fit" in apart and "can&#x27;t be used" in apart
    assert "&lt;img" in harmless(apart, desk)


def test_a_dropped_picture_is_encoded_first_and_is_the_truth(desk):
    text = sent(("../../portrait.png", png(family.portraits(1), "painted")))
    _, shown, sheet, _ = Compare(desk).run(text, FILE, "", AUTOMATIC, ["tuned.safetensors"])
    assert "Measured against the true picture" in shown and sheet.infotext == "painted"


def test_a_dropped_latent_file_is_decoded_by_its_own_vae(desk, latents, tmp_path):
    said, shown, _, _ = Compare(desk).run(sent(("x.safetensors", stored(latents, tmp_path))), FILE, "", AUTOMATIC, [])
    assert "come back" in said and shown.count("<figure") == 2


def test_another_model_is_not_taken_for_the_one_that_painted(desk, latents):
    foreign = family.foreign().scaling.to_raw(family.foreign().encode(family.portraits(1)))
    with tab_host.last_generation(foreign * tab_host.SCALE, identity="of another model"):
        said, _, _, _ = Compare(desk).run("", LAST, "", AUTOMATIC, [])
    assert "Reference: foreign.safetensors" in said


@pytest.mark.parametrize("text, source, what", [
    ("", LAST, "no last generation"),
    ("", FILE, "Choose a file"),
    ("", KEPT, "Choose one of the kept"),
    ("not json", FILE, "did not arrive"),
    ('[{"name": "x.latent", "path": "/etc/passwd"}]', FILE, "did not arrive"),
    (sent(("x.latent", b"no latents")), FILE, "x.latent"),
    (sent((HOSTILE, b"no picture")), FILE, "no picture that can be read"),
])
def test_what_is_wrong_is_said_in_words(desk, text, source, what):
    kept.forget()
    said, shown, sheet, _ = Compare(desk).run(text, source, "/etc/passwd", AUTOMATIC, [])
    assert what in said and "Traceback" not in said and 'role="alert"' in harmless(said, desk)
    assert shown == "" and sheet is None and Compare(desk).save(sheet).startswith('<p class="vaeface-error"')


def test_an_error_of_ours_is_reported_and_shows_nothing_of_this_machine(desk, monkeypatch):
    monkeypatch.setattr(type(desk.bench), "built_in", lambda self, own=None: 1 / 0)
    _, shown = Inspect(desk).files()
    assert "ZeroDivisionError" in shown and desk.host.errors


def test_no_generation_runs_while_a_handler_works(desk):
    def work():
        assert desk.host.busy.locked()
        return Markup("done")

    assert desk.guarded(work) == "done" and not desk.host.busy.locked()


def test_the_table_of_files_and_the_pairing_test(desk):
    part = Inspect(desk)
    choices, shown = part.measure()
    assert choices["choices"] == ["foreign.safetensors", "tuned.safetensors"]
    harmless(shown, desk)
    assert shown.count(" dB</td>") == 2 and "&lt;img" in shown and "SDXL" in shown
    said, pictures = part.pair("tuned.safetensors")
    assert "fits" in said and "gain" in said and pictures.count("<figure") == 2
    said, pictures = part.pair("foreign.safetensors")
    assert "does not fit" in said and pictures.count("<figure") == 2
    assert "No VAE is called" in part.pair("../../etc/passwd")[0]
    assert "Nothing to decide" in part.allow("tuned.safetensors", True)


def test_a_pickle_is_converted_once_and_others_are_not(desk):
    import torch

    folder = desk.host.data / "VAE"
    torch.save(tab_host.states()["tuned"], folder / "old.pt")
    part = Inspect(desk)
    left, said = part.convert("old.pt")
    assert "is now old.safetensors" in said and left["choices"] == ["old.pt"]
    assert "is there already" in harmless(part.convert("old.pt")[1], desk)
    assert "needs no conversion" in part.convert("tuned.safetensors")[1]
    for name in ("old.pt", "old.safetensors"):
        (folder / name).unlink()


@pytest.mark.parametrize("text, shown", [
    ("no such file: '/mnt/models/x.pt'", "no such file: &#x27;x.pt&#x27;"),
    ("C:\\Users\\me\\x.pt is gone", "x.pt is gone"),
    ("16 channels at 1/8 and/or more", "16 channels at 1/8 and/or more"),
])
def test_errors_name_files_without_their_folders(text, shown):
    assert f">{shown}<" in problem(text)


def test_a_bridge_writes_files_that_are_listed_and_read_back(desk, latents):
    part = Bridge(desk)
    with tab_host.last_generation(latents):
        said, shown = part.run("", LAST, "", AUTOMATIC, "foreign.safetensors", "sd1", TRUE_BRIDGE)
    assert "round trip" in said and "vaeface-viewer" in shown
    harmless(said, desk)
    names = list(desk.kept())
    assert {name.rpartition(".")[2] for name in names} == {"latent", "safetensors"}
    for name in names:
        assert "foreign.safetensors" in Compare(desk).run("", KEPT, name, AUTOMATIC, [])[0]
    assert "choose the latent format" in part.run("", KEPT, names[0], AUTOMATIC, "foreign", AUTOMATIC, "")[0]
    assert "no such map" in part.run("", KEPT, names[0], AUTOMATIC, "foreign", "sd1", "../map.safetensors")[0]


def test_a_map_is_fitted_from_pictures_and_used(desk, latents):
    part = Bridge(desk)
    pictures = sent(*((f"{n}.png", png(family.portraits(4)[n : n + 1])) for n in range(4)))
    said, ways = part.fit(pictures, AUTOMATIC, "foreign.safetensors", "sd1")
    assert "held-out" in said and ways["value"] in ways["choices"]
    with tab_host.last_generation(latents):
        said, _ = part.run("", LAST, "", AUTOMATIC, "foreign.safetensors", "sd1", ways["value"])
    assert "approximate" in said and "held-out" in said
    assert "two pictures or more" in part.fit("", AUTOMATIC, "foreign.safetensors", "sd1")[0]


def test_the_playground_counts_steps_of_the_sampler_and_tokens(desk):
    part = Playground(desk)
    shown = part.run("a [red:blue:0.5] hat", "Euler a", 10, 0, "webui")
    assert "1 to 6" in shown and "7 to 10" in shown and "<td>a red hat</td><td>3</td>" in shown
    exact = part.run("a [red:blue:0.5] hat", "Heun", 10, 0, "exact")
    assert "1 to 5" in exact and "6 to 10" in exact and exact.count("vaeface-tone") == 2
    both = part.run("a [b:c:0.5] AND d", "Heun", 10, 6, "webui")
    assert both.count("vaeface-strip") == 4 and "Hires pass" in both
    assert HOSTILE not in part.run(f"{HOSTILE} [", "none", 5, 0, "webui")
    for steps in (None, "x", -3, 10**12, float("nan"), float("inf")):
        assert part.run("a", "Euler a", steps, 0, "webui")


def test_only_what_is_shown_of_a_long_playground_is_counted(desk, monkeypatch):
    counted = []
    monkeypatch.setattr(desk.host, "count_tokens", lambda text: counted.append(text) or 1)
    many = " ".join(f"[a{n}:b{n}:0,150]" for n in range(6))
    shown = Playground(desk).run(many, "Euler a", 150, 0, "webui")
    assert "more rows are left out" in shown and shown.count("</tr>") == 1 + 400 and 0 < len(counted) <= 400


def test_tokens_are_left_out_where_the_webui_cant_count(desk, monkeypatch):
    monkeypatch.setattr(desk.host, "count_tokens", lambda text: 1 / 0)
    assert "<td>a red hat</td><td></td>" in Playground(desk).run("a red hat", "Euler a", 5, 0, "webui")


def test_names_of_uploads_are_only_names():
    names = ["../../x.png", "C:\\x.png", "/etc/passwd", "..", "", ".hidden", "a\0b.png", HOSTILE]
    for name, upload in zip(names, uploads.read(sent(*((name, b"") for name in names))), strict=True):
        assert re.fullmatch(r"[\w ()+-][\w .()+-]*", upload.name), name
    with pytest.raises(ValueError, match="too large"):
        uploads.read("x" * (uploads.MOST_BYTES * 2))


def test_the_heat_map_is_dark_where_pictures_agree_and_brighter_with_the_difference():
    one = family.portraits(1)[0]
    assert set(heat(one, one, 4).getdata()) == {0}
    levels = list(heat((one + 0.1).clamp(0, 1) * 0 + 0.1, one * 0, 4).getdata())
    assert set(levels) == {102}
    found = palette()
    luma = [0.2126 * found[n] + 0.7152 * found[n + 1] + 0.0722 * found[n + 2] for n in range(0, 768, 3)]
    assert len(found) == 768 and all(b > a - 1 for a, b in itertools.pairwise(luma))
    image = Image.open(io.BytesIO(base64.b64decode(data_url(one).partition(",")[2])))
    assert image.tobytes() == to_image(one).tobytes(), "pictures reach the page without loss"


def blocks_of(page):
    return [block for block in page.blocks.values() if getattr(block, "elem_id", None)]


def test_the_page_can_be_built_again_and_takes_no_path_from_a_client(desk):
    for _ in range(2):
        ((page, title, name),) = tab.build(desk.host)
        assert (title, name) == ("VAE Face", "vaeface")
        ids = [block.elem_id for block in blocks_of(page)]
        assert len(ids) == len(set(ids)) and all(one.startswith("vaeface_") for one in ids)
        taking = (gr.File, gr.UploadButton, gr.Image, gr.Gallery, gr.Video, gr.Audio)
        assert not [block for block in page.blocks.values() if isinstance(block, taking)]


def test_building_looks_at_the_folders_once(desk, monkeypatch):
    refresh, looks = Library.refresh, []
    monkeypatch.setattr(Library, "refresh", lambda library: looks.append(1) or refresh(library))
    ((page, _, _),) = tab.build(desk.host)
    assert looks == [1]
    (whose,) = (block for block in blocks_of(page) if block.elem_id == "vaeface_bridge_whose")
    assert "foreign.safetensors" in str(whose.choices) and "onerror" not in str(whose.choices)


def test_a_part_that_cant_be_built_costs_that_part_only(desk, monkeypatch):
    monkeypatch.setattr(desk.host, "samplers", lambda: 1 / 0)
    ((page, _, _),) = tab.build(desk.host)
    ids = {block.elem_id for block in blocks_of(page)}
    assert "vaeface_compare_run" in ids and "vaeface_playground_run" not in ids


def test_scripts_for_uploads_send_as_many_values_as_there_are_inputs(desk):
    ((page, _, _),) = tab.build(desk.host)
    events = [event for event in page.get_config_file()["dependencies"] if event["js"]]
    assert len(events) == 8
    for event in events:
        assert f".slice(0, {len(event['inputs'])})" in event["js"]


def test_the_playground_reads_what_generations_read(desk, monkeypatch):
    part = Playground(desk)
    window = "a [red:3-5] hat"
    assert window not in part.run(window, "Euler a", 10, 0, "webui")
    monkeypatch.setitem(desk.host.options, "vaeface_native_syntax", True)
    assert window in part.run(window, "Euler a", 10, 0, "webui")
