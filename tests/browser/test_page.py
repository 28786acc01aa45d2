"""The pocket WebUI's page in a real browser."""

from __future__ import annotations

import base64
import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.serving import Server, open_page

pytestmark = [pytest.mark.browser, pytest.mark.torch]


def set_number(page: Any, elem_id: str, value: object) -> None:
    page.fill(f"#{elem_id} input[type=number]", str(value))
    page.keyboard.press("Tab")


def prepare(page: Any, tab: str = "txt2img", steps: int = 2) -> None:
    for side in ("width", "height"):
        set_number(page, f"{tab}_{side}", 64)
    set_number(page, f"{tab}_steps", steps)
    page.fill(f"#{tab}_prompt textarea", "a woman with red hair")


def wait_for_result(page: Any, tab: str = "txt2img") -> None:
    page.wait_for_selector(f"#{tab}_gallery img[data-testid], #{tab}_gallery .thumbnails img")
    page.wait_for_selector(".progressDiv", state="detached")
    page.wait_for_function(f"document.querySelector('#html_info_{tab}').textContent.includes('Steps:')")


def screenshot(page: Any, name: str, tmp_path: Path) -> Image.Image:
    """Also kept in the folder that $SCREENSHOTS names."""
    data = page.screenshot(full_page=True)
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.png").write_bytes(data)
    return Image.open(io.BytesIO(data)).convert("RGB")


def open_tab(page: Any, name: str) -> None:
    page.click(f"#tabs > .tab-nav > button:has-text('{name}')")


def colored_png(color: str = "teal") -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), color).save(buffer, format="PNG")
    return {"name": "x.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def test_a_prompt_becomes_a_picture(page: Any, tmp_path: Path) -> None:
    prepare(page)
    page.click("#txt2img_generate")
    page.wait_for_selector(".progressDiv", state="attached")
    assert page.is_visible("#txt2img_interrupt") and page.is_visible("#txt2img_skip")
    wait_for_result(page)
    assert not page.is_visible("#txt2img_interrupt")
    assert page.inner_text("#html_info_txt2img").startswith("a woman with red hair")
    assert "Time taken" in page.inner_text("#html_log_txt2img")
    size = page.evaluate("(e => [e.naturalWidth, e.naturalHeight])(document.querySelector('#txt2img_gallery img'))")
    assert size == [64, 64]
    shot = screenshot(page, "txt2img-light", tmp_path)
    assert shot.getpixel((5, 5)) == (255, 255, 255)


def test_interrupt_ends_a_long_job(page: Any) -> None:
    prepare(page, steps=150)
    page.click("#txt2img_generate")
    page.wait_for_function("(document.querySelector('.progressDiv .progress') || {}).textContent?.includes('%')")
    began = time.monotonic()
    page.click("#txt2img_interrupt")
    page.wait_for_selector(".progressDiv", state="detached")
    page.wait_for_selector("#txt2img_generate")
    page.wait_for_selector("#txt2img_interrupting", state="hidden")
    assert time.monotonic() - began < 60
    page.wait_for_function("document.querySelector('#html_info_txt2img').textContent.includes('Steps: 150')")


def test_keys_generate_and_weigh_words(page: Any) -> None:
    prepare(page)
    page.focus("#txt2img_prompt textarea")
    page.keyboard.press("End")
    page.keyboard.press("Control+ArrowUp")
    assert page.input_value("#txt2img_prompt textarea") == "a woman with red (hair:1.1)"
    page.keyboard.press("Control+ArrowDown")
    assert page.input_value("#txt2img_prompt textarea") == "a woman with red hair"
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".progressDiv", state="attached")
    wait_for_result(page)


def test_token_counter_follows_the_prompt(page: Any) -> None:
    page.fill("#txt2img_prompt textarea", "a a a a")
    page.wait_for_function("document.querySelector('#txt2img_token_counter').textContent.includes('4/75')")
    assert page.is_visible("#txt2img_token_counter")


def test_accordion_and_its_checkbox(page: Any) -> None:
    box, hidden = "#txt2img_hr-visible-checkbox", "#txt2img_hr-checkbox input"
    page.click("#txt2img_hr .label-wrap > span:not(.icon)")
    page.wait_for_function(f"document.querySelector('{box}').checked && document.querySelector('{hidden}').checked")
    page.wait_for_function("document.querySelector('#txtimg_hr_finalres').textContent.includes('512x512')")
    assert page.is_visible("#txt2img_hr_upscaler")
    page.uncheck(box)
    page.wait_for_function(f"!document.querySelector('{hidden}').checked")
    assert page.is_visible("#txt2img_hr_upscaler"), "unticking leaves the accordion open"


def test_img2img_and_the_way_there(page: Any, tmp_path: Path) -> None:
    open_tab(page, "img2img")
    page.set_input_files("#img2img_image input[type=file]", colored_png())
    page.wait_for_selector("#img2img_image img")
    prepare(page, "img2img")
    page.click("#img2img_generate")
    wait_for_result(page, "img2img")
    assert "Denoising strength: 0.75" in page.inner_text("#html_info_img2img")
    screenshot(page, "img2img-light", tmp_path)


def draw_from_the_middle(page: Any, where: str) -> None:
    """One stroke, again until it is on the canvas: gradio lays it out anew for a while after the picture is there."""
    canvas = page.wait_for_selector(f"{where} canvas[key='interface']")
    drawn = f"""() => {{
        const canvas = document.querySelector("{where} canvas[key='drawing']"), pen = canvas.getContext('2d');
        return pen.getImageData(canvas.width / 2, canvas.height / 2, 2, 2).data.some((value) => value > 0);
    }}"""
    for _ in range(20):
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] + 60, middle[1] + 40, steps=8)
        page.mouse.up()
        page.wait_for_timeout(250)
        if page.evaluate(drawn):
            return
    raise AssertionError("no stroke reached the canvas")


def test_a_mask_drawn_by_hand(page: Any) -> None:
    open_tab(page, "img2img")
    page.click("#mode_img2img > .tab-nav > button:text-is('Inpaint')")
    page.set_input_files("#img2maskimg input[type=file]", colored_png())
    page.wait_for_selector("#inpaint_controls", state="visible")
    draw_from_the_middle(page, "#img2maskimg")
    page.check("#img2img_inpaint_full_res input[value='Only masked']")
    prepare(page, "img2img")
    page.click("#img2img_generate")
    wait_for_result(page, "img2img")
    infotext = page.inner_text("#html_info_img2img")
    assert "Mask blur: 4" in infotext and "Inpaint area: Only masked" in infotext
    corner, center = page.evaluate("""() => {
        const image = document.querySelector('#img2img_gallery img'), canvas = document.createElement('canvas');
        canvas.width = canvas.height = 64;
        const pen = canvas.getContext('2d');
        pen.drawImage(image, 0, 0, 64, 64);
        return [[2, 2], [33, 33]].map(([x, y]) => Array.from(pen.getImageData(x, y, 1, 1).data));
    }""")
    assert corner[:3] == [0, 128, 128], "outside the mask nothing changes"
    assert center[:3] != [0, 128, 128]


def test_xyz_plot_from_the_page(page: Any) -> None:
    prepare(page)
    page.click("#txt2img_script_container #script_list input")
    page.click("#txt2img_script_container #script_list li:has-text('X/Y/Z plot')")
    page.click("#script_txt2img_xyz_plot_x_type input")
    page.click("#script_txt2img_xyz_plot_x_type li:text-is('Steps')")
    page.fill("#script_txt2img_xyz_plot_x_values textarea, #script_txt2img_xyz_plot_x_values input", "1,2")
    page.click("#txt2img_generate")
    wait_for_result(page)
    assert "X Type: Steps" in page.inner_text("#html_info_txt2img")
    width = page.evaluate("document.querySelector('#txt2img_gallery img').naturalWidth")
    assert width >= 128


def test_a_picture_tells_how_it_was_made(page: Any) -> None:
    prepare(page)
    page.click("#txt2img_generate")
    wait_for_result(page)
    encoded = page.evaluate("""async () => {
        const blob = await (await fetch(document.querySelector('#txt2img_gallery img').src)).blob();
        const reader = new FileReader();
        return await new Promise((done) => { reader.onload = () => done(reader.result); reader.readAsDataURL(blob); });
    }""")
    open_tab(page, "PNG Info")
    page.set_input_files("#pnginfo_image input[type=file]", {
        "name": "x.png", "mimeType": "image/png", "buffer": base64.b64decode(encoded.partition(",")[2])})
    page.wait_for_function("document.querySelector('#pnginfo_html_info').textContent.includes('red hair')")
    page.click("#img2img_tab")
    page.wait_for_function("document.querySelector('#img2img_prompt textarea').value === 'a woman with red hair'")
    assert page.inner_text("#tabs > .tab-nav > button.selected").strip() == "img2img"


def test_settings_are_grouped_found_and_kept(page: Any, tmp_path: Path) -> None:
    open_tab(page, "Settings")
    assert "Saving images" in page.inner_text("#settings > .tab-nav")
    screenshot(page, "settings-light", tmp_path)
    page.fill("#settings_search input, #settings_search textarea", "milliseconds between progress")
    page.wait_for_selector("#setting_live_preview_refresh_period", state="visible")
    assert not page.is_visible("#setting_samples_save")
    page.fill("#setting_live_preview_refresh_period input", "700")
    page.keyboard.press("Tab")
    page.click("#settings_submit")
    # Settings that were never saved count as changed too, as on A1111.
    changed = "document.querySelector('#settings_result').textContent.includes('live_preview_refresh_period')"
    page.wait_for_function(changed)
    page.wait_for_function("opts.live_preview_refresh_period === 700")


def test_dark_theme(page: Any, server: Server, tmp_path: Path) -> None:
    open_page(page, server, "dark")
    page.wait_for_selector("body.dark")
    shot = screenshot(page, "txt2img-dark", tmp_path)
    assert max(shot.getpixel((5, 5))) < 64


def test_reload_ui_comes_back_on_the_same_port(page: Any, server: Server, errors: list[str]) -> None:
    open_tab(page, "Settings")
    said = len(server.log)
    page.click("#settings_restart_gradio")
    page.wait_for_selector("h1.reloading")
    page.wait_for_selector("#txt2img_prompt textarea")
    assert any("Restarting UI" in line for line in server.log[said:])
    # The waiting page asks again and again until the new server is there and has its routes.
    errors.clear()
    prepare(page)
    page.click("#txt2img_generate")
    wait_for_result(page)
