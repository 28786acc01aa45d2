"""Bridge: latents or a picture from one VAE to another, with the error that it costs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from lib_vaeface.ui import uploads, viewer
from lib_vaeface.ui.desk import AUTOMATIC, Desk, drop_id, source_controls, table, teller, unsaved
from lib_vaeface.ui.gradio_compat import js
from lib_vaeface.ui.html import Markup, join, tag
from lib_vaeface.ui.outside import WHY, refused
from lib_vaeface.ui.uploads import sent_first
from lib_vaeface.vae.crossing import Crossing, cross_latents, cross_pictures, fit_map, safe, save_both
from lib_vaeface.vae.formats import TABLE
from lib_vaeface.vae.latent_map import LatentMap, read_map
from lib_vaeface.vae.workbench import BUILT_IN, Reference, Told

TRUE_BRIDGE = "Decode and encode"
DOWNLOAD = 8 * 2**20  # bytes of a file that is put into the page to be downloaded
NOTHING = Markup("")
GAIN = 4


@dataclass(frozen=True)
class Bridge:
    """The handlers. Each gives what its outputs show."""

    desk: Desk

    def refresh(self) -> tuple[Any, Any, Any]:
        """Choices of (source, target, way)."""
        names = [BUILT_IN, *self.desk.names(again=True)]
        ways = [TRUE_BRIDGE, *self.desk.maps()]
        return gr.update(choices=[AUTOMATIC, *names]), gr.update(choices=names), gr.update(choices=ways)

    def run(
        self,
        sent: str,
        source: str,
        kept: str,
        whose: str,
        target: str,
        row: str,
        way: str,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[Markup, Markup]:
        """(report and files, pictures before and after)."""

        def work() -> tuple[Markup, Markup]:
            told = teller(progress)
            found, there, names, infotext = self._crossed(sent, source, kept, whose, target, row, way, told)
            shown = viewer.of_pair(found.before, found.after, names, GAIN)
            if refused(self.desk.host):
                return join([report(found, names), tag("p", f"Nothing was saved. {WHY}", role="status")]), shown
            paths = save_both(self.desk.latents_folder, f"{safe(there.name)} bridged", found, there, infotext)
            return join([report(found, names), files(paths)]), shown

        found = self.desk.guarded(work)
        return (found, NOTHING) if isinstance(found, Markup) else found

    def _crossed(
        self, sent: str, source: str, kept: str, whose: str, target: str, row: str, way: str, told: Told
    ) -> tuple[Crossing, Reference, tuple[str, str], str]:
        subject = self.desk.subject(source, kept, sent)
        there = self.desk.bench.opened(target or BUILT_IN, "" if row == AUTOMATIC else row or "")
        if subject.picture is not None:
            return cross_pictures(subject.picture, there, told), there, ("the picture", there.name), subject.infotext
        here, _ = self.desk.whose(subject, whose, told)
        via = self._map(way)
        found = cross_latents(self.desk.latents(subject, here), here, there, via, told)
        return found, there, (here.name, there.name), subject.infotext

    def _map(self, way: str) -> LatentMap | None:
        if way in ("", None, TRUE_BRIDGE):
            return None
        path = self.desk.maps().get(way)
        if path is None:
            raise ValueError("There is no such map. Choose one of the list, or fit one.")
        return read_map(path)

    def fit(
        self,
        sent: str,
        whose: str,
        target: str,
        row: str,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[Markup, Any]:
        """(what the new map is worth, choices of ways)."""

        def work() -> tuple[Markup, str]:
            pictures = [upload.picture() for upload in uploads.read(sent)]
            if len(pictures) < 2:
                raise ValueError("Choose two pictures or more; the more, the better the map.")
            here = self.desk.bench.opened(BUILT_IN if whose in ("", AUTOMATIC) else whose)
            there = self.desk.bench.opened(target or BUILT_IN, "" if row == AUTOMATIC else row or "")
            name, found = fit_map(self.desk.maps_folder, pictures, here, there, teller(progress))
            return tag("p", f"Saved as {name}: {found.in_words()}.", role="status"), name

        found = self.desk.written(work)
        if isinstance(found, Markup):
            return found, gr.update()
        return found[0], gr.update(choices=[TRUE_BRIDGE, *self.desk.maps()], value=found[1])


def report(found: Crossing, names: tuple[str, str]) -> Markup:
    """The measured error, and what the latents on both sides are like."""
    shape = "x".join(map(str, found.latents.shape))
    lines = [tag("p", f"From {names[0]} to {names[1]}: {found.report}. Latents {shape}.", class_="vaeface-report")]
    if found.report.approximate:
        lines.append(tag("p", "A fitted map is approximate.", class_="vaeface-note"))
    titles = ("before", "after")[-len(found.statistics) :]
    rows = [(title, one["spread"], _listed(one["mean"]), _listed(one["std"]))
            for title, one in zip(titles, found.statistics, strict=True)]  # fmt: skip
    return join([*lines, table(("latents", "spread", "mean per channel", "spread per channel"), rows)])


def _listed(values: object) -> str:
    return " ".join(f"{value:.3f}" for value in values) if isinstance(values, list) else ""


def files(paths: Sequence[Path]) -> Markup:
    """The names of files, which are under Kept latents from now on, and links to download them."""
    return tag("p", "Saved among the kept latents: ", *(join((_link(path), " ")) for path in paths), role="status")


def _link(path: Path) -> Markup:
    data = path.read_bytes()
    if len(data) > DOWNLOAD:
        return tag("b", path.name)
    url = "data:application/octet-stream;base64," + base64.b64encode(data).decode("ascii")
    return tag("a", path.name, href=url, download=path.name, class_="vaeface-file")


def build(desk: Desk) -> None:
    """The page's part, to be called inside a gr.Tab."""
    part = Bridge(desk)
    sent = gr.Textbox(visible=False, elem_id="vaeface_bridge_sent")
    source, kept = source_controls(desk, "bridge")
    names = [BUILT_IN, *desk.names()]
    rows = [AUTOMATIC, *(row.key for row in TABLE if row.decodable)]
    with gr.Row():
        whose = unsaved(gr.Dropdown(choices=[AUTOMATIC, *names], value=AUTOMATIC, label="From, the VAE of the latents",
                                    elem_id="vaeface_bridge_whose"))  # fmt: skip
        target = unsaved(gr.Dropdown(choices=names, value=BUILT_IN, label="To", elem_id="vaeface_bridge_target"))
        row = unsaved(gr.Dropdown(choices=rows, value=AUTOMATIC, label="Latent format of the target",
                                  elem_id="vaeface_bridge_format"))  # fmt: skip
        way = unsaved(gr.Dropdown(choices=[TRUE_BRIDGE, *desk.maps()], value=TRUE_BRIDGE, label="Way",
                                  elem_id="vaeface_bridge_way"))  # fmt: skip
    with gr.Row():
        run = gr.Button("Cross", variant="primary", elem_id="vaeface_bridge_run")
        refresh = gr.Button("Refresh the lists", elem_id="vaeface_bridge_refresh")
    with gr.Accordion("Fit a map between the two from pictures", open=False, elem_id="vaeface_bridge_fitting"):
        gr.HTML(uploads.drop_zone("vaeface_map_drop", "Drop pictures here, or click to choose", "image/*", True))
        pictures = gr.Textbox(visible=False, elem_id="vaeface_map_sent")
        fit = gr.Button("Fit", elem_id="vaeface_map_fit")
        fitted = gr.HTML(elem_id="vaeface_map_said")
    said = gr.HTML(elem_id="vaeface_bridge_said")
    shown = gr.HTML(elem_id="vaeface_bridge_shown")
    inputs = [sent, source, kept, whose, target, row, way]
    run.click(fn=part.run, inputs=inputs, outputs=[said, shown], **js(sent_first(drop_id("bridge"), len(inputs))))
    refresh.click(fn=part.refresh, inputs=[], outputs=[whose, target, way])
    chosen = [pictures, whose, target, row]
    fit.click(fn=part.fit, inputs=chosen, outputs=[fitted, way], **js(sent_first("vaeface_map_drop", len(chosen))))
