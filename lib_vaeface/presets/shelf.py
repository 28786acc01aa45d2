"""The folder of presets: `<name>.json` each, beside those that come with the extension.

Nothing is lost but the older version of a preset that is saved again: deleted ones go to the folder `deleted`, damaged
files to `damaged`. Several processes may write at once, and one that is killed at any moment leaves every preset as it
was or as it was to be.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import files
from .factory import FACTORY
from .files import FileRefused
from .names import MOST_CHARACTERS, NameRefused, key, valid
from .preset import Damaged, Preset, dump, of_document, parse

SUFFIX = ".json"
DELETED, DAMAGED = "deleted", "damaged"


class PresetError(ValueError):
    """What was asked for can't be done; the message says why, in a person's words, and names no folder."""


@dataclass(frozen=True)
class Listing:
    """mine: the person's own presets by name, sorted. notes: what was found that is none, and what became of it."""

    mine: Mapping[str, Preset]
    notes: tuple[str, ...] = ()


class Shelf:
    """The presets of one folder. Only PresetError is raised."""

    def __init__(self, folder: Path | str) -> None:
        """The folder is made when the first preset is saved."""
        self.folder = Path(folder)

    def listing(self, tidy: bool = True) -> Listing:
        """All of the person's presets that can be read. tidy: damaged files are set aside, else only left out."""
        if tidy:
            files.sweep(self.folder)
        mine: dict[str, Preset] = {}
        notes: list[str] = []
        for name in self.names():
            try:
                preset = self._read(name)
                mine[preset.name] = preset
            except FileNotFoundError:
                pass  # another process has just deleted it
            except Damaged as error:
                notes.append(self._set_aside(name, error) if tidy else f"“{name}” is damaged: {error}.")
            except (FileRefused, NameRefused) as error:
                notes.append(f"{name[:80]}{SUFFIX} was left alone. {error}")
        return Listing(dict(sorted(mine.items(), key=lambda pair: pair[0].casefold())), tuple(notes))

    def get(self, name: object) -> Preset:
        """The preset of that name, the person's own or one that comes with the extension."""
        if isinstance(name, str) and name in FACTORY:
            return FACTORY[name]
        try:
            return self._read(self._stored(valid(name)))
        except NameRefused as error:
            raise PresetError(f"There is no such preset. {error}") from error
        except FileNotFoundError:
            raise PresetError(f"There is no preset {name}.") from None
        except FileRefused as error:
            raise PresetError(str(error)) from error
        except Damaged as error:
            raise PresetError(self._set_aside(self._stored(valid(name)), error)) from error

    def save(self, name: object, values: Mapping[str, Any]) -> Preset:
        """Save under a name, new or one's own. What an earlier version holds that we don't know is kept in it."""
        try:
            if isinstance(name, str):
                free(name[: 4 * MOST_CHARACTERS])
            preset = Preset(valid(name), dict(values))
            self.make_ready()
            with files.locked(self.folder):
                return self.put(preset)
        except (NameRefused, FileRefused) as error:
            raise PresetError(str(error)) from error

    def put(self, preset: Preset) -> Preset:
        """Write one, for whoever holds the lock. FileRefused, PresetError."""
        stored = self._stored(preset.name)
        for other in self.names():
            if key(other) == key(preset.name) and other != stored:
                raise PresetError(f"“{preset.name}” looks like the preset “{other}”; choose another name.")
        try:
            preset = self._read(stored).resaved(preset.values)
        except FileNotFoundError:
            pass
        except Damaged:
            files.move(self._path(stored), self.folder / DAMAGED)
        try:
            data = dump(preset.document())
        except ValueError as error:
            raise PresetError(str(error)) from error
        if len(data) > files.LIMIT:
            raise PresetError(f"“{preset.name}” was not saved: it is larger than {files.LIMIT // 2**20} MB.")
        files.write(self._path(stored), data)
        return preset

    def delete(self, name: object) -> None:
        """Move a preset of one's own to the folder `deleted`."""
        try:
            if isinstance(name, str) and name in FACTORY:
                raise PresetError(f"“{name}” comes with the extension and can't be deleted.")
            path = self._path(self._stored(valid(name)))
            self.make_ready()
            with files.locked(self.folder):
                files.plain(path)
                files.move(path, self.folder / DELETED)
        except FileNotFoundError:
            raise PresetError(f"There is no preset {name}.") from None
        except (NameRefused, FileRefused) as error:
            raise PresetError(str(error)) from error

    def names(self) -> list[str]:
        """Of all files that might be presets, damaged ones among them."""
        try:
            return sorted(name.removesuffix(SUFFIX) for name in os.listdir(self.folder) if name.endswith(SUFFIX))
        except OSError:
            return []

    def make_ready(self) -> None:
        """Make the folder, out of git's sight where the WebUI's data lie in its repository. FileRefused."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            ignore = self.folder / ".gitignore"
            if not os.path.lexists(ignore):
                files.write(ignore, b"*\n")
        except OSError as error:
            raise FileRefused(f"The folder of presets can't be made: {files.reason(error)}.") from error

    def _stored(self, name: str) -> str:
        """The name as it stands in the folder: a file system may keep it decomposed, or a person may have."""
        return next((other for other in self.names() if other != name and _composed(other) == name), name)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    def _read(self, name: str) -> Preset:
        composed = valid(name)
        free(composed)
        data = files.read(self._path(name))
        if len(data) > files.LIMIT:
            raise Damaged(f"it is larger than {files.LIMIT // 2**20} MB")
        return of_document(parse(data), composed)

    def _set_aside(self, name: str, error: Damaged) -> str:
        """Move a damaged file away, unless it is whole by now; gives the words for it."""
        try:
            with files.locked(self.folder):
                try:
                    self._read(name)
                    return f"“{name}” was damaged and has been saved again meanwhile."
                except Damaged:
                    moved = files.move(self._path(name), self.folder / DAMAGED)
                    return f"“{name}” is damaged: {error}. It was set aside as {DAMAGED}/{moved.name}."
        except FileNotFoundError:
            return f"“{name}” is damaged: {error}. Another program has set it aside."
        except (FileRefused, NameRefused) as failed:
            return f"“{name}” is damaged: {error}. It was left where it is: {failed}"


def free(name: str) -> None:
    """NameRefused: it is, or looks like, the name of one that comes with the extension."""
    for taken in FACTORY:
        if key(taken) == key(name):
            raise NameRefused(f"“{taken}” comes with the extension; choose another name.")


def _composed(name: str) -> str:
    try:
        return valid(name)
    except NameRefused:
        return name
