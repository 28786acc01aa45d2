"""Strangers' texts: HTML in every name, prompt and infotext is shown as it is written, in a real browser too."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from .part import Part, Told, nobody, of_child

PROMISE = "HTML of strangers is never run; no body of the API gives an error 500 of ours; no path of the disk is shown"
HOSTILE = "<img src=x onerror=window.hacked=1>"
PANEL = "#script_txt2img_vae_face_"
PARTS = ("Compare", "Inspect", "Bridge", "Faces", "Playground")
OURS = "[id*=vae_face], [id*=vaeface], [class*=vaeface]"
# The gallery's links to the files that it shows are gradio's.
SHOWN = f"document.body.innerText + Array.from(document.querySelectorAll('{OURS}'), (one) => one.outerHTML).join()"
PATIENCE_MS = 240_000


def torture(count: int = 300, seed: int = 0, told: Told = nobody, browser: bool = True) -> Part:
    """count: bodies of the API. RuntimeError: no Chrome was found."""
    part = of_child("page", PROMISE, {"count": count, "seed": seed}, told)
    if browser:
        with part.timed():
            look(part)
    return part


def look(part: Part) -> None:
    """A pocket WebUI with hostile files, seen by a Chrome."""
    from playwright.sync_api import sync_playwright

    from devtools import chromium
    from tests.browser.conftest import CHROME_FLAGS
    from tests.browser.serving import open_page, serve

    path = chromium.find()
    if path is None:
        raise RuntimeError("no Chrome or Chromium was found")
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server, sync_playwright() as engine:
        data = Path(folder)
        _write(data)
        chrome = engine.chromium.launch(executable_path=path, headless=True, args=CHROME_FLAGS)
        page = chrome.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE_MS)
        open_page(page, server)
        for name, use in (("a prompt", _prompt), ("the panel", _panel), ("an infotext", _infotext), ("the tab", _tab)):
            use(page)
            part.count("places looked at in the browser")
            if page.evaluate("window.hacked"):
                part.fail(f"{name}: HTML was run")
                page.evaluate("window.hacked = undefined")
            if page.locator("img[src=x]").count():
                part.fail(f"{name}: HTML of a stranger is in the page")
            _no_paths(part, name, page.evaluate(SHOWN), data)
        chrome.close()


def _write(data: Path) -> None:
    """VAE files with HTML for a name: one that fits, one that is none."""
    folder = data / "models" / "VAE"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(data / "models" / "Stable-diffusion" / "tiny.safetensors", folder / f"{HOSTILE}.safetensors")
    (folder / f"{HOSTILE} broken.safetensors").write_bytes(b"<html>")


def _generate(page: Any) -> None:
    """Another picture; every one has another seed, so its infotext differs from what is shown."""
    shown = "document.querySelector('#html_info_txt2img').textContent"
    before = page.evaluate(shown)
    page.click("#txt2img_generate")
    page.wait_for_function(f"(before) => {shown}.includes('Steps:') && {shown} !== before", arg=before)
    page.wait_for_selector(".progressDiv", state="detached")


def _prompt(page: Any) -> None:
    from tests.browser.test_page import set_number

    page.fill("#txt2img_prompt textarea", f"{HOSTILE} [a:{HOSTILE}:0.5] [b:c:{HOSTILE}] [d:e:1,2")
    for name, value in (("steps", 2), ("width", 64), ("height", 64)):
        set_number(page, f"txt2img_{name}", value)
    page.check(f"{PANEL}enabled-visible-checkbox")
    _generate(page)


def _panel(page: Any) -> None:
    page.click(f"{PANEL}enabled .label-wrap > span:not(.icon)")
    page.wait_for_selector(f"{PANEL}vae_files .vaeface-files")
    page.check(f"{PANEL}vae input")
    for name in (f"{HOSTILE}.safetensors", f"{HOSTILE} broken.safetensors"):
        page.fill(f"{PANEL}vae_name input", name)
        page.keyboard.press("Enter")
        page.locator(f"{PANEL}vae_name input").blur()
        page.wait_for_timeout(500)
        _generate(page)


def _infotext(page: Any) -> None:
    ours = {"v": 1, "version": HOSTILE, "host": HOSTILE, "notes": [HOSTILE], "error": HOSTILE}
    vae = {"v": 1, "name": HOSTILE, "hash": HOSTILE, "used": HOSTILE, "why": HOSTILE}
    faces = {"v": 1, "prompt": HOSTILE, "found": [{"done": HOSTILE, "said": [HOSTILE], "box": HOSTILE}]}
    keys = {"VAE Face": ours, "VAE Face VAE": vae, "VAE Face faces": faces}
    told = ", ".join(f"{key}: {json.dumps(json.dumps(value))}" for key, value in keys.items())
    page.fill("#txt2img_prompt textarea", f"a cat\nSteps: 2, Size: 64x64, {told}")
    page.click("#txt2img_tools #paste")
    page.wait_for_function("document.querySelector('#txt2img_prompt textarea').value === 'a cat'")
    page.wait_for_timeout(1000)
    _generate(page)


def _tab(page: Any) -> None:
    page.click("#tabs > .tab-nav > button:has-text('VAE Face')")
    for name in PARTS:
        button = page.locator(f"#vaeface_tabs > .tab-nav > button:has-text('{name}')")
        if button.count():
            button.first.click()
            page.wait_for_timeout(1500)


def _no_paths(part: Part, name: str, text: str, data: Path) -> None:
    """The folder of the person's data must not be told, in what is read or in elements of ours."""
    for found in (str(data), str(data.resolve())):
        at = text.find(found)
        if at >= 0:
            part.fail(f"{name}: a path is shown: ...{text[max(0, at - 200) : at + 120]}")
            return
