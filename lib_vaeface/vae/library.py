"""The VAE files that a person has: found in given folders, keyed by name, looked at again only when they changed.

A name is looked up in the list and nowhere else; it is never joined to a path. Two files of one name are told apart by
their folders. What can't be used is listed too, with the reason.
"""

from __future__ import annotations

import difflib
import os
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import VaeFileError
from .hashes import Hashes
from .header import Identity
from .inspect import VaeInfo, inspect

ENDINGS = (".safetensors", ".pt", ".ckpt", ".pth")
BESIDE_CHECKPOINTS = (".vae.safetensors", ".vae.pt", ".vae.ckpt")  # as A1111 tells a VAE among checkpoints
MAX_FILES, MAX_DEPTH = 20_000, 12
SHORTEST_HASH = 8
OUTSIDE = "It is a link that leads out of the VAE folders. Move the file in, or add its folder with --vae-dir."


class VaeNameError(ValueError):
    """A name that means no file, or several; the text names what is near."""


@dataclass(frozen=True)
class Folder:
    """A folder to look in, with all below it; only names with one of `endings` count (without regard to case)."""

    path: Path
    endings: tuple[str, ...] = ENDINGS


@dataclass(frozen=True)
class Entry:
    """One file. name: unique in the list. info: None where the file can't be read; then `problem` says why."""

    name: str
    path: Path
    info: VaeInfo | None
    problem: str

    @property
    def usable(self) -> bool:
        return self.info is not None and self.info.usable


@dataclass(frozen=True)
class _Found:
    path: Path
    relative: str
    root: str
    identity: Identity
    problem: str = ""


class Library:
    """The list. Several threads may use it; a refresh swaps the list whole."""

    def __init__(self, folders: Iterable[Folder | Path | str], hashes: Hashes | None = None) -> None:
        """folders that do not exist are skipped, and seen once they do."""
        self.folders = tuple(f if isinstance(f, Folder) else Folder(Path(f)) for f in folders)
        self.hashes = hashes or Hashes()
        self._lock = threading.Lock()
        self._seen: dict[Identity, tuple[VaeInfo | None, str]] = {}
        self._entries: tuple[Entry, ...] = ()
        self._aliases: dict[str, tuple[Entry, ...]] = {}
        self._folded: dict[str, tuple[Entry, ...]] = {}

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The list as it was at the last refresh."""
        return self._entries

    def refresh(self) -> tuple[Entry, ...]:
        """Looks at the folders again; only files of another size or time are opened. Returns the new list."""
        with self._lock:
            found = list(_scan(self.folders))
            known = {}
            for file in found:
                if not file.problem:
                    known[file.identity] = self._seen.get(file.identity) or _look(file.path)
            self._seen = known
            names = _names(found)
            entries = [self._entry(name, file) for name, file in zip(names, found, strict=True)]
            self._entries = tuple(sorted(entries, key=lambda entry: _natural(entry.name)))
            self._aliases = _aliases(zip(names, found, strict=True), self._entries)
            self._folded = _folded(self._aliases)
            return self._entries

    def find(self, name: str) -> Entry:
        """The entry of a name: as listed, as a file name, as a path below its folder, each with or without ending.

        Case and outer spaces count only where they tell files apart. VaeNameError: there is none, or the name means
        several.
        """
        spelled = name.replace("\\", "/")
        entries = self._aliases.get(spelled) or self._folded.get(spelled.strip().casefold(), ())
        if len(entries) == 1:
            return entries[0]
        listed = [entry for entry in entries if entry.name == name]
        if listed:
            return listed[0]
        shown = name[:100]
        if entries:
            raise VaeNameError(f"{shown!r} may be any of {', '.join(entry.name for entry in entries)}.")
        names = {entry.name.casefold(): entry.name for entry in self._entries}
        near = [names[one] for one in difflib.get_close_matches(shown.casefold(), names, 3, 0.4)]
        raise VaeNameError(f"No VAE is called {shown!r}." + (f" Near to it: {', '.join(near)}." if near else ""))

    def by_hash(self, start: str, compute: bool = False) -> Entry | None:
        """The usable file whose sha256 or weight hash starts so (8 characters or more); a weight hash is the same
        for a renamed, re-laid-out or fp16 copy. compute: also of files that were never hashed, which takes time."""
        start = start.lower()
        if len(start) < SHORTEST_HASH or not re.fullmatch("[0-9a-f]+", start):
            return None
        usable = [entry for entry in self._entries if entry.usable]
        for entry in usable:
            if any(known.startswith(start) for known in self._known(entry)):
                return entry
        return next((entry for entry in usable if compute and self._computed(entry, start)), None)

    def _known(self, entry: Entry) -> list[str]:
        if entry.info is None:
            return []
        return [known for kind in ("sha256", "weights") if (known := self.hashes.known(entry.info.identity, kind))]

    def _computed(self, entry: Entry, start: str) -> bool:
        try:
            weights = self.hashes.weights(entry.path)
            return weights.startswith(start) or self.hashes.sha256(entry.path).startswith(start)
        except VaeFileError:
            return False  # gone or broken since it was listed

    def _entry(self, name: str, file: _Found) -> Entry:
        if file.problem:
            return Entry(name, file.path, None, file.problem)
        info, problem = self._seen[file.identity]
        if info is not None:
            sha256, weights = (self.hashes.known(info.identity, kind) for kind in ("sha256", "weights"))
            info = replace(info, sha256=sha256, weight_hash=weights)
        return Entry(name, file.path, info, problem)


def _look(path: Path) -> tuple[VaeInfo | None, str]:
    try:
        info = inspect(path)
    except VaeFileError as error:
        return None, str(error)
    return info, info.problem


def _scan(folders: Iterable[Folder]) -> Iterator[_Found]:
    """Every file once, also where folders overlap or links make rings."""
    real = [(folder, Path(os.path.realpath(folder.path))) for folder in folders]
    roots = [root for _, root in real]
    seen: set[str] = set()
    for folder, root in real:
        for file in _walk(root, root, folder.endings, roots, seen, MAX_DEPTH):
            yield file
            if len(seen) >= MAX_FILES:
                return


def _walk(
    root: Path, folder: Path, endings: tuple[str, ...], roots: list[Path], seen: set[str], depth: int
) -> Iterator[_Found]:
    try:
        items = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError:
        return  # missing, or not ours to read
    for item in items:
        real = os.path.realpath(item.path)
        if real in seen or item.name.startswith("."):
            continue
        inside = any(Path(real).is_relative_to(allowed) for allowed in roots)
        if os.path.isdir(real):
            if inside and depth:
                seen.add(real)
                yield from _walk(root, Path(item.path), endings, roots, seen, depth - 1)
        elif item.name.lower().endswith(endings):
            seen.add(real)
            yield from _file(Path(item.path), root, inside)


def _file(path: Path, root: Path, inside: bool) -> Iterator[_Found]:
    relative = path.relative_to(root).as_posix()
    try:
        found = os.stat(path)
    except OSError:
        return  # a link to nothing
    identity = Identity(os.path.abspath(path), found.st_size, found.st_mtime_ns)
    yield _Found(path, relative, root.name, identity, "" if inside else f"{_shown(path.name)}: {OUTSIDE}")


def _names(found: list[_Found]) -> list[str]:
    """The file's name where it is alone; else its path below its folder; else with that folder's name, or a number."""
    names = [_shown(file.path.name) for file in found]
    for longer in (lambda file: file.relative, lambda file: f"{file.root}/{file.relative}"):
        often = Counter(names)
        names = [_shown(longer(file)) if often[name] > 1 else name for name, file in zip(names, found, strict=True)]
    taken: Counter[str] = Counter()
    for i, name in enumerate(names):
        taken[name] += 1
        if taken[name] > 1:
            names[i] = f"{name} ({taken[name]})"
    return names


def _aliases(named: Iterable[tuple[str, _Found]], entries: Iterable[Entry]) -> dict[str, tuple[Entry, ...]]:
    by_name = {entry.name: entry for entry in entries}
    found: dict[str, dict[str, Entry]] = {}
    for name, file in named:
        for alias in (name, _shown(file.path.name), _shown(file.relative)):
            for spelled in (alias, re.sub(r"\.\w+$", "", alias)):
                found.setdefault(spelled, {})[name] = by_name[name]
    return {alias: tuple(entries.values()) for alias, entries in found.items()}


def _folded(aliases: dict[str, tuple[Entry, ...]]) -> dict[str, tuple[Entry, ...]]:
    """The same without regard to case."""
    found: dict[str, dict[str, Entry]] = {}
    for alias, entries in aliases.items():
        found.setdefault(alias.strip().casefold(), {}).update((entry.name, entry) for entry in entries)
    return {alias: tuple(entries.values()) for alias, entries in found.items()}


def _shown(name: str) -> str:
    """A name that can be printed: file systems allow bytes that are no text."""
    return name.encode("utf8", "replace").decode("utf8").replace("\n", " ").replace("\r", " ")


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,9})", name.casefold())]
