"""Pictures of several VAEs to look at: slider, side by side, difference, zoom. javascript/parts/tab.js moves it.

Without the script it is a grid of pictures with their names.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from lib_vaeface.ui.html import Markup, tag
from lib_vaeface.ui.pictures import data_url, heat
from lib_vaeface.vae.compare import Comparison, Entry, Region, shared_gain
from lib_vaeface.vae.compare_words import PICTURE

MODES = (("slider", "before and after"), ("sides", "side by side"), ("heat", "difference"))


@dataclass(frozen=True)
class Column:
    """One VAE's pictures [B,3,H,W]; caption: a line under each. heats: differences as images in data URLs, or ()."""

    name: str
    caption: str
    urls: tuple[str, ...]
    heats: tuple[str, ...] = ()


def of_comparison(found: Comparison) -> Markup:
    """All VAEs that gave pictures, the reference first, with the regions that were measured."""
    gain = shared_gain(found)
    columns = [_column(entry, found, gain) for entry in found.measured]
    if found.has_truth:
        columns.insert(0, Column(found.against, "what was encoded", _urls(found.reference)))
    regions = [region for region, _ in found.measured[0].parts if region.kind != PICTURE]
    height, width = found.reference.shape[-2:]
    names = [column.name for column in columns]
    other = next((entry.name for entry in found.measured if entry.figures().error > 0), names[-1])
    title = f"difference from {found.against}, times {gain}"
    return viewer(columns, (width, height), regions, title, names.index(other))


def of_pair(before: Tensor, after: Tensor, names: tuple[str, str], gain: int) -> Markup:
    """Two pictures of the same, [B,3,H,W]."""
    heats = tuple(data_url(heat(one, other, gain)) for one, other in zip(after, before, strict=True))
    columns = [Column(names[0], "", _urls(before)), Column(names[1], "", _urls(after), heats)]
    height, width = before.shape[-2:]
    return viewer(columns, (width, height), (), f"difference from {names[0]}, times {gain}")


def _column(entry: Entry, found: Comparison, gain: int) -> Column:
    assert entry.images is not None
    if entry.name == found.against:
        return Column(entry.name, "the reference", _urls(entry.images))
    pairs = zip(entry.images, found.reference, strict=True)
    heats = tuple(data_url(heat(one, other, gain)) for one, other in pairs)
    figures = entry.figures()
    caption = "equal" if figures.error == 0 else f"{figures.psnr:.2f} dB"
    return Column(entry.name, caption, _urls(entry.images), heats)


def _urls(images: Tensor) -> tuple[str, ...]:
    return tuple(data_url(picture) for picture in images)


def viewer(
    columns: Sequence[Column], size: tuple[int, int], regions: Sequence[Region], heat_title: str, right: int = 1
) -> Markup:
    """The stage with its controls, and the grid that it takes its pictures from.

    size: (width, height) in pixels. right: the column that is shown on the right at first; on the left is column 0.
    """
    names = [column.name for column in columns]
    counts = [len(column.urls) for column in columns]
    controls = [_select("left", "Left", names, 0), _select("right", "Right", names, right)]
    if max(counts) > 1:
        controls.append(_select("number", "Picture", [str(n + 1) for n in range(max(counts))], 0))
    modes = [title for _, title in MODES]
    controls += [_select("mode", "View", modes, 0, [mode for mode, _ in MODES])]
    if regions:
        controls.append(_places(regions))
    tools = (_button("out", "−", "Zoom out"), _button("in", "+", "Zoom in"), _button("fit", "1:1", "Whole picture"))
    controls.append(tag("span", *tools, class_="vaeface-tools"))
    stage = tag(
        "div", _pane("left"), _pane("right"), _handle(),
        tag("span", "", class_="vaeface-name vaeface-name-left"), tag("span", "", class_="vaeface-name"),
        class_="vaeface-stage",
    )  # fmt: skip
    grid = tag("div", *(_figure(n, column) for n, column in enumerate(columns)), class_="vaeface-grid")
    hint = tag("p", "Drag the line or use the arrow keys; with the picture clicked, the wheel or + and - zoom, and "
               "dragging moves what is zoomed.", class_="vaeface-note")  # fmt: skip
    return tag(
        "div", tag("div", *controls, class_="vaeface-bar"), stage, tag("p", heat_title, class_="vaeface-scale"), hint,
        grid, class_="vaeface-viewer", data_width=size[0], data_height=size[1], data_mode="slider",
        style=f"--vaeface-aspect: {size[0]} / {size[1]}; --vaeface-ratio: {size[0] / size[1]:.4f}",
    )  # fmt: skip


def _figure(number: int, column: Column) -> Markup:
    pictures = [
        tag("img", src=url, alt=f"{column.name}, picture {n + 1}", data_picture=n, class_="vaeface-source")
        for n, url in enumerate(column.urls)
    ]
    heats = [
        tag("img", src=url, alt=f"{column.name}, difference {n + 1}", data_heat=n, class_="vaeface-source")
        for n, url in enumerate(column.heats)
    ]
    caption = tag("figcaption", tag("b", column.name), " ", column.caption)
    return tag("figure", tag("div", *pictures, *heats, class_="vaeface-thumbs"), caption, data_column=number)


def _pane(side: str) -> Markup:
    return tag("div", tag("img", alt="", draggable="false"), class_=f"vaeface-pane vaeface-{side}")


def _handle() -> Markup:
    return tag(
        "div", class_="vaeface-handle", role="slider", tabindex=0, aria_label="How much of the left picture is shown",
        aria_valuemin=0, aria_valuemax=100, aria_valuenow=50,
    )  # fmt: skip


def _select(name: str, title: str, texts: Sequence[str], chosen: int, values: Sequence[str] | None = None) -> Markup:
    options = []
    for number, text in enumerate(texts):
        extra = {"selected": "selected"} if number == chosen else {}
        options.append(tag("option", text, value=number if values is None else values[number], **extra))
    return tag("label", title, " ", tag("select", *options, class_=f"vaeface-select-{name}"))


def _places(regions: Sequence[Region]) -> Markup:
    """Where to look: the whole, and every region with its box for the script."""
    counts: dict[str, int] = {}
    options = [tag("option", "the whole picture", value="")]
    for region in regions:
        counts[region.kind] = counts.get(region.kind, 0) + 1
        box = json.dumps({"picture": region.picture, "box": [round(edge, 2) for edge in region.box]})
        options.append(tag("option", f"{region.kind} {counts[region.kind]}", value=box))
    return tag("label", "Look at ", tag("select", *options, class_="vaeface-select-place"))


def _button(name: str, text: str, title: str) -> Markup:
    return tag("button", text, type="button", title=title, aria_label=title, class_=f"vaeface-tool vaeface-{name}")
