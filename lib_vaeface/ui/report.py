"""What happened in the last generation, as shown at the foot of the panel."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from lib_vaeface import infotext
from lib_vaeface.ui.html import Markup, join, tag

PASSES = (("first", "First pass"), ("hires", "Hires pass"))
Parse = Callable[[str], Mapping[str, Any]]


def report(generation_info: str, parse: Parse) -> Markup:
    """HTML for the WebUI's generation info (JSON with "infotexts"); empty when no picture carries our key.

    Everything is read from the infotext, so that two people at one WebUI each see their own generation.
    """
    for text in _infotexts(generation_info):
        found = infotext.found(parse(text))
        if "vaeface" in found:
            return tag("div", *_lines(found), class_="vaeface-report")
    return Markup("")


def _infotexts(generation_info: str) -> list[str]:
    try:
        texts = json.loads(generation_info)["infotexts"]
    except (TypeError, ValueError, KeyError):
        return []
    return [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else []


def _lines(found: Mapping[str, Mapping[str, Any]]) -> list[Markup]:
    main = found["vaeface"]
    lines = [tag("p", f"VAE Face {main.get('version', '')} on {main.get('host', '')}")]
    if "error" in main:
        lines.append(tag("p", f"Failed and dropped: {main['error']}", class_="vaeface-error"))
    lines += [tag("p", note, class_="vaeface-note") for note in _texts(main.get("notes"))]
    schedule = found.get("schedule", {})
    lines += [tag("p", note, class_="vaeface-note") for note in _texts(schedule.get("notes"))]
    rows = [_row(title, schedule.get(name)) for name, title in PASSES]
    if any(rows):
        head = tag("tr", *(tag("th", title) for title in ("", "Model calls", "Conditionings", "Switches at")))
        lines.append(tag("table", head, join(rows)))
        lines += [_cost(title, schedule.get(name)) for name, title in PASSES]
        native = "; the WebUI's own syntax only" if schedule.get("syntax") == "webui" else ""
        lines.append(tag("p", f"Timing: {schedule.get('timing', '')}{native}"))
    return lines + _vae(found.get("vae", {})) + _faces(found.get("faces", {}))


def _vae(found: Mapping[str, Any]) -> list[Markup]:
    """Which VAE painted, whether it was proved to fit, and why it was this one."""
    if "used" not in found:
        return []
    fit = f", {found['fit']}" if "fit" in found and found["used"] != "Built-in" else ""
    carried = "; latents were carried to the hires checkpoint" if found.get("carried") else ""
    said = tag("p", f"VAE: {found['used']}{fit}{carried}")
    return [said, tag("p", f"{found['why']}", class_="vaeface-note")] if found.get("why") else [said]


def _faces(found: Mapping[str, Any]) -> list[Markup]:
    """What was done to each face of the first picture."""
    if not found:
        return []
    records = [record for record in found.get("found", []) if isinstance(record, dict)]
    vae = f", VAE: {found['used']}" if found.get("used") else ""
    lines = [tag("p", f"Faces: {len(records) or 'none'} in the first picture{vae}")]
    lines += [tag("p", note, class_="vaeface-note") for note in _texts(found.get("notes"))]
    if not records:
        return lines
    head = tag("tr", *(tag("th", title) for title in ("Face", "Size", "Score", "Done", "Strength", "Notes")))
    return [*lines, tag("table", head, join([_face(record) for record in records]))]


def _face(record: Mapping[str, Any]) -> Markup:
    refine = record.get("refine")
    refine = refine if isinstance(refine, dict) else {}
    why = "; ".join(str(text) for text in (record.get("why"), record.get("decode")) if text)
    score = str(record.get("score", "")) + (f" to {refine['score']}" if "score" in refine else "")
    number = f"{record.get('face', '')}" + (f", pass {record['pass']}" if record.get("pass", 1) != 1 else "")
    size = f"{record.get('size', '')} px"
    return tag("tr", *(tag("td", cell) for cell in (
        number, size, score, record.get("done", ""), refine.get("strength", ""), why)))  # fmt: skip


def _row(title: str, summary: Any) -> Markup:
    if not isinstance(summary, dict):
        return Markup("")
    switches = summary.get("switches")
    at = ", ".join(str(step) for step in switches) if isinstance(switches, list) else ""
    cells = (title, summary.get("calls", ""), summary.get("conditionings", ""), at or "none")
    return tag("tr", *(tag("td", cell) for cell in cells))


def _cost(title: str, summary: Any) -> Markup:
    """What it took to keep the WebUI's own batches of texts, "" where nothing."""
    batches = summary.get("batches") if isinstance(summary, dict) else None
    if not (isinstance(batches, list) and len(batches) == 2):
        return Markup("")
    text = f"{title}: {batches[0]} texts encoded, {batches[1]} of them different: the WebUI's own batches were kept,"
    return tag("p", f"{text} because texts in a batch change each other and the picture is to be its own.")


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
