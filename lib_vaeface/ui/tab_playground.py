"""Playground: what a prompt says at each step, with its weights, notes and numbers of tokens. Nothing is encoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lib_vaeface.options import NATIVE_SYNTAX
from lib_vaeface.schedule.compile import Timeline, compile_prompt
from lib_vaeface.schedule.counting import plain
from lib_vaeface.ui.desk import Desk, problem, table, unsaved
from lib_vaeface.ui.html import Markup, join, tag

MOST_ROWS = 400
MOST_STEPS = 1000
TIMINGS = ("webui", "exact")
EXAMPLE = "a portrait of a woman, [red:blue:0.4] hair, [(smiling:1.2)::10]"
Count = Callable[[str], int]


@dataclass(frozen=True)
class Asked:
    """steps and hires: of the sliders; per_step: model calls of the sampler for each. extensions: of the syntax."""

    prompt: str
    steps: int
    hires: int
    per_step: int
    timing: str
    extensions: bool = True


def show(asked: Asked, count: Count | None) -> Markup:
    """A strip and a table for every pass and AND part; then the notes."""
    passes = [("First pass", None)] if not asked.hires else [("First pass", None), ("Hires pass", asked.hires)]
    parts: list[Markup] = []
    tokens = _Tokens(count)
    for title, hires in passes:
        lines = _compiled(asked, hires)
        for number, line in enumerate(lines, 1):
            name = title if len(lines) == 1 else f"{title}, AND part {number}, weight {_weights(line)}"
            parts.append(_part(name, line, asked.per_step, tokens))
    notes = dict.fromkeys(str(note) for line in _compiled(asked, None) for note in line.notes)
    if notes:
        parts.append(tag("ul", *(tag("li", note) for note in notes), class_="vaeface-words"))
    return join(parts)


def _compiled(asked: Asked, hires: int | None) -> list[Timeline]:
    if asked.timing == "exact":
        calls = (asked.steps if hires is None else hires) * asked.per_step
        return compile_prompt(
            asked.prompt, asked.steps, hires, timing="exact", calls=calls, extensions=asked.extensions
        )
    second = None if hires is None else hires * asked.per_step
    return compile_prompt(asked.prompt, asked.steps * asked.per_step, second, extensions=asked.extensions)


def _weights(line: Timeline) -> str:
    return " ".join(f"{weight:g}" for weight in dict.fromkeys(line.to_json()["part_weights"]))


class _Tokens:
    """Counted once per text; "" where the WebUI can't."""

    def __init__(self, count: Count | None) -> None:
        self._count = count
        self._known: dict[str, str] = {}

    def of(self, text: str) -> str:
        if self._count is None:
            return ""
        if text not in self._known:
            try:
                self._known[text] = str(self._count(plain(text)))
            except Exception:  # no model is loaded, or it has another kind of encoder
                self._count = None
                return ""
        return self._known[text]


def _part(title: str, line: Timeline, per_step: int, tokens: _Tokens) -> Markup:
    found = line.to_json()
    texts, pieces = found["texts"], found["pieces"]
    every = [(piece, texts[index], weight) for piece in pieces for index, weight in piece["weights"]]
    rows = [
        (_steps(piece, per_step), f"{weight:.0%}" if weight < 1 else "", text, tokens.of(text))
        for piece, text, weight in every[:MOST_ROWS]
    ]
    said = [f"{len(every) - MOST_ROWS} more rows are left out."] if len(every) > MOST_ROWS else []
    said += ["The noise level decides as well; shown is the start."] if found["by_sigma"] else []
    notes = [tag("p", note, class_="vaeface-note") for note in said]
    shown = table(("steps", "share", "text", "tokens"), rows, title)
    return tag("section", strip(pieces, texts, found["calls"]), shown, *notes, class_="vaeface-part")


def _steps(piece: dict[str, Any], per_step: int) -> str:
    first, last = piece["from"] // per_step + 1, piece["until"] // per_step + 1
    return f"{first}" if first == last else f"{first} to {last}"


def strip(pieces: Sequence[dict[str, Any]], texts: Sequence[str], calls: int) -> Markup:
    """A bar over all model calls; in each piece the texts stand on each other by their shares, a colour for each."""
    spans = []
    for piece in pieces[:MOST_ROWS]:
        width = (piece["until"] - piece["from"] + 1) / calls
        shares = [
            tag(
                "i",
                title=f"{weight:.0%} {texts[index]}",
                class_=f"vaeface-tone-{index % 6}",
                style=f"flex: {weight:.4f}",
            )
            for index, weight in piece["weights"]
        ]
        spans.append(tag("span", *shares, style=f"width: {width:.4%}"))
    return tag(
        "div", *spans, class_="vaeface-strip", role="img", aria_label=f"{len(texts)} texts over {calls} model calls"
    )


@dataclass(frozen=True)
class Playground:
    """The handler."""

    desk: Desk

    def run(self, prompt: str, sampler: str, steps: float, hires: float, timing: str) -> Markup:
        try:
            per_step = dict(self.desk.host.samplers()).get(sampler, 1)
            counts = [min(max(int(number or 0), low), MOST_STEPS) for number, low in ((steps, 1), (hires, 0))]
            known, ours = timing if timing in TIMINGS else TIMINGS[0], not self.desk.host.option(NATIVE_SYNTAX)
            asked = Asked(str(prompt or ""), counts[0], counts[1], per_step, known, ours)
            return show(asked, self.desk.host.count_tokens)
        except (ValueError, TypeError, OverflowError) as error:
            return problem(str(error))


def build(desk: Desk) -> None:
    """The page's part, to be called inside a gr.Tab."""
    part = Playground(desk)
    prompt = unsaved(gr.Textbox(value=EXAMPLE, label="Prompt", lines=3, elem_id="vaeface_playground_prompt",
                                elem_classes=["prompt"]))  # fmt: skip
    names = [name for name, _ in desk.host.samplers()]
    with gr.Row():
        sampler = unsaved(gr.Dropdown(choices=names, value=names[0] if names else None, label="Sampler",
                                      elem_id="vaeface_playground_sampler"))  # fmt: skip
        steps = unsaved(gr.Slider(minimum=1, maximum=150, step=1, value=20, label="Steps",
                                  elem_id="vaeface_playground_steps"))  # fmt: skip
        hires = unsaved(gr.Slider(minimum=0, maximum=150, step=1, value=0, label="Hires steps, 0 for none",
                                  elem_id="vaeface_playground_hires"))  # fmt: skip
        timing = unsaved(gr.Radio(choices=list(TIMINGS), value="webui", label="Timing",
                                  elem_id="vaeface_playground_timing"))  # fmt: skip
    run = gr.Button("Show", variant="primary", elem_id="vaeface_playground_run")
    shown = gr.HTML(elem_id="vaeface_playground_shown")
    inputs = [prompt, sampler, steps, hires, timing]
    run.click(fn=part.run, inputs=inputs, outputs=[shown])
    for control in (steps, hires):
        control.release(fn=part.run, inputs=inputs, outputs=[shown], show_progress=False)
    for control in (sampler, timing):
        control.change(fn=part.run, inputs=inputs, outputs=[shown], show_progress=False)
