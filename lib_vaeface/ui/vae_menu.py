"""The panel's VAE pickers: which files fit the loaded model, what is known of the picked one, what Automatic takes.

Nothing here runs while the page is built. The page asks when the panel is opened, when the checkpoint changes and when
the person asks; then headers and slices of weights are read, never a picture decoded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gradio as gr

from lib_vaeface.host.tab_protocol import TabHost
from lib_vaeface.options import DEFAULT_VAE, REMEMBER_VAE
from lib_vaeface.settings import FIELDS
from lib_vaeface.ui.desk import problem, table, teller
from lib_vaeface.ui.html import Markup, join, tag
from lib_vaeface.ui.outside import check
from lib_vaeface.ui.vae_words import answer_mark, family, precision, size
from lib_vaeface.vae.kinship import CheckpointFacts
from lib_vaeface.vae.listing import Line, Listing, find, listing
from lib_vaeface.vae.picked import AUTOMATIC, BUILT_IN, SAME, Habits, Picker, facts_of, picker_for
from lib_vaeface.vae.verdicts import UNKNOWN
from lib_vaeface.vae.workbench import Told, silent

HEAD = ("VAE", "fit", "family, by its shapes", "precision", "size", "why")
NOT_USED = "The model's own VAE is used instead."
NO_FILE = f"No VAE file of this name is here. {NOT_USED[:-1]}, unless a pasted hash finds a renamed copy."
SAME_AS = {"face_vae": "The VAE of the picture.", "vae_hires": "The VAE of the first pass."}
FIXED = {field.name: field.choices for field in FIELDS if field.listed == "vaes"}
"""What stands in a field's list before the files."""
KNOWN = 8  # models whose facts are kept


class NoModel(ValueError):
    """It may still be loading."""


@dataclass(frozen=True)
class Menu:
    """The handlers. One of it serves both tabs and all people: it keeps what it has read of models, and no choices."""

    host: TabHost
    _facts: dict[str, CheckpointFacts] = field(default_factory=dict)

    def look(self, *picked: tuple[str, str]) -> list[Any]:
        """For each (field, value): the field's choices and its card; last the table of files. Also tells the WebUI."""
        try:
            self.host.vae_names(True)
            found = self._listing()
        except Exception as error:
            return self._all_failed(error, len(picked))
        shown: list[Any] = []
        for name, value in picked:
            shown += [gr.update(choices=[*FIXED[name], *found.names]), self._card(found, name, value)]
        return [*shown, files(found)]

    def card(self, name: str, value: str) -> Markup:
        """What is known of one field's value."""
        try:
            return self._card(self._listing(), name, value)
        except Exception as error:
            return self._failed(error)

    def prove(self, *picked: tuple[str, str], told: Told = silent) -> list[Any]:
        """`look` after a test picture of every file whose fit can't be told without."""
        try:
            open_still = [line for line in self._listing().lines if line.answer == UNKNOWN]
            with self.host.alone():
                own = self.host.vae(None)
                for number, line in enumerate(open_still):
                    told(number / len(open_still), line.entry.name)
                    self._picker().prove(line.entry, own)
        except Exception as error:
            return self._all_failed(error, len(picked))
        return self.look(*picked)

    def forget(self) -> Markup:
        """Forget what was picked last for the loaded checkpoint."""
        try:
            check(self.host)
            facts = self._loaded()
            self._picker().forget(facts)
        except Exception as error:
            return self._failed(error)
        return tag("p", f"The pick for {facts.name} is forgotten.", class_="vaeface-note", role="status")

    def _card(self, found: Listing, name: str, value: str) -> Markup:
        if value == SAME and name in SAME_AS:
            return _said(SAME_AS[name])
        if value == BUILT_IN:
            return _said(f"The VAE of {found.checkpoint}.")
        if value == AUTOMATIC:
            return self._automatic(found, *(found.faces if name == "face_vae" else found.automatic))
        line = find(self._picker(), found, value)
        if line is None:
            return _said(answer_mark("not there"), NO_FILE, answer="is not there")
        return _of(line)

    def _automatic(self, found: Listing, name: str, why: str) -> Markup:
        line = next((line for line in found.lines if line.entry.name == name), None)
        if line is None:
            own = "the picture's VAE" if name == SAME else f"the VAE of {found.checkpoint}"
            return _said(tag("b", f"Takes {own}"), why)
        return _said(tag("b", f"Takes {name}"), _facts(line), why, answer=line.answer)

    def _listing(self) -> Listing:
        habits = Habits(self.host.option(DEFAULT_VAE), self.host.option(REMEMBER_VAE))
        return listing(self._picker(), self._loaded(), habits)

    def _picker(self) -> Picker:
        return picker_for(self.host)

    def _loaded(self) -> CheckpointFacts:
        """Of the loaded model. Only the first look at a model waits for a generation that runs. ValueError: none is."""
        if not self.host.has_model():
            raise NoModel("No model is loaded yet, so it can't be told which files fit.")
        identity = self.host.vae(None).identity
        if identity not in self._facts:
            with self.host.alone():
                own = self.host.vae(None)
                identity, facts = own.identity, facts_of(own)
            while len(self._facts) >= KNOWN:
                self._facts.pop(next(iter(self._facts)))
            self._facts[identity] = facts
        return self._facts[identity]

    def _all_failed(self, error: Exception, pickers: int) -> list[Any]:
        return [gr.update(), Markup("")] * pickers + [self._failed(error)]

    def _failed(self, error: Exception) -> Markup:
        if isinstance(error, NoModel):
            return tag("p", str(error), class_="vaeface-note vaeface-again")  # the page asks again after a while
        if isinstance(error, ValueError):
            return problem(str(error))
        self.host.report_error(f"VAE Face: the list of VAE files: {type(error).__name__}")
        return problem(f"The VAE files could not be listed ({type(error).__name__}); the console has the details.")


def files(found: Listing) -> Markup:
    """All files in one folded table, those that can't be picked apart; and a line of each for the open lists."""
    if not found.lines:
        return _said("No VAE files are there. They belong into the WebUI's folder models/VAE.")
    good = [line for line in found.lines if line.can_be_picked]
    bad = [line for line in found.lines if not line.can_be_picked]
    notes = {line.entry.name: [line.answer, f"{_facts(line)}. {line.reason}"] for line in good}
    title = f"{len(good)} VAE files for {found.checkpoint}" + (f", {len(bad)} that can't be picked" if bad else "")
    tables = [_table(good, "")] if good else []
    tables += [_table(bad, "These can't be picked")] if bad else []
    return tag("details", tag("summary", title), *tables, class_="vaeface-files", data_notes=json.dumps(notes))


def _table(lines: list[Line], caption: str) -> Markup:
    order = sorted(lines, key=lambda line: line.answer)
    return table(HEAD, [_row(line) for line in order], caption)


def _row(line: Line) -> list[object]:
    info = line.entry.info
    known = [family(info), precision(info), size(info.identity.size)] if info else ["", "", ""]
    return [line.entry.name, answer_mark(line.answer), *known, line.reason]


def _facts(line: Line) -> str:
    info = line.entry.info
    return " · ".join(filter(None, (family(info), precision(info), size(info.identity.size)))) if info else ""


def _of(line: Line) -> Markup:
    reason = line.reason if line.can_be_picked else f"{line.reason} {NOT_USED}"
    return _said(answer_mark(line.answer), _facts(line), reason, answer=line.answer)


def _said(*parts: object, answer: str = "") -> Markup:
    spaced = [join([tag("span", part)]) for part in parts if part]
    return tag("p", *spaced, class_="vaeface-card", data_answer=answer)


@dataclass
class Parts:
    """Where one panel shows it. pickers: field -> (dropdown, card)."""

    pickers: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    files: Any = None
    prove: Any = None
    refresh: Any = None
    forget: Any = None
    forgotten: Any = None


def connect(menu: Menu, parts: Parts) -> None:
    """The events of one panel. None waits in the queue of generations."""
    names, boxes = [*parts.pickers], [box for box, _ in parts.pickers.values()]
    outputs = [part for pair in parts.pickers.values() for part in pair] + [parts.files]
    quiet: dict[str, Any] = {"show_progress": False, "queue": False}

    def look(*values: str) -> list[Any]:
        return menu.look(*zip(names, values, strict=True))

    def prove(*values: str, progress: Any = gr.Progress()) -> list[Any]:  # noqa: B008
        return menu.prove(*zip(names, values, strict=True), told=teller(progress))

    parts.refresh.click(fn=look, inputs=boxes, outputs=outputs, **quiet)
    for name, (box, card) in parts.pickers.items():
        box.change(fn=partial(menu.card, name), inputs=[box], outputs=[card], **quiet)
    parts.prove.click(fn=prove, inputs=boxes, outputs=outputs)
    forgotten = parts.forget.click(fn=menu.forget, inputs=[], outputs=[parts.forgotten], **quiet)
    forgotten.then(fn=look, inputs=boxes, outputs=outputs, **quiet)
