"""Presets in a real browser: saved, there after the page is loaded again, chosen, reverted, deleted, carried along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.serving import Server, open_page
from tests.browser.test_page import open_tab, screenshot

pytestmark = [pytest.mark.browser, pytest.mark.torch]

HOSTILE = "<img src=x onerror=window.hacked=1>"


@pytest.fixture
def folder(server: Server) -> Iterator[Path]:
    """Where presets are, emptied after the test."""
    found = server.data / "vaeface" / "presets"
    yield found
    for path in found.glob("*.json"):
        path.unlink()


def of(name: str, tab: str = "txt2img") -> str:
    return f"#script_{tab}_vae_face_{name}"


def open_panel(page: Any, tab: str = "txt2img") -> None:
    page.click(f"{of('enabled', tab)} .label-wrap > span:not(.icon)")
    page.wait_for_selector(f"{of('preset', tab)} input", state="visible")


def strength(page: Any, tab: str = "txt2img") -> str:
    return page.input_value(f"{of('face_strength', tab)} input[type=number]")


def set_strength(page: Any, value: str) -> None:
    page.fill(f"{of('face_strength')} input[type=number]", value)
    page.keyboard.press("Tab")


def name_it(page: Any, name: str) -> None:
    page.fill(f"{of('preset_name')} textarea, {of('preset_name')} input", name)


def save_as(page: Any, name: str) -> None:
    name_it(page, name)
    page.click(of("preset_save"))
    page.wait_for_selector(f"{of('preset_said')}:has-text('is saved')")


def choose(page: Any, name: str, tab: str = "txt2img") -> None:
    """As soon as it is in the list, which is asked for when the panel is opened."""
    entry = f"{of('preset', tab)} li[aria-label^='{name}']"
    for _ in range(60):
        page.click(f"{of('preset', tab)} input")
        page.wait_for_timeout(250)
        if page.locator(entry).count():
            page.click(entry)
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} is not in the list")


def listed(page: Any, tab: str) -> list[str]:
    page.click(f"{of('preset', tab)} input")
    page.wait_for_selector(f"{of('preset', tab)} li")
    found = page.locator(f"{of('preset', tab)} li").all_inner_texts()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    return [text.replace("✓", "").strip() for text in found]


def wait_for(page: Any, condition: str) -> None:
    page.wait_for_function(condition)


def lit(page: Any) -> str:
    return f"!document.querySelector('{of('preset_revert')}').disabled"


def test_a_preset_is_kept_over_a_reload_chosen_reverted_and_deleted(
    page: Any, server: Server, folder: Path, tmp_path: Path
) -> None:
    open_panel(page)
    assert page.is_disabled(of("preset_revert"))
    page.check(f"{of('faces')} input[type=checkbox]")
    set_strength(page, "0.3")
    save_as(page, "Eyes")
    assert json.loads((folder / "Eyes.json").read_text())["values"]["face_strength"] == 0.3

    open_page(page, server)
    open_panel(page)
    page.uncheck(f"{of('enabled')}-visible-checkbox")
    assert strength(page) == "0"
    choose(page, "Eyes")
    wait_for(page, f"document.querySelector('{of('face_strength')} input[type=number]').value === '0.3'")
    assert page.is_checked(f"{of('faces')} input[type=checkbox]")
    wait_for(page, f"document.querySelector('{of('enabled')}-visible-checkbox').checked")
    assert page.is_checked(f"{of('enabled')}-checkbox input")
    page.wait_for_timeout(500)
    assert page.is_disabled(of("preset_revert")), "nothing differs yet"

    set_strength(page, "0.7")
    wait_for(page, lit(page))
    screenshot(page, "presets-light", tmp_path)
    page.click(of("preset_revert"))
    wait_for(page, f"document.querySelector('{of('face_strength')} input[type=number]').value === '0.3'")
    wait_for(page, f"!({lit(page)})")

    page.click(of("preset_delete"))
    page.wait_for_selector(of("preset_yes"), state="visible")
    page.click(of("preset_no"))
    page.wait_for_selector(of("preset_yes"), state="hidden")
    assert (folder / "Eyes.json").is_file()
    page.click(of("preset_delete"))
    page.click(of("preset_yes"))
    page.wait_for_selector(f"{of('preset_said')}:has-text('is deleted')")
    assert not (folder / "Eyes.json").exists() and (folder / "deleted" / "Eyes.json").is_file()
    assert "Eyes" not in listed(page, "txt2img")


def test_both_tabs_have_what_one_has_saved(page: Any, folder: Path) -> None:
    open_panel(page)
    set_strength(page, "0.4")
    save_as(page, "For both")
    open_tab(page, "img2img")
    open_panel(page, "img2img")
    choose(page, "For both", "img2img")
    wait_for(page, f"document.querySelector('{of('face_strength', 'img2img')} input[type=number]').value === '0.4'")


def test_factory_presets_switch_on_and_can_not_be_deleted(page: Any, folder: Path) -> None:
    open_panel(page)
    page.uncheck(f"{of('enabled')}-visible-checkbox")
    choose(page, "Group photo")
    wait_for(page, f"document.querySelector('{of('face_strength')} input[type=number]').value === '0.4'")
    wait_for(page, f"document.querySelector('{of('enabled')}-visible-checkbox').checked")
    assert "thorough search" in page.inner_text(of("preset_said"))
    page.click(of("preset_delete"))
    page.wait_for_selector(f"{of('preset_said')}:has-text('be deleted')")


def test_hostile_names_are_text_and_are_refused(page: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{HOSTILE}.json").write_text("{}")
    (folder / "bad.json").write_text(json.dumps({"schema": 1, "values": {"vae_name": HOSTILE, "face_prompt": HOSTILE}}))
    open_panel(page)
    page.click(of("preset_refresh"))
    page.wait_for_selector(f"{of('preset_said')}:has-text('was left alone')")
    name_it(page, HOSTILE)
    page.click(of("preset_save"))
    page.wait_for_selector(f"{of('preset_said')}:has-text('is not allowed in it')")
    choose(page, "bad")
    page.wait_for_selector(f"{of('preset_said')}:has-text('is not on this machine')")
    assert page.input_value(f"{of('face_prompt')} textarea") == HOSTILE
    assert page.evaluate("window.hacked") is None
    assert page.locator(f"{of('preset_said')} img, {of('preset')} img").count() == 0


def test_export_and_import(page: Any, folder: Path, tmp_path: Path) -> None:
    open_panel(page)
    set_strength(page, "0.6")
    save_as(page, "Carried")
    page.click(f"{of('preset_exchange')} .label-wrap")
    with page.expect_download() as waiting:
        page.click(of("preset_export"))
    saved = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(saved)
    (folder / "Carried.json").unlink()
    page.set_input_files(f"{of('preset_drop')} input[type=file]", saved)
    page.wait_for_selector(f"{of('preset_drop')} .vaeface-drop-name:has-text('presets')")
    page.click(of("preset_import"))
    page.wait_for_selector(f"{of('preset_said')}:has-text('Added: Carried.')")
    assert json.loads((folder / "Carried.json").read_text())["values"]["face_strength"] == 0.6
    screenshot(page, "presets-exchange", tmp_path)
