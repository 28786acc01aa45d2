"""The tab's part "Faces" in a real browser: boxes by mouse and keyboard, the text, the panels, faces decoded again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.serving import Server
from tests.browser.test_page import open_tab, screenshot
from tests.browser.test_tab import open_part

pytestmark = [pytest.mark.browser, pytest.mark.torch]

TEXT = "#vaeface_faces_boxes textarea"
AREA = "#vaeface_faces_shown .vaeface-boxes-area"
SIDE = 128


def picture() -> dict[str, Any]:
    """Nobody is on it."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((SIDE, SIDE)).convert("RGB").save(buffer, format="PNG")
    return {"name": "ramp.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def boxes(page: Any) -> list[list[float]]:
    return [[float(edge) for edge in part.split(",")] for part in page.input_value(TEXT).split(";") if part.strip()]


def drawn(page: Any) -> list[list[float]]:
    """Left, top, right, bottom of the frames that are seen, as shares of the picture."""
    return page.evaluate(f"""() => {{
        const area = document.querySelector("{AREA}").getBoundingClientRect();
        return Array.from(document.querySelectorAll("{AREA} .vaeface-box:not([hidden])"), (one) => {{
            const box = one.getBoundingClientRect();
            return [(box.left - area.left) / area.width, (box.top - area.top) / area.height,
                    (box.right - area.left) / area.width, (box.bottom - area.top) / area.height];
        }});
    }}""")


def near(found: list[list[float]], wanted: list[list[float]]) -> bool:
    pairs = zip(found, wanted, strict=True)
    return all(abs(a - b) < 0.02 for one, other in pairs for a, b in zip(one, other, strict=True))


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one place of the picture to another, in shares of its sides."""
    page.locator(AREA).scroll_into_view_if_needed()
    area = page.locator(AREA).bounding_box()
    for n, (x, y) in enumerate((start, end)):
        page.mouse.move(area["x"] + x * area["width"], area["y"] + y * area["height"], steps=5)
        (page.mouse.up if n else page.mouse.down)()


def test_boxes_by_mouse_and_keyboard_and_into_the_panel(page: Any, server: Server, tmp_path: Path) -> None:
    open_part(page, "Faces")
    page.check("#vaeface_faces_source input[value='A file of mine']")
    page.set_input_files("#vaeface_faces_drop input", picture())
    page.wait_for_function("document.querySelector('#vaeface_faces_drop').textContent.includes('ramp.png')")
    page.click("#vaeface_faces_find")
    page.wait_for_selector("#vaeface_faces_found [role=status]:has-text('No face was found')")
    assert drawn(page) == boxes(page) == []

    drag(page, (0.1, 0.2), (0.4, 0.6))
    assert near(boxes(page), [[0.1, 0.2, 0.4, 0.6]]) and near(drawn(page), boxes(page))
    drag(page, (0.9, 0.9), (0.6, 0.5))  # backwards
    assert near(boxes(page)[1:], [[0.6, 0.5, 0.9, 0.9]])
    drag(page, (0.3, 0.4), (0.4, 0.3))  # inside the first: it is moved
    assert near(boxes(page), [[0.2, 0.1, 0.5, 0.5], [0.6, 0.5, 0.9, 0.9]])
    drag(page, (0.5, 0.5), (0.55, 0.6))  # its corner: it is resized
    assert near(boxes(page)[:1], [[0.2, 0.1, 0.55, 0.6]]) and near(drawn(page), boxes(page))
    page.keyboard.press("Shift+ArrowLeft")
    assert near(boxes(page)[:1], [[0.2 - 10 / SIDE, 0.1, 0.55 - 10 / SIDE, 0.6]])
    page.keyboard.press("Control+ArrowDown")
    assert abs(boxes(page)[0][3] - 0.6 - 1 / SIDE) < 0.01
    assert [page.inner_text(f"{AREA} .vaeface-box >> nth={n} >> b") for n in range(2)] == ["1", "2"]
    screenshot(page, "tab-faces-drawn", tmp_path)

    page.click("#vaeface_faces_use_txt2img")
    page.wait_for_selector(".vaeface-faces-used:has-text('2 boxes are in the panel of txt2img')")
    there = "#script_txt2img_vae_face_face_boxes textarea, #script_txt2img_vae_face_face_boxes input"
    assert page.input_value(there) == page.input_value(TEXT)

    page.focus(f"{AREA} .vaeface-box >> nth=0")
    page.keyboard.press("Delete")
    assert near(boxes(page), [[0.6, 0.5, 0.9, 0.9]]) and near(drawn(page), boxes(page))
    page.fill(TEXT, "0.25,0.25,0.5,0.5; 1,2; 64,64,128,128")
    assert near(drawn(page), [[0.25, 0.25, 0.5, 0.5], [0.5, 0.5, 1, 1]])
    assert "Box 2 can't be drawn" in page.inner_text("#vaeface_faces_shown .vaeface-boxes-said")
    drag(page, (0.3, 0.3), (0.4, 0.3))
    assert page.input_value(TEXT).endswith("; 1,2; 64,64,128,128"), "what can't be drawn stays"

    page.click("#vaeface_faces_run")
    page.wait_for_selector("#vaeface_faces_done [role=alert]:has-text('box 2')")
    page.fill(TEXT, "0.25,0.25,0.75,0.75")
    page.click("#vaeface_faces_run")
    page.wait_for_selector("#vaeface_faces_result .vaeface-viewer[data-ready]")
    assert "decoded" in page.inner_text("#vaeface_faces_done table")
    page.click("#vaeface_faces_save")
    page.wait_for_selector("#vaeface_faces_saved p:has-text('Saved as')")
    assert near(drawn(page), [[0.25, 0.25, 0.75, 0.75]])
    open_tab(page, "txt2img")
