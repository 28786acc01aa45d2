"""The tab "VAE Face" in a real browser: a saved latent compared, the slider, the pairing test."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.browser.serving import Server
from tests.browser.test_page import open_tab, screenshot

pytestmark = [pytest.mark.browser, pytest.mark.torch]

HANDLE = "#vaeface_compare_shown .vaeface-handle"


@pytest.fixture(scope="module")
def vae(server: Server) -> str:
    """A file that fits the tiny model: the model itself, named as a VAE."""
    shutil.copy(server.model, server.vae_folder / "kin.safetensors")
    return "kin.safetensors"


@pytest.fixture
def latent_file(tmp_path: Path) -> Path:
    """Latents that say nothing of whose they are."""
    import numpy
    from safetensors.numpy import save_file

    path = tmp_path / "saved.safetensors"
    save_file({"latents": numpy.random.default_rng(0).standard_normal((2, 4, 8, 8), numpy.float32)}, str(path))
    return path


def open_part(page: Any, name: str) -> None:
    open_tab(page, "VAE Face")
    page.click(f"#vaeface_tabs > .tab-nav > button:has-text('{name}')")
    page.wait_for_selector(f"#vaeface_tab_{name.lower()}", state="visible")


def choose(page: Any, elem_id: str, text: str) -> None:
    page.click(f"#{elem_id} input")
    page.click(f"#{elem_id} li:has-text('{text}')")


def shown_part(page: Any) -> int:
    return int(page.get_attribute(HANDLE, "aria-valuenow"))


def test_a_saved_latent_is_compared_and_the_slider_dragged(
    page: Any, server: Server, vae: str, latent_file: Path, tmp_path: Path
) -> None:
    open_part(page, "Compare")
    page.check("#vaeface_compare_source input[value='A file of mine']")
    page.set_input_files("#vaeface_compare_drop input", str(latent_file))
    page.wait_for_function("document.querySelector('#vaeface_compare_drop').textContent.includes('saved.safetensors')")
    choose(page, "vaeface_compare_whose", "Built-in")
    page.click("#vaeface_compare_refresh")
    page.wait_for_selector(f"#vaeface_compare_vaes label:has-text('{vae}') input:checked")
    for name in page.locator("#vaeface_compare_vaes label").all_inner_texts():
        if name.strip() != vae:  # other tests' files fit as well
            page.uncheck(f"#vaeface_compare_vaes label:has-text('{name.strip()}') input")
    page.click("#vaeface_compare_run")
    page.wait_for_selector("#vaeface_compare_shown .vaeface-viewer[data-ready]")
    assert page.locator("#vaeface_compare_shown figure").count() == 2
    assert page.evaluate("document.querySelector('#vaeface_compare_shown .vaeface-left img').naturalWidth") == 64

    handle = page.locator(HANDLE)
    handle.scroll_into_view_if_needed()
    box = page.locator("#vaeface_compare_shown .vaeface-stage").bounding_box()
    y = box["y"] + min(box["height"] / 2, 100)
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, y, steps=5)
    page.mouse.up()
    assert abs(shown_part(page) - 80) <= 1
    page.keyboard.press("ArrowLeft")
    assert abs(shown_part(page) - 79) <= 1
    page.keyboard.press("Home")
    assert shown_part(page) == 0
    page.keyboard.press("+")
    zoom = "getComputedStyle(document.querySelector('#vaeface_compare_shown .vaeface-left img')).transform"
    assert page.evaluate(zoom).startswith("matrix(1.25")

    page.select_option("#vaeface_compare_shown .vaeface-select-number", label="2")
    page.select_option("#vaeface_compare_shown .vaeface-select-mode", "heat")
    alt = page.get_attribute("#vaeface_compare_shown .vaeface-right img", "alt")
    assert alt == f"{vae}, difference 2"
    page.click("#vaeface_compare_save")
    page.wait_for_selector("#vaeface_compare_saved p:has-text('vae-compare')")
    screenshot(page, "tab-compare-light", tmp_path)


def test_the_pairing_test_and_an_error_in_words(page: Any, vae: str, tmp_path: Path) -> None:
    open_part(page, "Inspect")
    page.wait_for_selector(f"#vaeface_inspect_files td:has-text('{vae}')")
    choose(page, "vaeface_inspect_vae", vae)
    page.click("#vaeface_inspect_pair")
    page.wait_for_selector("#vaeface_inspect_pictures .vaeface-viewer[data-ready]")
    said = page.inner_text("#vaeface_inspect_said")
    assert "fits" in said and "gain" in said and "a flat colour would give" in said
    screenshot(page, "tab-inspect-light", tmp_path)
    page.click("#vaeface_tabs > .tab-nav > button:has-text('Compare')")
    page.check("#vaeface_compare_source input[value='A file of mine']")
    page.click("#vaeface_compare_run")
    page.wait_for_selector("#vaeface_compare_said [role=alert]:has-text('Choose a file')")
    open_part(page, "Playground")
    page.click("#vaeface_playground_run")
    page.wait_for_selector("#vaeface_playground_shown .vaeface-strip")
    assert "blue hair" in page.inner_text("#vaeface_playground_shown")
