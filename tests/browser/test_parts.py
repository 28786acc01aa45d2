"""What the page loads of our script, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.serving import Server, open_page
from tests.browser.test_page import open_tab
from tests.browser.test_timeline import PROMPT, STRIP, bars

pytestmark = [pytest.mark.browser, pytest.mark.torch]

FOLDER = Path(__file__).parents[2] / "javascript"
TIMELINE = ["clock", "forms", "reading", "schedule", "timeline"]
TAB = ["tab", "faces"]
LOADED = r"[...document.scripts].filter((one) => /\/(vaeface\w*|parts\/\w+)\.js/.test(one.src))"
MOST_BYTES = 15_000


def loaded(page: Any) -> list[str]:
    """Names of our parts on the page, in their order."""
    addresses = page.evaluate(f"{LOADED}.map((one) => one.src)")
    return [Path(one.split("?")[0]).stem for one in addresses if "/parts/" in one]


def wait_for(page: Any, names: list[str]) -> None:
    page.wait_for_function(f"{LOADED}.filter((one) => one.src.includes('/parts/')).length === {len(names)}")
    assert loaded(page) == names


def test_parts_come_when_they_are_wanted_and_once(page: Any) -> None:
    bodies = page.evaluate(f"Promise.all({LOADED}.map((one) => fetch(one.src).then((answer) => answer.text())))")
    ours = {path.read_text(encoding="utf8") for path in FOLDER.glob("*.js")}
    assert ours and set(bodies) == ours and sum(len(body.encode()) for body in bodies) < MOST_BYTES
    page.fill(PROMPT, "a woman, red hair, 35 mm")
    page.evaluate("document.dispatchEvent(new Event('change'))")
    assert not loaded(page)
    page.fill(PROMPT, "a [cat:dog:0.5]")
    bars(page, 1)
    wait_for(page, TIMELINE)
    open_tab(page, "VAE Face")
    wait_for(page, TIMELINE + TAB)
    open_tab(page, "txt2img")
    open_tab(page, "VAE Face")
    page.fill("#txt2img_prompt textarea", "a [cat:dog:fox:0.5,0.7]", force=True)
    bars(page, 1)
    assert loaded(page) == TIMELINE + TAB


def test_their_address_says_when_they_were_changed(page: Any) -> None:
    newest = max(path.stat().st_mtime for path in (FOLDER / "parts").glob("*.js"))
    page.fill(PROMPT, "a [cat:dog:0.5]")
    wait_for(page, TIMELINE)
    addresses = page.evaluate(f"{LOADED}.map((one) => one.src)")
    assert all(float(one.split("?")[1]) == newest for one in addresses if "/parts/" in one)


def test_a_part_that_does_not_come_is_said_once_and_the_page_goes_on(
    page: Any, server: Server, errors: list[str]
) -> None:
    warnings: list[str] = []
    page.on("console", lambda said: warnings.append(said.text) if said.type == "warning" else None)
    page.route("**/parts/reading.js*", lambda route: route.abort())
    open_page(page, server)
    with page.expect_console_message(lambda said: "VAE Face" in said.text):
        page.fill(PROMPT, "a [cat:dog:0.5]")
    page.fill(PROMPT, "a [cat:dog:0.6]")
    page.evaluate("vaefaceStatus()")
    assert loaded(page) == ["clock", "forms", "reading"] and not page.is_visible(STRIP)
    assert len(warnings) == 1 and warnings[0].startswith("VAE Face: no timeline on this page")
    assert errors and all("ERR_FAILED" in one for one in errors), "the browser's own word"
    errors.clear()
