"""Compare: one latent through any set of VAEs that fit it. Nothing is sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from lib_vaeface.ui import viewer
from lib_vaeface.ui.desk import (
    AUTOMATIC,
    Desk,
    Subject,
    drop_id,
    problem,
    said_of,
    source_controls,
    table,
    teller,
    unsaved,
)
from lib_vaeface.ui.gradio_compat import js
from lib_vaeface.ui.html import Markup, join, tag
from lib_vaeface.ui.uploads import sent_first
from lib_vaeface.ui.vae_words import answer_mark
from lib_vaeface.vae.bridge import on_grid
from lib_vaeface.vae.compare import Comparison, Entry, Figures
from lib_vaeface.vae.compare_words import CHANNELS, PICTURE
from lib_vaeface.vae.contact_sheet import contact_sheet
from lib_vaeface.vae.library import Entry as File
from lib_vaeface.vae.verdicts import REFUSED, Verdict
from lib_vaeface.vae.workbench import BUILT_IN, Reference, Told, compare_in

NOTHING = Markup("")
MOST = 4  # VAEs that are compared where none was chosen


@dataclass(frozen=True)
class Sheet:
    """A comparison as one picture, kept for saving."""

    image: Image.Image
    infotext: str


@dataclass(frozen=True)
class Listing:
    """fitting: names that may be chosen. apart: (name, answer, reason) of all others."""

    fitting: tuple[str, ...]
    apart: tuple[tuple[str, str, str], ...]


def listing(desk: Desk, reference: Reference, prove: bool = False, told: Told | None = None) -> Listing:
    """Every file and whether it decodes the reference's latents. prove: with the test picture where it is open."""
    entries = desk.bench.entries()
    fitting: list[str] = []
    apart: list[tuple[str, str, str]] = []
    for number, entry in enumerate(entries):
        if told is not None:
            told(number / len(entries), entry.name)
        if entry.name == reference.name:
            continue
        verdict = verdict_of(desk, entry, reference, prove)
        if verdict is not None and verdict.may_decode:
            fitting.append(entry.name)
        elif verdict is None:
            apart.append((entry.name, "can't be used", entry.problem))
        else:
            apart.append((entry.name, verdict.answer, verdict.reason))
    return Listing(tuple(fitting), tuple(apart))


def verdict_of(desk: Desk, entry: File, reference: Reference, prove: bool) -> Verdict | None:
    if not entry.usable:
        return None
    try:
        return desk.bench.verdict(entry, reference, prove)
    except ValueError as error:
        return Verdict(REFUSED, str(error))


def unfit(found: Listing, reference: Reference) -> Markup:
    """What can't be chosen, with the reasons."""
    if not found.apart:
        return tag("p", f"All VAE files fit {reference.title}.", class_="vaeface-note")
    rows = [(name, answer_mark(answer), reason) for name, answer, reason in found.apart]
    title = tag("summary", f"{len(rows)} VAE files that can't be chosen for {reference.title}")
    return tag("details", title, table(("VAE", "fit", "why"), rows), class_="vaeface-apart")


@dataclass(frozen=True)
class Compare:
    """The handlers. Each gives what its outputs show."""

    desk: Desk

    def refresh(
        self,
        sent: str,
        source: str,
        kept: str,
        whose: str,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, Any, Markup]:
        """(choices of VAEs, choices of whose latents, what is apart), everything proved."""

        def work() -> tuple[Listing, Reference, str]:
            told = teller(progress)
            reference, reason = self._reference(sent, source, kept, whose, told)
            return listing(self.desk, reference, True, told), reference, reason

        found = self.desk.guarded(work)
        names = [AUTOMATIC, BUILT_IN, *self.desk.names(again=True)]
        if isinstance(found, Markup):
            return gr.update(choices=[], value=[]), gr.update(choices=names), found
        files, reference, reason = found
        said = said_of(reference, reason)
        choices = list(files.fitting)
        return (
            gr.update(choices=choices, value=choices[:MOST]),
            gr.update(choices=names),
            join([said, unfit(files, reference)]),
        )

    def run(
        self,
        sent: str,
        source: str,
        kept: str,
        whose: str,
        names: Sequence[str],
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[Markup, Markup, Sheet | None, Markup]:
        """(what is to be said, pictures and figures, the sheet for saving, what the last saving said)."""

        def work() -> tuple[Markup, Markup, Sheet]:
            told = teller(progress)
            subject = self.desk.subject(source, kept, sent)
            reference, reason = self.desk.whose(subject, whose, told)
            chosen = list(names or ()) or listing(self.desk, reference, True, told).fitting[:MOST]
            found = self._compared(subject, reference, chosen, told)
            said = said_of(reference, reason)
            shown = join([viewer.of_comparison(found), figures(found), in_words(found)])
            return said, shown, Sheet(contact_sheet(found), subject.infotext)

        found = self.desk.guarded(work)
        return (found, NOTHING, None, NOTHING) if isinstance(found, Markup) else (*found, NOTHING)

    def save(self, sheet: Sheet | None) -> Markup:
        if sheet is None:
            return problem("There is no comparison to save yet.")

        def work() -> Markup:
            return tag("p", f"Saved as {self.desk.host.save_picture(sheet.image, sheet.infotext)}.", role="status")

        return self.desk.written(work)

    def _reference(self, sent: str, source: str, kept: str, whose: str, told: Told) -> tuple[Reference, str]:
        """Before anything is chosen the loaded model's own VAE, which is what most latents are of."""
        try:
            subject = self.desk.subject(source, kept, sent)
        except ValueError:
            return self.desk.bench.built_in(), "It is the loaded model's."
        return self.desk.whose(subject, whose, told)

    def _compared(self, subject: Subject, reference: Reference, names: Sequence[str], told: Told) -> Comparison:
        truth = None
        if subject.picture is not None:
            truth, _ = on_grid(subject.picture, reference.codec.downscale)
            latents = reference.codec.encode(truth)
        else:
            latents = self.desk.latents(subject, reference)
        return compare_in(
            self.desk.bench, reference, latents, names,
            truth=truth, regions=self.desk.regions, told=told,
        )  # fmt: skip


def figures(found: Comparison) -> Markup:
    """PSNR, SSIM, colour and detail of every VAE, and PSNR of each kind of region."""
    kinds = [kind for kind in found.measured[0].kinds if kind != PICTURE]
    head = ["VAE", "PSNR, dB", "SSIM", *(f"{kind}, dB" for kind in kinds), "mean colour, levels", "fine detail"]
    rows = [_row(entry, found, kinds) for entry in found.measured]
    shown = table(head, rows, f"Measured against {found.against}")
    left = [(entry.name, entry.problem) for entry in found.entries if entry.images is None]
    return join([shown, table(("left out", "why"), left)]) if left else shown


def _row(entry: Entry, found: Comparison, kinds: Sequence[str]) -> list[object]:
    whole = entry.figures()
    if entry.name == found.against:
        return [entry.name, "the reference", *[""] * (len(kinds) + 3)]
    colours = " ".join(f"{name[0].upper()} {value:+.1f}" for name, value in zip(CHANNELS, whole.shift, strict=True))
    likeness = "" if whole.ssim is None else f"{whole.ssim:.4f}"
    decibels = [_decibels(entry.figures(kind)) for kind in kinds]
    return [entry.name, _decibels(whole), likeness, *decibels, colours, f"{whole.detail_change:+.1%}"]


def _decibels(found: Figures) -> str:
    return "equal" if found.error == 0 else f"{found.psnr:.2f}"


def in_words(found: Comparison) -> Markup:
    return tag("ul", *(tag("li", line) for line in found.lines()), class_="vaeface-words")


def build(desk: Desk) -> None:
    """The page's part, to be called inside a gr.Tab."""
    part = Compare(desk)
    sent = gr.Textbox(visible=False, elem_id="vaeface_compare_sent")
    source, kept = source_controls(desk, "compare")
    whose = unsaved(gr.Dropdown(
        choices=[AUTOMATIC, BUILT_IN, *desk.names()], value=AUTOMATIC, label="Whose latents",
        elem_id="vaeface_compare_whose",
        info="The VAE that they are of; Automatic finds it, or asks.",
    ))  # fmt: skip
    refresh = gr.Button("List the VAEs that fit", elem_id="vaeface_compare_refresh")
    names = unsaved(gr.CheckboxGroup(
        choices=[], label="VAEs to compare", elem_id="vaeface_compare_vaes",
        info="Only those that are proved to fit, or that you allowed under Inspect; the reference is always there.",
    ))  # fmt: skip
    apart = gr.HTML(elem_id="vaeface_compare_apart")
    with gr.Row():
        run = gr.Button("Compare", variant="primary", elem_id="vaeface_compare_run")
        save = gr.Button("Save the grid", elem_id="vaeface_compare_save")
    saved = gr.HTML(elem_id="vaeface_compare_saved")
    said = gr.HTML(elem_id="vaeface_compare_said")
    shown = gr.HTML(elem_id="vaeface_compare_shown")
    sheet = gr.State()
    first = [sent, source, kept, whose]
    drop = drop_id("compare")
    refresh.click(fn=part.refresh, inputs=first, outputs=[names, whose, apart], **js(sent_first(drop, len(first))))
    inputs = [*first, names]
    run.click(fn=part.run, inputs=inputs, outputs=[said, shown, sheet, saved], **js(sent_first(drop, len(inputs))))
    save.click(fn=part.save, inputs=[sheet], outputs=[saved])
