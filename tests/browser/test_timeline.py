"""The timeline strip under the prompt boxes and the syntax card, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from lib_vaeface.schedule.compile import compile_prompt
from lib_vaeface.ui.syntax_card import EXAMPLES
from tests.browser.serving import Server, open_page
from tests.browser.test_page import open_tab, prepare, screenshot, set_number, wait_for_result

pytestmark = [pytest.mark.browser, pytest.mark.torch]

PROMPT = "#txt2img_prompt textarea"
STRIP = "#txt2img_prompt .vaeface-timeline"


def switch_on(page: Any, tab: str = "txt2img") -> None:
    page.evaluate(f"document.querySelector('[id^=script_{tab}_][id$=enabled-visible-checkbox]').click()")
    page.wait_for_function(f"document.querySelector('[id^=script_{tab}_][id$=enabled-checkbox] input').checked")


def bars(page: Any, count: int, strip: str = STRIP) -> list[str]:
    """The labels in the bars, once there are so many."""
    page.wait_for_function(f"document.querySelectorAll('{strip} .vaeface-switch').length === {count}")
    return page.eval_on_selector_all(f"{strip} .vaeface-switch text", "(all) => all.map((one) => one.textContent)")


def axis(page: Any, texts: list[str], strip: str = STRIP) -> None:
    read = f"JSON.stringify([...document.querySelectorAll('{strip} .vaeface-axis')].map((one) => one.textContent))"
    page.wait_for_function(f"{read} === JSON.stringify({texts})")


def said_at(page: Any, share: float, strip: str = STRIP) -> str:
    """What is said where the pointer is, at this share of the strip's width."""
    svg = page.wait_for_selector(f"{strip} svg")
    svg.scroll_into_view_if_needed()
    svg.hover(position={"x": svg.bounding_box()["width"] * share, "y": 10})
    page.wait_for_selector(f"{strip} .vaeface-reading")
    return page.inner_text(f"{strip} .vaeface-say")


def selected(page: Any, area: str = PROMPT) -> tuple[int, int, bool]:
    told = page.eval_on_selector(area, "(a) => [a.selectionStart, a.selectionEnd, document.activeElement === a]")
    return tuple(told)


def test_bars_appear_with_the_first_switch_and_follow_the_page(page: Any) -> None:
    page.fill(PROMPT, "a plain prompt, (with:1.2) [emphasis]")
    page.wait_for_selector(STRIP, state="attached")
    assert not page.is_visible(STRIP)
    page.fill(PROMPT, "a [cat:dog:0.5] and [red|blue]")
    assert bars(page, 2)[:2] == ["cat", "dog"]
    axis(page, ["1", "20"])
    assert said_at(page, 0.12) == "step 3 of 20:  a cat and blue"
    assert said_at(page, 0.92) == "step 19 of 20:  a dog and blue"
    set_number(page, "txt2img_steps", 10)
    axis(page, ["1", "10"])
    page.evaluate("() => { opts.vaeface_timeline = false; document.dispatchEvent(new Event('change')); }")
    page.wait_for_selector(STRIP, state="detached")
    page.evaluate("() => { opts.vaeface_timeline = true; document.dispatchEvent(new Event('change')); }")
    bars(page, 2)
    page.fill(PROMPT, "nothing of it")
    page.wait_for_selector(STRIP, state="hidden")


def test_our_forms_are_drawn_when_switched_on(page: Any) -> None:
    page.fill(PROMPT, "[cat:dog:4,12:smooth] (smile:0.5->1.5)")
    page.wait_for_selector(f"{STRIP} .vaeface-hint")
    assert "is off" in page.inner_text(f"{STRIP} .vaeface-hint")
    switch_on(page)
    assert bars(page, 2) == ["cat", "dog", "smile 0.5 → 1.5"]
    assert not page.is_visible(f"{STRIP} .vaeface-hint")
    heights = """(path) => path.getAttribute("d").split("L").slice(1, -1).map((one) => Number(one.split(" ")[1]))"""
    tops = page.eval_on_selector(f"{STRIP} path", heights)
    bend = [tops[i] - tops[i + 1] for i in range(len(tops) - 1)]
    assert tops[0] == 20 and tops[-1] == 0 and tops == sorted(tops, reverse=True)
    assert max(bend) > 1.4 * sum(bend) / len([step for step in bend if step > 0]), "a curve, no line"
    assert said_at(page, 0.47).startswith("step 10 of 20:")
    page.evaluate("document.querySelector('[id^=script_txt2img_][id$=_timing] input[value=exact]').click()")
    page.fill(PROMPT, "[cat:dog:5]")
    bars(page, 1)
    assert said_at(page, 0.27).endswith("dog")  # call 5 is step 6; the WebUI's own counting begins dog a call later


def test_hires_second_order_samplers_and_denoising_strength(page: Any) -> None:
    page.fill(PROMPT, "[cat:dog:10] [a:b:1.5]")
    page.click("#txt2img_hr .label-wrap > span:not(.icon)")
    axis(page, ["1", "20", "hires 1", "20"])
    set_number(page, "txt2img_hires_steps", 8)
    axis(page, ["1", "20", "hires 1", "8"])
    assert said_at(page, 0.95) == "hires step 7 of 8:  dog b"
    assert said_at(page, 0.3).endswith("cat a")
    page.click("#txt2img_sampling input")
    page.click("#txt2img_sampling li:text-is('Heun')")
    for _ in range(100):
        if said_at(page, 0.26).endswith("dog a"):  # 10 calls are 5 steps
            break
        page.wait_for_timeout(100)
    else:
        raise AssertionError("the strip does not follow the sampler")
    open_tab(page, "img2img")
    page.fill("#img2img_prompt textarea", "[cat:dog:0.5]")
    set_number(page, "img2img_denoising_strength", 0.4)
    axis(page, ["1", "9"], "#img2img_prompt .vaeface-timeline")
    assert said_at(page, 0.97, "#img2img_prompt .vaeface-timeline") == "step 9 of 9:  cat"


def test_a_broken_prompt_is_marked_and_a_click_goes_there(page: Any) -> None:
    switch_on(page)
    text = "a long portrait\nof a [cat:dog:5], [a:b:c:5] and [open:x"
    page.fill(PROMPT, text)
    page.wait_for_function(f"document.querySelectorAll('{STRIP} .vaeface-notes li').length === 2")
    marked = page.eval_on_selector_all(f"{STRIP} .vaeface-place u", "(all) => all.map((one) => one.textContent)")
    assert marked == ["[a:b:c:5]", "[open:x"]
    notes = page.inner_text(f"{STRIP} .vaeface-notes")
    assert all(note.reason in notes and note.instead in notes for note in compile_prompt(text, 20)[0].notes)
    page.click(f"{STRIP} .vaeface-place >> nth=0")
    start = text.index("[a:b:c:5]")
    assert selected(page) == (start, start + 9, True)
    page.fill(PROMPT, text.replace("[a:b:c:5]", "[a:b:c:5,7]").replace("[open:x", ""))
    page.wait_for_selector(f"{STRIP} .vaeface-notes li", state="detached")
    bars(page, 2)


def test_a_bar_leads_to_its_place_by_mouse_and_keyboard(page: Any) -> None:
    text = "a [cat:dog:5] and, 😀, [red|blue]"
    page.fill(PROMPT, text)
    bars(page, 2)
    page.click(f"{STRIP} .vaeface-switch >> nth=1", position={"x": 30, "y": 8})
    second = len(text[: text.index("[red")].encode("utf-16-le")) // 2
    assert selected(page) == (second, second, True)
    page.focus(f"{STRIP} .vaeface-switch >> nth=0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.inner_text(f"{STRIP} .vaeface-say").startswith("step 2 of 20:  a cat and")
    page.keyboard.press("End")
    assert page.inner_text(f"{STRIP} .vaeface-say").startswith("step 20 of 20:  a dog and")
    assert "Enter" in page.get_attribute(f"{STRIP} .vaeface-switch >> nth=0", "aria-label")
    page.keyboard.press("Enter")
    assert selected(page) == (2, 2, True)


HOSTILE = "<img src=x onerror=alert(1)>"


def test_a_hostile_prompt_is_text(page: Any) -> None:
    switch_on(page)
    page.on("dialog", lambda dialog: pytest.fail("a script of the prompt ran"))
    page.fill(PROMPT, f"[{HOSTILE}:<b>x</b>:5] {HOSTILE}")
    bars(page, 1)
    assert said_at(page, 0.1).endswith(f"{HOSTILE} {HOSTILE}")
    page.fill(PROMPT, f"[a:b:c:{HOSTILE}]")
    page.wait_for_selector(f"{STRIP} .vaeface-place")
    assert HOSTILE in page.inner_text(STRIP)
    assert page.eval_on_selector(STRIP, "(strip) => strip.querySelectorAll('img, b').length") == 0


def test_a_monstrous_prompt_does_not_freeze_the_page(page: Any) -> None:
    switch_on(page)
    script = """(text) => {
        window.longest = 0;
        const longer = (entry) => { window.longest = Math.max(window.longest, entry.duration); };
        new PerformanceObserver((list) => list.getEntries().forEach(longer)).observe({entryTypes: ["longtask"]});
        const area = document.querySelector("#txt2img_prompt textarea");
        area.value = text;
        document.dispatchEvent(new Event("change"));
    }"""
    drawn = "new Promise((done) => setTimeout(() => requestAnimationFrame(() => setTimeout(done, 200)), 300))"
    for prompt in ("[" * 100_000, "[a:" * 5000 + "z" + ":5]" * 5000, "[a|b], " * 15_000):
        page.evaluate(script, prompt)
        page.evaluate(drawn)
        assert page.evaluate("window.longest") < 3000, prompt[:10]
    bars(page, 12)
    assert "14988 not drawn" in page.inner_text(STRIP)


def test_prompts_that_the_page_fills_in_by_itself(page: Any) -> None:
    page.fill(PROMPT, "a [cat:dog:3]\nNegative prompt: [blur:fog:2]\nSteps: 9, Sampler: Euler, Seed: 1, Size: 64x64")
    page.click("#txt2img_tools #paste")
    axis(page, ["1", "9"])
    bars(page, 1, "#txt2img_neg_prompt .vaeface-timeline")
    page.evaluate(
        "document.querySelector('#txt2img_prompt').replaceChildren(...document.querySelector("
        "'#txt2img_prompt').querySelectorAll('label'))"
    )  # as when the page is built anew
    bars(page, 1)


def test_no_event_is_sent_while_typing(page: Any) -> None:
    page.evaluate("""() => {
        window.sent = 0;
        document.addEventListener("input", (event) => { window.sent += !event.isTrusted; }, true);
    }""")
    page.click(PROMPT)
    page.keyboard.type("a [cat:dog:5")
    page.keyboard.type("]")
    bars(page, 1)
    assert page.evaluate("window.sent") == 0


def test_examples_go_into_the_prompt_at_the_caret(page: Any) -> None:
    page.fill(PROMPT, "a photo, on grass")
    page.eval_on_selector(PROMPT, "(area) => { area.focus(); area.setSelectionRange(8, 8); }")
    texts = "[...document.querySelector('.vaeface-syntax').querySelectorAll('button')].map((b) => b.textContent)"
    assert page.evaluate(texts) == [form for form, _ in EXAMPLES]
    page.evaluate("document.querySelector('.vaeface-syntax .vaeface-example').click()")
    assert page.input_value(PROMPT) == "a photo, [cat:dog:0.5] on grass"
    bars(page, 1)
    page.focus("#txt2img_neg_prompt textarea")
    page.evaluate("document.querySelectorAll('.vaeface-syntax .vaeface-example')[3].click()")
    assert page.input_value("#txt2img_neg_prompt textarea") == "[cat|dog]"
    prepare_size(page)
    page.click("#txt2img_generate")
    wait_for_result(page)
    assert page.inner_text("#html_info_txt2img").startswith("a photo, [cat:dog:0.5] on grass"), "gradio knows it too"


def prepare_size(page: Any) -> None:
    for side in ("width", "height"):
        set_number(page, f"txt2img_{side}", 64)
    set_number(page, "txt2img_steps", 2)


def test_the_step_being_painted_is_marked(page: Any) -> None:
    prepare(page, steps=150)
    set_number(page, "txt2img_width", 1024)  # so that a fast machine too is asked several times on the way
    page.fill(PROMPT, "a woman with [red:blue:75] hair")
    bars(page, 1)
    assert not page.is_visible(f"{STRIP} .vaeface-now")
    place = f"new DOMMatrix(getComputedStyle(document.querySelector('{STRIP} .vaeface-now')).transform).e"
    page.click("#txt2img_generate")
    page.wait_for_function(f"{place} > 0")
    first = page.evaluate(place)
    page.wait_for_function(f"{place} > {first + 20}")
    page.click("#txt2img_interrupt")
    page.wait_for_selector(".progressDiv", state="detached")
    page.wait_for_selector(f"{STRIP} .vaeface-now", state="hidden")


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 420)])
def test_themes_and_narrow_pages(page: Any, server: Server, tmp_path: Any, theme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(reduced_motion="reduce")
    open_page(page, server, theme)
    switch_on(page)
    page.evaluate("document.querySelector('#txt2img_hr-visible-checkbox').click()")
    page.fill(PROMPT, "a portrait of a [woman:man:0.4], [red:blue:4,14:smooth] hair, [glasses|hat|:3], "
                      "(smile:0.5->1.3), [in the rain:5-12], [a:b:c:5]")  # fmt: skip
    bars(page, 5)
    said_at(page, 0.2)
    strip, row = (page.query_selector(one).bounding_box() for one in (STRIP, f"{STRIP} .vaeface-switch"))
    assert row["width"] > 0.9 * strip["width"] and strip["x"] + strip["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    style = "(element) => getComputedStyle(element)"
    assert page.eval_on_selector(f"{STRIP} .vaeface-now", f"{style}.transitionDuration") == "0s"
    ink = page.eval_on_selector(f"{STRIP} .vaeface-switch text", f"{style}.fill")
    assert (int(ink.removeprefix("rgb(").split(",")[0]) > 150) is (theme == "dark")
    screenshot(page, f"timeline-{theme}-{width}", tmp_path)
