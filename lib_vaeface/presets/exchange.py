"""All presets in one file, to take to another machine or to keep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import files
from .files import FileRefused
from .names import MOST_CHARACTERS, NameRefused, key
from .preset import Damaged, Preset, dump, of_document, parse
from .shelf import DELETED, SUFFIX, PresetError, Shelf, free

FORMAT = "vaeface_presets"
MOST_BYTES = 8 * 2**20
MOST = 1000
LEAVE, RENAME, REPLACE = "Leave mine", "Keep both", "Replace mine"
CONFLICTS = (LEAVE, RENAME, REPLACE)


@dataclass
class Report:
    """Names: added, there already with the same values, replaced, in conflict. problems: (what, why) of the others."""

    added: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def export(shelf: Shelf) -> str:
    """One JSON text with all presets of one's own."""
    mine = shelf.listing(tidy=False).mine
    return dump({FORMAT: 1, "presets": [preset.document() for preset in mine.values()]}).decode("utf8")


def import_text(shelf: Shelf, text: bytes, conflicts: str = LEAVE) -> Report:
    """Take presets from an exported file, or from the file of one preset.

    conflicts: what to do where a name is taken by another preset: LEAVE reports it, RENAME adds it under a name with a
    number, REPLACE moves one's own to the deleted ones first. PresetError: the file can't be read or written.
    """
    report = Report()
    found = list(_presets(text, report))
    if found:
        try:
            shelf.make_ready()
            with files.locked(shelf.folder):
                for preset in found:
                    _take(shelf, preset, conflicts, report)
        except FileRefused as error:
            raise PresetError(str(error)) from error
    return report


def _presets(text: bytes, report: Report) -> Iterable[Preset]:
    if len(text) > MOST_BYTES:
        raise PresetError(f"The file is larger than {MOST_BYTES // 2**20} MB.")
    try:
        document = parse(text)
    except Damaged as error:
        raise PresetError(f"The file holds no presets: {error}.") from error
    for number, one in enumerate(_listed(document), 1):
        name = one.get("name") if isinstance(one, dict) else None
        shown = name[: 2 * MOST_CHARACTERS] if isinstance(name, str) and name else f"number {number}"
        try:
            preset = of_document(one)
            free(preset.name)
            yield preset
        except (Damaged, NameRefused) as error:
            report.problems.append((shown, str(error)))


def _listed(document: Any) -> list[Any]:
    listed = document.get("presets") if isinstance(document, dict) and FORMAT in document else None
    if isinstance(document, dict) and "values" in document:
        listed = [document]
    if not isinstance(listed, list):
        raise PresetError("The file holds no presets of VAE Face.")
    if len(listed) > MOST:
        raise PresetError(f"The file holds {len(listed)} presets; {MOST} can be imported at once.")
    return listed


def _take(shelf: Shelf, preset: Preset, conflicts: str, report: Report) -> None:
    taken = next((name for name in shelf.names() if key(name) == key(preset.name)), None)
    if taken is not None and _same(shelf, taken, preset):
        report.same.append(taken)
        return
    if taken is not None and conflicts == LEAVE:
        report.conflicts.append(taken)
        return
    try:
        if taken is not None and conflicts == REPLACE:
            files.move(shelf.folder / f"{taken}{SUFFIX}", shelf.folder / DELETED)
        name = _numbered(shelf, preset.name) if taken is not None and conflicts == RENAME else preset.name
        shelf.put(Preset(name, preset.values, preset.schema, preset.more))
    except (PresetError, NameRefused) as error:
        report.problems.append((preset.name, str(error)))
        return
    (report.replaced if taken is not None and conflicts == REPLACE else report.added).append(name)


def _same(shelf: Shelf, name: str, preset: Preset) -> bool:
    try:
        return shelf.get(name).values == preset.values
    except PresetError:
        return False


def _numbered(shelf: Shelf, name: str) -> str:
    """The name with the first number that makes it free, cut where it gets too long."""
    taken = {key(other) for other in shelf.names()}
    for number in range(2, MOST + 2):
        end = f" ({number})"
        new = name[: MOST_CHARACTERS - len(end)].rstrip(". ") + end
        if key(new) not in taken:
            return new
    raise NameRefused(f"There are too many presets called {name}.")
