"""What the tab's parts share: the WebUI, the workbench, where latents come from, and how errors are shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from torch import Tensor

from lib_vaeface.host.tab_protocol import TabHost
from lib_vaeface.ui import uploads
from lib_vaeface.ui.html import Markup, tag
from lib_vaeface.ui.outside import check
from lib_vaeface.vae.crossing import listed
from lib_vaeface.vae.kept import Kept
from lib_vaeface.vae.picked import AUTOMATIC
from lib_vaeface.vae.sampled import read_file
from lib_vaeface.vae.universal import Stored, for_codec
from lib_vaeface.vae.workbench import Reference, Regions, Told, Undecided, Workbench

LAST, KEPT, FILE = "Last generation", "Kept latents", "A file of mine"
SOURCES = (LAST, KEPT, FILE)
ACCEPT = ".latent,.safetensors,image/*"


@dataclass(frozen=True)
class Subject:
    """What is to be looked at: latents of some VAE, or a picture [1,3,H,W]. infotext: "" if there is none.

    reference: the VAE of the latents, where it is certain.
    """

    latents: Stored | None
    picture: Tensor | None
    infotext: str
    reference: Reference | None = None


@dataclass(frozen=True)
class Desk:
    """last: the last generation, None before the first. regions: faces and eyes of pictures, None without a detector.

    Everything a handler gets from a client is a name to be looked up, a choice, or the contents of a file.
    """

    host: TabHost
    bench: Workbench
    last: Callable[[], Kept | None]
    regions: Regions | None = None

    @property
    def latents_folder(self) -> Path:
        return self.host.data_folder() / "latents"

    @property
    def maps_folder(self) -> Path:
        return self.host.data_folder() / "maps"

    def kept(self) -> dict[str, Path]:
        """Latent files by name: those that the tab has written, and those beside the newest pictures."""
        return listed([self.latents_folder, *self.host.picture_folders()], uploads.LATENTS)

    def maps(self) -> dict[str, Path]:
        return listed([self.maps_folder], (".safetensors",))

    def names(self, again: bool = False) -> list[str]:
        """VAE files that can be used, as they were listed last; again: after another look at the folders."""
        entries = self.bench.entries() if again else self.bench.library.entries
        return [entry.name for entry in entries if entry.usable]

    def subject(self, source: str, kept: str | None, sent: str | None) -> Subject:
        """What the person chose. ValueError: there is nothing, or it can't be read."""
        if source == LAST:
            return self._last()
        if source == KEPT:
            path = self.kept().get(kept or "")
            if path is None:
                raise ValueError("Choose one of the kept latents.")
            found = read_file(path)
            return Subject(found.stored, None, found.infotext)
        files = uploads.read(sent)
        if not files:
            raise ValueError("Choose a file: latents (.latent, .safetensors) or a picture.")
        if files[0].is_latents:
            found = files[0].latents()
            return Subject(found.stored, None, found.infotext)
        return Subject(None, files[0].picture(), files[0].infotext())

    def _last(self) -> Subject:
        last = self.last()
        if last is None:
            raise ValueError("There is no last generation yet. Generate a picture with VAE Face switched on.")
        about, own = last.about, self.bench.own()
        stored = Stored(last.raw, True, about.format, about.vae_hash, about.vae_name)
        reference = self.bench.built_in(own) if own.identity == last.identity else None
        return Subject(stored, None, last.infotexts[0] if last.infotexts else "", reference)

    def whose(self, subject: Subject, said: str, told: Told) -> tuple[Reference, str]:
        """The VAE of a subject's latents, or that a picture is to be encoded with; and why. Undecided, ValueError."""
        name = "" if said in ("", AUTOMATIC) else said
        if subject.reference is not None and not name:
            return subject.reference, "Its model painted the last generation."
        if subject.latents is None:
            reference = self.bench.opened(name) if name else self.bench.built_in()
            return reference, "The picture is encoded with it."
        return self.bench.whose(subject.latents, name, told)

    def latents(self, subject: Subject, reference: Reference) -> Tensor:
        """A subject's latents as the reference's sampler has them. ValueError: they have other channels."""
        assert subject.latents is not None
        found, wanted = subject.latents.tensor.shape[1], reference.codec.channels
        if found not in (wanted, reference.codec.architecture.raw_channels):
            raise ValueError(f"These latents have {found} channels, {reference.name} takes {wanted}.")
        return for_codec(subject.latents, reference.codec)

    def guarded(self, work: Callable[[], Any]) -> Any:
        """What `work` gives while no generation runs, or the reason why it failed as Markup; never an exception."""
        try:
            with self.host.alone():
                return work()
        except Undecided as error:
            choose = f" Choose one of: {', '.join(error.options[:20])}." if error.options else ""
            return problem(f"{error}{choose}")
        except ValueError as error:
            return problem(str(error))
        except OSError as error:
            return problem(f"A file could not be read or written: {error.strerror or type(error).__name__}.")
        except Exception as error:
            self.host.report_error(f"VAE Face: the tab's {type(error).__name__}")
            return problem(f"It failed ({type(error).__name__}); the console has the details.")

    def written(self, work: Callable[[], Any]) -> Any:
        """As `guarded`, for what leaves files or decisions behind: not for people outside."""

        def checked() -> Any:
            check(self.host)
            return work()

        return self.guarded(checked)


def said_of(reference: Reference, reason: str) -> Markup:
    return tag("p", f"Reference: {reference.title}. {reason}", class_="vaeface-note")


# A path of two parts or more, in either system's spelling, up to its last part; never "1/8" or "and/or".
FOLDERS = re.compile(r"""(?<![\w/\\.<])(?:[A-Za-z]:)?(?:[\\/][^\\/\s:'"]+)+[\\/](?=[^\\/\s])""")


def problem(text: str) -> Markup:
    """An error in words. Folders of this machine are nobody's business, whatever raised it."""
    return tag("p", FOLDERS.sub("", text), class_="vaeface-error", role="alert")


def teller(progress: Any) -> Told:
    """gradio's progress bar as the cores tell of their progress."""

    def told(done: float, what: str) -> None:
        progress(done, desc=what)

    return told


def table(head: Sequence[str], rows: Sequence[Sequence[object]], caption: str = "") -> Markup:
    """A table that scrolls in its own box where the page is too narrow."""
    top = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head)))
    body = tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows))
    title = [tag("caption", caption)] if caption else []
    return tag("div", tag("table", *title, top, body), class_="vaeface-table")


def unsaved(component: Any) -> Any:
    """A control whose value is no business of the WebUI's ui-config.json: its choices change."""
    component.do_not_save_to_config = True
    return component


def source_controls(desk: Desk, part: str) -> tuple[Any, Any]:
    """(source, kept latents), with the drop zone that `uploads.sent_first(drop_id(part), ...)` reads."""
    prefix = f"vaeface_{part}"
    source = unsaved(
        gr.Radio(choices=list(SOURCES), value=LAST, label="Latents or picture", elem_id=f"{prefix}_source")
    )
    kept = unsaved(gr.Dropdown(choices=list(desk.kept()), label=KEPT, visible=False, elem_id=f"{prefix}_kept"))
    drop = gr.HTML(
        uploads.drop_zone(drop_id(part), "Drop latents or a picture here, or click to choose", ACCEPT),
        visible=False, elem_id=f"{prefix}_file",
    )  # fmt: skip

    def shown(chosen: str) -> tuple[Any, Any]:
        return gr.update(visible=chosen == KEPT, choices=list(desk.kept())), gr.update(visible=chosen == FILE)

    source.change(fn=shown, inputs=[source], outputs=[kept, drop], show_progress=False)
    return source, kept


def drop_id(part: str) -> str:
    return f"vaeface_{part}_drop"
