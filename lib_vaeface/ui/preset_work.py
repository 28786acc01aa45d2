"""What the buttons of the row of presets do. Everything that comes from the page is a stranger's word."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lib_vaeface.host import Host
from lib_vaeface.presets import fitted, shelf_of
from lib_vaeface.presets.exchange import CONFLICTS, Report, export, import_text
from lib_vaeface.presets.factory import FACTORY
from lib_vaeface.presets.shelf import PresetError, Shelf
from lib_vaeface.settings import NAMES, Settings
from lib_vaeface.ui import uploads
from lib_vaeface.ui.desk import problem
from lib_vaeface.ui.html import Markup, join, tag
from lib_vaeface.ui.outside import check
from lib_vaeface.vae.picked import picker_for

NOTE = "vaeface-note"
MARK = " · factory"  # no name of a person's has the dot
NOTHING = Markup("")
MOST_LINES = 12
RECENT = 10.0  # seconds
_RECENT: dict[str, float] = {}
"""What has lately been found wrong in the folder, and when."""


@dataclass(frozen=True)
class Presets:
    """The handlers. ids: elements of the page by field. Each gives what its outputs show, and raises nothing."""

    host: Host

    @property
    def shelf(self) -> Shelf:
        return shelf_of(self.host)

    def choices(self) -> list[str]:
        """As they stand in the list: the person's own, then those that come along."""
        try:
            mine = list(self.shelf.listing(tidy=False).mine)
        except Exception:  # the page is there without
            self.host.report_error("VAE Face: the list of presets")
            mine = []
        return [*mine, *(name + MARK for name in FACTORY)]

    def choose(self, picked: object, ids: Mapping[str, str]) -> list[Any]:
        """Of every field, then the name to save it under, what is said, and what the page is to watch."""
        left = [gr.update() for _ in (*NAMES, "name")]
        name = name_of(picked)
        if not name:
            return [*left, NOTHING, ""]

        def work() -> list[Any]:
            preset = self.shelf.get(name)
            found = fitted(preset, self.host, lambda name: picker_for(self.host).has(name))
            filled = [gr.update(value=found.values[one]) if one in found.values else gr.update() for one in NAMES]
            said = notes([preset.about] if preset.about else [], found.notes)
            watch = watched(picked, [ids[one] for one in found.values])
            return [*filled, gr.update(value="" if preset.factory else preset.name), said, watch]

        return self._guarded(work, lambda said: [*left, said, ""])

    def save(self, ids: Mapping[str, str], name: object, *values: object) -> tuple[Any, Markup, str]:
        """Keep the values of all fields."""

        def work() -> tuple[Any, Markup, str]:
            check(self.host)
            settings, _ = Settings.from_mapping(dict(zip(NAMES, values, strict=False)))
            saved = self.shelf.save(name_of(name), {one: getattr(settings, one) for one in NAMES})
            said = tag("p", f"“{saved.name}” is saved.", class_=NOTE, role="status")
            return self._list(saved.name), said, watched(saved.name, list(ids.values()))

        return self._guarded(work, lambda said: (gr.update(), said, ""))

    def refresh(self) -> tuple[Any, Any]:
        """Also sets damaged files aside, which both tabs' rows are to tell, whoever is asked first."""

        def work() -> tuple[Any, Any]:
            now = time.monotonic()
            _RECENT.update(dict.fromkeys(self.shelf.listing().notes, now))
            for note in [note for note, when in _RECENT.items() if now - when > RECENT]:
                del _RECENT[note]
            return self._list(), notes([], list(_RECENT)) if _RECENT else gr.update()

        return self._guarded(work, lambda said: (gr.update(), said))

    def ask(self, picked: object) -> tuple[Any, Markup, Markup]:
        """Whether to delete."""

        def work() -> tuple[Any, Markup, Markup]:
            check(self.host)
            preset = self.shelf.get(name_of(picked))
            if preset.factory:
                raise PresetError(f"“{preset.name}” comes with the extension and can't be deleted.")
            return gr.update(visible=True), tag("p", f"Delete “{preset.name}”?", role="alert"), NOTHING

        return self._guarded(work, lambda said: (gr.update(visible=False), NOTHING, said))

    def delete(self, picked: object) -> tuple[Any, Markup, str, Any]:
        hidden = gr.update(visible=False)

        def work() -> tuple[Any, Markup, str, Any]:
            check(self.host)
            name = name_of(picked)
            self.shelf.delete(name)
            said = f"“{name}” is deleted; its file is in “deleted” in the folder of presets."
            return self._list(None), tag("p", said, class_=NOTE, role="status"), watched("", []), hidden

        return self._guarded(work, lambda said: (gr.update(), said, "", hidden))

    def bring(self, sent: object, conflicts: object) -> tuple[Any, Markup]:
        """Import what the page has sent."""

        def work() -> tuple[Any, Markup]:
            check(self.host)
            files = uploads.read(sent if isinstance(sent, str) else None)
            if not files:
                raise PresetError("Choose an exported file first.")
            chosen = conflicts if isinstance(conflicts, str) and conflicts in CONFLICTS else CONFLICTS[0]
            report = import_text(self.shelf, files[0].data, chosen)
            return self._list(), told(report)

        return self._guarded(work, lambda said: (gr.update(), said))

    def export(self) -> tuple[str, Markup]:
        """All of the person's own as one text."""
        return self._guarded(lambda: (export(self.shelf), NOTHING), lambda said: ("", said))

    def _list(self, *value: Any) -> Any:
        more = {"value": value[0]} if value else {}
        return gr.update(choices=self.choices(), **more)

    def _guarded(self, work: Callable[[], Any], failed: Callable[[Markup], Any]) -> Any:
        try:
            return work()
        except ValueError as error:  # a PresetError, an OutsideError, or an upload that is none
            return failed(problem(str(error)))
        except Exception as error:
            self.host.report_error(f"VAE Face: presets: {type(error).__name__}")
            return failed(problem(f"It failed ({type(error).__name__}); the console has the details."))


def name_of(picked: object) -> str:
    """The name that an entry of the list, or what was typed, stands for."""
    return picked.removesuffix(MARK) if isinstance(picked, str) else ""


def watched(picked: object, ids: Sequence[str]) -> str:
    """What the page needs to tell whether its controls differ from the preset."""
    return json.dumps({"name": picked, "ids": list(ids)})


def notes(about: Sequence[str], problems: Sequence[str]) -> Markup:
    """What a preset is, and what of it could not be taken."""
    more = [f"{len(problems) - MOST_LINES} more"] if len(problems) > MOST_LINES else []
    said = [tag("p", line, class_=NOTE, role="status") for line in about]
    said += [tag("p", line, class_="vaeface-warning", role="status") for line in [*problems[:MOST_LINES], *more]]
    return join(said)


def told(report: Report) -> Markup:
    """What an import has done."""
    lines = [
        f"{title}: {', '.join(names[:50])}{' ...' if len(names) > 50 else ''}."
        for title, names in (
            ("Added", report.added), ("Replaced, the old ones are in “deleted”", report.replaced),
            ("There already", report.same),
        )
        if names
    ]  # fmt: skip
    problems = [f"“{name}” was not imported: {why}" for name, why in report.problems]
    if report.conflicts:
        named = ", ".join(report.conflicts[:50])
        problems.insert(0, f"Left alone, because presets of yours have these names with other values: {named}.")
    return notes(lines or ["Nothing was added."], problems)
