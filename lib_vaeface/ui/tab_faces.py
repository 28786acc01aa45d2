"""Faces: found and numbered, boxes drawn by hand, decoded again by another VAE. Nothing is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from lib_vaeface.face.boxes import parse_boxes
from lib_vaeface.face.detect import SEARCHES
from lib_vaeface.face.filters import choose
from lib_vaeface.face.passes import FacePass
from lib_vaeface.face.shown import EVERYTHING, KINDS, NOTHING, WANTED
from lib_vaeface.ui.desk import (
    AUTOMATIC,
    LAST,
    Desk,
    Subject,
    drop_id,
    problem,
    said_of,
    source_controls,
    teller,
    unsaved,
)
from lib_vaeface.ui.face_boxes import listed, outcome, stage, text_of
from lib_vaeface.ui.face_work import Looked, Made, detectors, improved, made_of, pictures, place_of, said, settings_of
from lib_vaeface.ui.gradio_compat import js
from lib_vaeface.ui.html import Markup, join, tag
from lib_vaeface.ui.tab_compare import Listing, listing, unfit
from lib_vaeface.ui.uploads import sent_first
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.compare import decode_each
from lib_vaeface.vae.finest import finest
from lib_vaeface.vae.library import VaeNameError
from lib_vaeface.vae.workbench import BUILT_IN, Reference, Told, most_bytes

EMPTY = Markup("")
BOXES = "vaeface_faces_boxes"
PANELS = ("txt2img", "img2img")


@dataclass(frozen=True)
class Faces:
    """The handlers. Each gives what its outputs show."""

    desk: Desk

    def find(
        self, sent: str, source: str, kept: str, whose: str, number: float, search: str, score: float, count: float,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[Markup, Markup, Any, Markup]:  # fmt: skip
        """(what is to be said, the picture, the text of boxes, the table)."""

        def work() -> tuple[Markup, Markup, str, Markup]:
            settings = settings_of(search, score, count)
            looked = self._looked(sent, source, kept, whose, number, teller(progress))
            found = detectors(looked).get(settings).detect([looked.picture])[0]
            faces = choose(found, looked.size, settings)
            text = text_of(faces, looked.size)
            return said(looked), stage(looked.picture, text, BOXES), text, listed(faces)

        found = self.desk.guarded(work)
        return (found, EMPTY, gr.update(), EMPTY) if isinstance(found, Markup) else found

    def show(
        self, sent: str, source: str, kept: str, whose: str, number: float, text: str,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[Markup, Markup, Markup]:  # fmt: skip
        """(what is to be said, the picture with the boxes that are there, an empty table)."""

        def work() -> tuple[Markup, Markup, Markup]:
            looked = self._looked(sent, source, kept, whose, number, teller(progress))
            return said(looked), stage(looked.picture, text or "", BOXES), EMPTY

        found = self.desk.guarded(work)
        return (found, EMPTY, EMPTY) if isinstance(found, Markup) else found

    def refresh(
        self, sent: str, source: str, kept: str, whose: str,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, Any, Markup]:  # fmt: skip
        """(choices of face VAEs, choices of whose latents, what can't be chosen and why), everything proved."""

        def work() -> tuple[Listing, Reference, str]:
            told = teller(progress)
            try:
                subject = self.desk.subject(source, kept, sent)
                reference, reason = self.desk.whose(subject, whose, told)
            except ValueError:
                reference, reason = self.desk.bench.built_in(), "It is the loaded model's."
            return listing(self.desk, reference, True, told), reference, reason

        found = self.desk.guarded(work)
        names = [AUTOMATIC, BUILT_IN, *self.desk.names(again=True)]
        if isinstance(found, Markup):
            return gr.update(), gr.update(choices=names), found
        files, reference, reason = found
        choices = [AUTOMATIC, reference.name, *files.fitting]
        left = join([said_of(reference, reason), unfit(files, reference)])
        return gr.update(choices=choices, value=AUTOMATIC), gr.update(choices=names), left

    def decode(
        self, sent: str, source: str, kept: str, whose: str, number: float, search: str, score: float, count: float,
        text: str, vae: str, tone: float,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> tuple[Markup, Markup, Made | None, Markup]:  # fmt: skip
        """(what was done, before and after, what can be saved, what the last saving said)."""

        def work() -> tuple[Markup, Markup, Made]:
            told = teller(progress)
            settings = settings_of(search, score, count, tone)
            looked = self._looked(sent, source, kept, whose, number, told)
            own = parse_boxes(text or "", looked.picture.shape[1:])
            reference, reason = self._reference(looked, whose, told)
            name, codec, why = self._face_vae(vae, reference)
            told(0.5, f"faces by {name}")
            done = improved(looked, settings, own, codec, reference)
            if not done.records[0]:
                raise ValueError("; ".join([*done.notes, "No face was found. Draw boxes, or search otherwise."]))
            words = [said_of(reference, reason), tag("p", f"Faces by {name}. {why}", class_="vaeface-note")]
            made = made_of(looked, done, name)
            return join([*words, outcome(done.records[0], done.notes)]), pictures(looked, done, made, name), made

        found = self.desk.guarded(work)
        return (found, EMPTY, None, EMPTY) if isinstance(found, Markup) else (*found, EMPTY)

    def save(self, made: Made | None, also: str) -> Markup:
        """Saves what `decode` made, and what else was asked for."""
        if made is None:
            return problem("There is nothing to save yet: decode the faces again first.")

        def work() -> Markup:
            wanted = KINDS if also == EVERYTHING else (also,)
            more = [image for kind, image in made.others if kind in wanted]
            names = [self.desk.host.save_picture(image, made.infotext) for image in (made.image, *more)]
            return tag("p", f"Saved as {', '.join(names)}.", role="status")

        return self.desk.written(work)

    def _looked(self, sent: str, source: str, kept: str, whose: str, number: float, told: Told) -> Looked:
        """The picture that the person chose. ValueError: there is none."""
        subject = self.desk.subject(source, kept, sent)
        if subject.picture is not None:
            place_of(number, 1)
            return Looked(subject.picture[0], None, None, "", subject, subject.infotext)
        reference, reason = self.desk.whose(subject, whose, told)
        latents = self.desk.latents(subject, reference)
        place = place_of(number, len(latents))
        latent = latents[place : place + 1]
        told(0.3, "decoding")
        codec = reference.codec
        picture = decode_each(latent, {reference.name: codec}, most_bytes(codec.device))[reference.name]
        if isinstance(picture, str):
            raise ValueError(picture)
        return Looked(picture[0].float(), latent, reference, reason, subject, self._infotext(source, subject, place))

    def _infotext(self, source: str, subject: Subject, place: int) -> str:
        last = self.desk.last() if source == LAST else None
        return last.infotexts[place] if last is not None and place < len(last.infotexts) else subject.infotext

    def _reference(self, looked: Looked, whose: str, told: Told) -> tuple[Reference, str]:
        if looked.reference is not None:
            return looked.reference, looked.reason
        return self.desk.whose(looked.subject, whose, told)

    def _face_vae(self, wanted: str, reference: Reference) -> tuple[str, Autoencoder, str]:
        """(name, codec for the reference's latents, why it is that one). VaeNameError: it does not fit."""
        if wanted == reference.name:
            return reference.name, reference.codec, "As chosen."
        if wanted not in ("", None, AUTOMATIC):
            return wanted, self.desk.bench.kin(wanted, reference), "As chosen; it is proved to fit."
        pick = finest(self.desk.bench.picker, self.desk.bench.own())
        if pick.codec is not None and pick.name != reference.name:
            try:
                return pick.name, self.desk.bench.kin(pick.name, reference), f"{pick.why}."
            except VaeNameError:
                pass  # it fits the loaded model, but not these latents
        return reference.name, reference.codec, f"{pick.why}; the latents' own VAE was used, in full precision."


def build(desk: Desk) -> None:
    """The page's part, to be called inside a gr.Tab."""
    part = Faces(desk)
    sent = gr.Textbox(visible=False, elem_id="vaeface_faces_sent")
    source, kept = source_controls(desk, "faces")
    with gr.Row():
        whose = unsaved(gr.Dropdown(
            choices=[AUTOMATIC, BUILT_IN, *desk.names()], value=AUTOMATIC, label="Whose latents",
            elem_id="vaeface_faces_whose",
            info="The VAE that they are of, or that a picture is encoded with; Automatic finds it, or asks.",
        ))  # fmt: skip
        number = unsaved(gr.Number(value=1, precision=0, label="Picture", elem_id="vaeface_faces_number",
                                   info="Which one, where there are several"))  # fmt: skip
    find, show = _search_buttons()
    search, score, count = _search_controls()
    about = gr.HTML(elem_id="vaeface_faces_said")
    shown = gr.HTML(elem_id="vaeface_faces_shown")
    boxes = unsaved(gr.Textbox(value="", label="Boxes", lines=2, elem_id=BOXES,
                               info="left,top,right,bottom as shares of the picture; follows the picture, and the "
                                    "picture follows it"))  # fmt: skip
    _buttons_to_panels()
    found = gr.HTML(elem_id="vaeface_faces_found")
    first = [sent, source, kept, whose, number]
    drop = drop_id("faces")
    wanted = [*first, search, score, count]
    find.click(fn=part.find, inputs=wanted, outputs=[about, shown, boxes, found], **js(sent_first(drop, len(wanted))))
    looking = [*first, boxes]
    show.click(fn=part.show, inputs=looking, outputs=[about, shown, found], **js(sent_first(drop, len(looking))))
    _build_decoding(part, wanted, whose, boxes)


def _search_controls() -> tuple[Any, Any, Any]:
    """(search, score, count) as a generation's defaults have them."""
    base = FacePass()
    with gr.Row():
        search = gr.Dropdown(choices=list(SEARCHES), value=base.search, label="Search", elem_id="vaeface_faces_search")
        score = gr.Slider(
            minimum=0.05, maximum=0.95, step=0.05, value=base.score, label="Lowest score", elem_id="vaeface_faces_score"
        )
        count = gr.Number(value=base.count, precision=0, label="Faces", elem_id="vaeface_faces_count",
                          info="At most so many, the largest; 0: all")  # fmt: skip
    return search, score, count


def _search_buttons() -> tuple[Any, Any]:
    with gr.Row():
        find = gr.Button("Find faces", variant="primary", elem_id="vaeface_faces_find")
        show = gr.Button("Show the picture with these boxes", elem_id="vaeface_faces_show")
    return find, show


def _buttons_to_panels() -> None:
    """javascript/parts/faces.js copies the text into the panels; no event of gradio's is needed."""
    with gr.Row():
        for name in PANELS:
            gr.Button(f"Use in {name}", elem_id=f"vaeface_faces_use_{name}")
    gr.HTML(tag("p", "", class_="vaeface-note vaeface-faces-used", role="status"), elem_id="vaeface_faces_used")


def _build_decoding(part: Faces, wanted: list[Any], whose: Any, boxes: Any) -> None:
    """wanted: the controls that `Faces.find` takes."""
    with gr.Row():
        vae = unsaved(gr.Dropdown(
            choices=[AUTOMATIC, BUILT_IN, *part.desk.names()], value=AUTOMATIC, label="VAE of the faces",
            elem_id="vaeface_faces_vae",
            info="It must fit the latents. Automatic: an MSE or EMA fine-tune, if one fits.",
        ))  # fmt: skip
        tone = gr.Slider(
            minimum=0.0, maximum=1.0, step=0.05, value=1.0, label="Match of tone", elem_id="vaeface_faces_tone"
        )
        also = gr.Dropdown(choices=list(WANTED), value=NOTHING, label="Save also", elem_id="vaeface_faces_also")
    with gr.Row():
        run = gr.Button("Decode faces again", variant="primary", elem_id="vaeface_faces_run")
        refresh = gr.Button("List the VAEs that fit", elem_id="vaeface_faces_refresh")
        save = gr.Button("Save", elem_id="vaeface_faces_save")
    left = gr.HTML(elem_id="vaeface_faces_unfit")
    saved = gr.HTML(elem_id="vaeface_faces_saved")
    done = gr.HTML(elem_id="vaeface_faces_done")
    result = gr.HTML(elem_id="vaeface_faces_result")
    made = gr.State()
    drop = drop_id("faces")
    inputs = [*wanted, boxes, vae, tone]
    run.click(fn=part.decode, inputs=inputs, outputs=[done, result, made, saved], **js(sent_first(drop, len(inputs))))
    four = wanted[:4]
    refresh.click(fn=part.refresh, inputs=four, outputs=[vae, whose, left], **js(sent_first(drop, len(four))))
    save.click(fn=part.save, inputs=[made, also], outputs=[saved])
