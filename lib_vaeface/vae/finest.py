"""Which VAE suits faces best: Stability's MSE fine-tune before EMA, where a file of that kind is proved to fit.

Their published figures, and ours on the pocket family (docs/pocket-model.md), put MSE before EMA before the original on
eyes. A file counts as one by its published hash or by its name; that it fits is proved as for any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from .known import SHA256
from .library import Entry
from .picked import Pick, Picker
from .protocol import HostVae
from .verdicts import FITS

KINDS = ("mse", "ema")


def of_kind(entries: Iterable[Entry], kind: str, published: Callable[[Entry], str] = lambda entry: "") -> list[Entry]:
    """The usable files that call themselves so, as a word of their name; those known by hash first."""
    known = [entry for entry in entries if kind in _words(published(entry))]
    named = [entry for entry in entries if kind in _words(entry.path.stem) and entry not in known]
    return [entry for entry in known + named if entry.usable]


def _words(text: str) -> set[str]:
    return set(re.split(r"[^a-z]+", text.lower()))


def candidates(picker: Picker) -> list[tuple[str, Entry]]:
    """(kind, file) in the order in which they are tried; of the library's list as it is."""

    def published(entry: Entry) -> str:
        known = SHA256.get(picker.library.hashes.known(entry.info.identity, "sha256")) if entry.info else None
        return known.title if known else ""

    return [(kind, entry) for kind in KINDS for entry in of_kind(picker.library.entries, kind, published)]


def finest(picker: Picker, host: HostVae) -> Pick:
    """The fine-tune for faces of the model that is loaded, in fp32; the built-in one, with the reason, where there is
    none."""
    picker.library.refresh()
    for kind, entry in candidates(picker):
        pick = picker.prove(entry, host, precision="fp32")
        if pick.codec is not None and pick.verdict is not None and pick.verdict.answer == FITS:
            return replace(pick, why=f"Automatic chose {entry.name} for faces: {kind.upper()} fine-tune that fits")
    return Pick(why="Automatic for faces: no MSE or EMA fine-tune that fits was found")
