"""Inspect: every VAE file and whether it fits the loaded model, the pairing test, and the table of latent formats."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lib_vaeface.ui import viewer
from lib_vaeface.ui.desk import Desk, problem, table, teller, unsaved
from lib_vaeface.ui.html import Markup, join, tag
from lib_vaeface.ui.tab_compare import verdict_of
from lib_vaeface.ui.vae_words import answer_mark, family, size
from lib_vaeface.vae.convert import convert
from lib_vaeface.vae.formats import BY_KEY, COLUMNS, TINY, rows
from lib_vaeface.vae.inspect import VaeInfo
from lib_vaeface.vae.kinship import from_header
from lib_vaeface.vae.library import Entry
from lib_vaeface.vae.pairing import Pairing, pairing_test
from lib_vaeface.vae.verdicts import UNKNOWN, Verdict
from lib_vaeface.vae.workbench import Reference

HEAD = ("VAE", "fit", "notes", "family, by its shapes", "channels", "scale", "shift", "layout", "dtype", "size",
        "round trip", "decoded in", "sha256", "weights")  # fmt: skip
NOTHING = Markup("")
GAIN = 4


@dataclass(frozen=True)
class Inspect:
    """The handlers. Each gives what its outputs show."""

    desk: Desk

    def files(self) -> tuple[Any, Markup]:
        """(choices for the pairing test, the table). Reads headers and slices, no picture is decoded."""

        def work() -> tuple[list[str], Markup]:
            reference = self.desk.bench.built_in()
            entries = self.desk.bench.entries()
            shown = table(HEAD, [self._row(entry, reference) for entry in entries], f"With {reference.title}")
            return [entry.name for entry in entries if entry.usable], shown

        found = self.desk.guarded(work)
        if isinstance(found, Markup):
            return gr.update(), found
        return gr.update(choices=found[0]), found[1]

    def _row(self, entry: Entry, reference: Reference) -> list[object]:
        info = entry.info
        if info is None or not entry.usable:
            what = info.what if info else ""
            return [entry.name, answer_mark("can't be used"), _wide(entry.problem), what, *[""] * (len(HEAD) - 4)]
        verdict = verdict_of(self.desk, entry, reference, False)
        assert verdict is not None
        measured = self.desk.bench.measured_of(entry)
        trip = f"{measured['round_trip']} dB" if measured.get("round_trip") is not None else ""
        return [
            entry.name, _fit(verdict), _wide(" ".join(_notes(info, verdict))), family(info),
            f"{info.channels} at 1/{info.downscale}", *_numbers(info), info.layout, ", ".join(info.dtypes),
            size(info.identity.size), trip, measured.get("precision", ""), info.sha256[:10], info.weight_hash[:10],
        ]  # fmt: skip

    def measure(self, progress: Any = gr.Progress()) -> tuple[Any, Markup]:  # noqa: B008
        """`files` after a pairing test of every file that the header does not rule out."""

        def work() -> Markup:
            bench, told = self.desk.bench, teller(progress)
            reference, entries = bench.built_in(), [entry for entry in bench.entries() if entry.usable]
            problems = []
            for number, entry in enumerate(entries):
                told(number / len(entries), entry.name)
                if entry.info is None or from_header(entry.info, reference.facts) is not None:
                    continue
                try:
                    pairing_test(bench, entry.name, reference)
                except ValueError as error:
                    problems.append(tag("p", f"{entry.name}: {error}", class_="vaeface-error"))
            return join(problems)

        problems = self.desk.guarded(work)
        choices, shown = self.files()
        return choices, join([problems, shown])

    def pair(self, name: str) -> tuple[Markup, Markup]:
        """(verdict and figures, pictures) of the pairing test with the loaded model."""
        found = self.desk.guarded(lambda: pairing_test(self.desk.bench, name or "", self.desk.bench.built_in()))
        if isinstance(found, Markup):
            return found, NOTHING
        names = ("the test picture", found.entry.name)
        return pairing(found), viewer.of_pair(found.probe.picture, found.probe.decoded, names, GAIN)

    def allow(self, name: str, yes: bool) -> Markup:
        """The person's yes to a pair whose fit can't be told, or its withdrawal."""

        def work() -> Markup:
            bench = self.desk.bench
            entry, reference = bench.usable(name or ""), bench.built_in()
            verdict = bench.verdict(entry, reference, prove=True)
            if verdict.answer != UNKNOWN:
                return tag("p", f"Nothing to decide: {entry.name} {verdict.answer}. {verdict.reason}", role="status")
            bench.allow(entry, reference, yes)
            said = "may be used with" if yes else "is no longer allowed with"
            return tag("p", f"{entry.name} {said} {reference.title}; this is remembered.", role="status")

        return self.desk.written(work)

    def convert(self, name: str) -> tuple[Any, Markup]:
        """(pickles that are left, what came of it). The pickle is opened in a process of its own, and stays."""

        def work() -> Markup:
            left = pickles(self.desk.bench.entries())
            entry = self.desk.bench.library.find(name or "")
            if entry.name not in left:
                return problem(f"{entry.name} needs no conversion.")
            return tag("p", f"{entry.name} is now {convert(entry.path).name}.", role="status")

        said = self.desk.written(work)
        return gr.update(choices=pickles(self.desk.bench.entries())), said


def pickles(entries: Iterable[Entry]) -> list[str]:
    """Files that can be used only once they are converted."""
    return [entry.name for entry in entries if entry.info is not None and entry.info.kind == "pickle"]


def pairing(found: Pairing) -> Markup:
    """What the pairing test says, with the figures it rests on."""
    probe, verdict = found.probe, found.verdict
    lines = [
        tag("p", tag("b", found.entry.name), " with ", tag("b", found.reference.title), ": ", _fit(verdict)),
        tag("p", verdict.reason),
        tag("ul", *(tag("li", f"{one.level}: {one.text}") for one in verdict.evidence), class_="vaeface-words"),
    ]
    trip = f"{found.round_trip:.2f} dB" if math.isfinite(found.round_trip) else "not measured"
    slopes = ", ".join(f"{slope:.2f}" for slope in probe.slopes)
    figures: list[tuple[str, object]] = [
        ("the model's VAE encodes, this file decodes", f"{probe.psnr:.2f} dB"),
        ("a flat colour would give", f"{probe.flat:.2f} dB"),
        ("gain", f"{probe.gain:.2f} dB"),
        ("the test picture alone says", answer_mark(found.shown.answer)),
        ("contrast fitted per colour", slopes),
        ("its own encoder and decoder", trip),
        ("decoded in", found.precision),
        ("sha256 of the file", found.sha256),
        ("hash of the weights", found.weight_hash),
    ]
    return join([*lines, table(("measured", "value"), figures)])


def formats() -> Markup:
    """The documentation of data dimensions, from the table that the code itself uses."""
    shown = [[_code(cell) for cell in row] for row in rows()]
    tiny = "; ".join(f"{z} channels: {', '.join(BY_KEY[key].title for key in keys)}" for z, keys in TINY.items())
    note = (
        "raw latent = latent / scale + shift, or per channel latent * std / scale + mean. Tiny autoencoders take the "
    )
    return join(
        [table(COLUMNS, shown), tag("p", f"{note}sampler's latents as they are: {tiny}.", class_="vaeface-note")]
    )


def _code(cell: str) -> Markup:
    """`key` as code, all else as text."""
    parts = re.split(r"`([^`]*)`", cell)
    return join([tag("code", part) if number % 2 else join((part,)) for number, part in enumerate(parts)])


def _numbers(info: VaeInfo) -> tuple[str, str]:
    """Scale and shift of every format that it may be of."""
    if info.kind == "tiny":
        return "none", "none"
    found = [BY_KEY[key] for key in info.formats]
    scales = dict.fromkeys("in the file" if row.kind == "flux2" else f"{row.scale:g}" for row in found)
    shifts = dict.fromkeys("in the file" if row.kind == "flux2" else "per channel" if row.mean else f"{row.shift:g}"
                           for row in found)  # fmt: skip
    return " or ".join(scales), " or ".join(shifts)


def _wide(text: str) -> Markup:
    return tag("span", text, class_="vaeface-wide")


def _fit(verdict: Verdict) -> Markup:
    allowed = " (you allowed it)" if verdict.answer == UNKNOWN and verdict.allowed else ""
    return join((answer_mark(verdict.answer), allowed))


def _notes(info: VaeInfo, verdict: Verdict) -> list[str]:
    found = [verdict.reason]
    found += [f"Said by {claim.source}: {', '.join(claim.formats)}." for claim in info.claims]
    if not info.encoder:
        found.append("Decoder only.")
    if info.kind == "checkpoint":
        found.append("Inside a whole checkpoint.")
    return found


def build(desk: Desk) -> None:
    """The page's part, to be called inside a gr.Tab."""
    part = Inspect(desk)
    names = desk.names()
    first = names[0] if names else None
    with gr.Row():
        look = gr.Button("List the VAE files", elem_id="vaeface_inspect_look", elem_classes=["vaeface-first-seen"])
        measure = gr.Button("Test and measure them all", elem_id="vaeface_inspect_measure")
    files = gr.HTML(elem_id="vaeface_inspect_files")
    name = unsaved(gr.Dropdown(choices=names, value=first, label="VAE", elem_id="vaeface_inspect_vae"))
    with gr.Row():
        pair = gr.Button("Pairing test", variant="primary", elem_id="vaeface_inspect_pair")
        yes = gr.Button("Allow it although its fit can't be told", elem_id="vaeface_inspect_allow")
        no = gr.Button("Forget that", elem_id="vaeface_inspect_forget")
    decided = gr.HTML(elem_id="vaeface_inspect_decided")
    said = gr.HTML(elem_id="vaeface_inspect_said")
    pictures = gr.HTML(elem_id="vaeface_inspect_pictures")
    with gr.Accordion("Convert old files (.pt, .ckpt) to safetensors", open=False, elem_id="vaeface_inspect_old"):
        there = pickles(desk.bench.library.entries)
        old = unsaved(gr.Dropdown(choices=there, label="Old file", elem_id="vaeface_inspect_pickle"))
        turn = gr.Button("Convert", elem_id="vaeface_inspect_convert")
        turned = gr.HTML(elem_id="vaeface_inspect_converted")
    with gr.Accordion("Latent formats", open=False, elem_id="vaeface_inspect_formats"):
        gr.HTML(formats())
    look.click(fn=part.files, inputs=[], outputs=[name, files])
    measure.click(fn=part.measure, inputs=[], outputs=[name, files])
    pair.click(fn=part.pair, inputs=[name], outputs=[said, pictures])
    yes.click(fn=lambda chosen: part.allow(chosen, True), inputs=[name], outputs=[decided])
    no.click(fn=lambda chosen: part.allow(chosen, False), inputs=[name], outputs=[decided])
    turn.click(fn=part.convert, inputs=[old], outputs=[old, turned])
