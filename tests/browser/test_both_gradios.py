"""The extension's page in A1111's gradio and in Forge's: `dev.py test` runs this file in two environments."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.serving import Server, host_mode, open_page
from tests.browser.test_page import open_tab, prepare, wait_for_result

pytestmark = [pytest.mark.browser, pytest.mark.torch]
PANEL = "#script_txt2img_vae_face_enabled"
PROMPT = "a woman with [red:blue:0.5] hair"


def enable(page: Any, tab: str = "txt2img") -> None:
    page.check(f"#script_{tab}_vae_face_enabled-visible-checkbox")


def paint(page: Any) -> str:
    """The infotext of a new picture."""
    prepare(page, steps=4)
    page.fill("#txt2img_prompt textarea", PROMPT)
    page.click("#txt2img_generate")
    wait_for_result(page)
    return page.inner_text("#html_info_txt2img")


def test_enabled_it_tells_what_it_did_and_pasting_brings_it_back(page: Any, server: Server) -> None:
    enable(page)
    text = paint(page)
    host = {"forge": "Forge", "a1111": "A1111"}[host_mode()]
    assert f'\\"host\\":\\"{host}\\"' in text and '\\"calls\\":4,\\"conditionings\\":2' in text
    open_page(page, server)
    assert not page.is_checked(f"{PANEL}-visible-checkbox")
    page.fill("#txt2img_prompt textarea", text)
    page.click("#paste")
    page.wait_for_function(f"document.querySelector('{PANEL}-visible-checkbox').checked")
    page.wait_for_function(f"document.querySelector('#txt2img_prompt textarea').value === '{PROMPT}'")


def test_a_picture_without_us_switches_us_off(page: Any) -> None:
    text = paint(page)
    assert "VAE Face" not in text
    enable(page)
    page.fill("#txt2img_prompt textarea", text)
    page.click("#paste")
    page.wait_for_function(f"!document.querySelector('{PANEL}-visible-checkbox').checked")


def test_the_tab_knows_the_last_picture(page: Any) -> None:
    enable(page)
    paint(page)
    open_tab(page, "VAE Face")
    page.click("#vaeface_compare_run")
    said = "document.querySelector('#vaeface_compare_said').textContent"
    page.wait_for_function(f"{said}.includes('Its model painted the last generation')")
