"""The panel in a real browser: the status in its header, the lists of VAE files, tooltips."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lib_vaeface.settings import FIELDS
from tests.browser.serving import ROOT, Server, open_page
from tests.browser.test_page import screenshot

pytestmark = [pytest.mark.browser, pytest.mark.torch]

PANEL = "#script_txt2img_vae_face_"
STATUS = f"{PANEL}enabled .vaeface-status"


@pytest.fixture(scope="module")
def folder(server: Server) -> Path:
    """The WebUI's VAE folder, with one file that fits and one that does not."""
    shutil.copy(server.model, server.vae_folder / "panel-kin.safetensors")
    shutil.copy(ROOT / "tests" / "fixtures" / "taef2.safetensors", server.vae_folder / "panel-other.safetensors")
    return server.vae_folder


def open_panel(page: Any) -> None:
    page.click(f"{PANEL}enabled .label-wrap > span:not(.icon)")
    page.wait_for_selector(f"{PANEL}vae_files .vaeface-files")


def listed(page: Any) -> list[str]:
    """What the list of the VAE picker offers."""
    page.click(f"{PANEL}vae_name input")
    page.wait_for_selector(f"{PANEL}vae_name ul li")
    texts = [text.replace("✓", "").strip() for text in page.locator(f"{PANEL}vae_name ul li").all_inner_texts()]
    page.keyboard.press("Escape")
    page.locator(f"{PANEL}vae_name input").blur()
    return texts


def typed(page: Any, name: str) -> None:
    page.fill(f"{PANEL}vae_name input", name)
    page.keyboard.press("Enter")
    page.locator(f"{PANEL}vae_name input").blur()


def wait_for_status(page: Any, text: str) -> None:
    page.wait_for_function("([place, text]) => document.querySelector(place).textContent === text", arg=[STATUS, text])


def test_opening_the_panel_lists_what_fits_and_sets_the_rest_apart(page: Any, folder: Path, tmp_path: Path) -> None:
    open_panel(page)
    assert page.locator(f"{PANEL}vae_name_card .vaeface-card").first.inner_text().startswith("Takes the VAE of tiny")
    names = listed(page)
    assert names[:2] == ["Automatic", "Built-in"]
    assert "panel-kin.safetensors" in names and "panel-other.safetensors" not in names
    page.click(f"{PANEL}vae_name input")
    page.wait_for_selector(f'{PANEL}vae_name li[data-vaeface="fits"]', state="attached")
    page.keyboard.press("Escape")
    page.locator(f"{PANEL}vae_name input").blur()
    page.click(f"{PANEL}vae_files summary")
    apart = page.locator(f"{PANEL}vae_files .vaeface-table", has_text="These can't be picked").last.inner_text()
    assert "panel-other.safetensors" in apart and "32 latent channels" in apart and "panel-kin" not in apart
    screenshot(page, "panel-vae-files", tmp_path)

    typed(page, "panel-other.safetensors")
    page.wait_for_selector(f"{PANEL}vae_name_card .vaeface-fit-does-not-fit")
    page.check(f"{PANEL}vae input")
    wait_for_status(page, "schedule · panel-other does not fit")
    typed(page, "panel-kin.safetensors")
    wait_for_status(page, "schedule · panel-kin")

    (folder / "panel-new.safetensors").write_bytes((folder / "panel-kin.safetensors").read_bytes())
    page.click(f"{PANEL}vae_refresh")
    page.wait_for_function(f"document.querySelector('{PANEL}vae_files').textContent.includes('panel-new')")
    assert "panel-new.safetensors" in listed(page)
    assert page.input_value(f"{PANEL}vae_name input") == "panel-kin.safetensors", "a list alone changes no choice"


def test_the_header_tells_what_is_set(page: Any, folder: Path, server: Server, tmp_path: Path) -> None:
    assert page.locator(STATUS).inner_text() == "", "nothing is prepared, nothing is on"
    open_panel(page)
    wait_for_status(page, "schedule")
    page.check(f"{PANEL}faces input")
    wait_for_status(page, "schedule · faces: decode")
    page.fill(f"{PANEL}face_strength input[type=number]", "0.35")
    page.keyboard.press("Tab")
    page.check(f"{PANEL}timing input[value=exact]")
    wait_for_status(page, "schedule, exact · faces: refine 0.35")
    page.uncheck(f"{PANEL}faces input")
    wait_for_status(page, "schedule, exact · faces: refine 0.35 (off)")
    page.check(f"{PANEL}faces input")
    page.uncheck(f"{PANEL}enabled-visible-checkbox")
    page.wait_for_function(f"document.querySelector('{STATUS}').textContent.startsWith('off · ')")
    assert page.locator(f"{STATUS} span:not(.vaeface-off)").count() == 0
    page.check(f"{PANEL}enabled-visible-checkbox")
    page.fill("#txt2img_prompt textarea", "a [red:blue:0.5] hat, [cat|dog], [fox:3-5]")
    wait_for_status(page, "3 switches, exact · faces: refine 0.35")
    page.fill("#txt2img_prompt textarea", "a hat")
    wait_for_status(page, "schedule, exact · faces: refine 0.35")

    keys = {"VAE Face": {"v": 1}, "VAE Face VAE": {"v": 1, "name": "Built-in"}}
    ours = ", ".join(f"{key}: {json.dumps(json.dumps(value))}" for key, value in keys.items())
    pasted = f"a cat\nSteps: 4, Size: 64x64, {ours}"
    page.fill("#txt2img_prompt textarea", pasted)
    page.click("#paste")
    page.wait_for_function(f"document.querySelector('{STATUS}').textContent.includes('VAE: Built-in')")
    assert "faces: refine 0.35 (off)" in page.locator(STATUS).inner_text()


def test_another_checkpoint_is_looked_at_again(page: Any, folder: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if r.method == "POST" and "predict" in r.url else None)
    again = "opts.sd_checkpoint_hash = %s; optionsChangedCallbacks.forEach((callback) => callback())"
    page.evaluate(again % "'1'")
    page.wait_for_timeout(500)
    assert not asked, "a closed panel asks nothing"
    open_panel(page)
    before = -1
    while len(asked) != before:  # the presets' list is asked for too, a moment later
        before = len(asked)
        page.wait_for_timeout(2000)
    page.evaluate(again % "'1'")
    page.wait_for_timeout(500)
    assert len(asked) == before, "the same checkpoint"
    with page.expect_request(lambda r: r.method == "POST" and "predict" in r.url):
        page.evaluate(again % "'2'")


def test_every_control_explains_itself(page: Any, server: Server, tmp_path: Path) -> None:
    told = "(id) => (document.querySelector(id + ' > .label-wrap') || document.querySelector(id)).title"
    page.wait_for_timeout(1500)  # A1111's own hints come a second late
    shown = {field.name: page.evaluate(told, f"{PANEL}{field.name}") for field in FIELDS if not field.hidden}
    assert shown == {field.name: field.help for field in FIELDS if not field.hidden}
    said = "document.querySelector('#script_txt2img_vae_face_face_strength input').getAttribute('aria-description')"
    assert page.evaluate(said).startswith("Denoising strength of painting each face again")
    page.set_viewport_size({"width": 420, "height": 900})
    open_page(page, server, "dark")
    open_panel(page)
    for group in ("vae", "faces"):
        page.click(f"{PANEL}more_{group} .label-wrap")
    screenshot(page, "panel-dark-narrow", tmp_path)
    wide = "(id) => { const box = document.querySelector(id); return box.scrollWidth - box.clientWidth; }"
    assert page.evaluate(wide, f"{PANEL}enabled") <= 1, "nothing stands out of the panel"
