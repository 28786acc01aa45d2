"""Comparing, bridging and proving for a person who has one model loaded and a list of VAE files.

    bench = Workbench(picker, own=lambda: host.vae(None))
    model = bench.built_in()                          # whose latents the loaded model paints, with its VAE as a codec
    found = compare_in(bench, model, latents, ["a.safetensors"])

A `Reference` is the VAE that latents are of: the loaded model's, or one of the files. What is decoded with others is
proved to fit the reference first; what does not fit is left out with the reason. Nothing here samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .autoencoder import from_state_dict, load
from .codec import Autoencoder
from .compare import TRUTH, Comparison, Region, compare, decode_each
from .errors import VaeFileError
from .formats import BY_KEY, LatentFormat
from .header import Identity
from .inspect import VaeInfo
from .jsonfile import JsonFile, Texts
from .kinship import CheckpointFacts, facts_from_file, judge
from .library import Entry, Library, VaeNameError
from .picked import BUILT_IN, Picker, facts_of
from .protocol import HostVae
from .scaling import scaling_of
from .universal import Candidate, Choice, Stored, choose, for_codec, formats_of
from .verdicts import FITS, Verdict

Told = Callable[[float, str], None]
Regions = Callable[[Tensor], Sequence[Region]]
LoadFile = Callable[[Path, "LatentFormat | None"], Autoencoder]
SHARE = 0.8  # of the free memory of a GPU that one decode may take


def silent(done: float, what: str) -> None:
    """Tells nobody."""


class Undecided(ValueError):
    """It can't be told whose latents these are, or in which format; `options` are names to choose from."""

    def __init__(self, reason: str, options: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.options = tuple(options)


@dataclass(frozen=True)
class Reference:
    """A VAE that latents are of. codec: takes the latents of its sampler. facts: what others are proved against.

    name: as listed, or "Built-in"; title: the same with the model's name. weight_hash: "" where it is not known.
    """

    name: str
    title: str
    facts: CheckpointFacts
    codec: Autoencoder
    weight_hash: str = ""


@dataclass(frozen=True)
class Workbench:
    """picker: the library, the memory of verdicts. own: the loaded model's VAE; it may load the model first.

    measured: what pairing tests found of files, by their state.
    """

    picker: Picker
    own: Callable[[], HostVae]
    measured: JsonFile = field(default_factory=lambda: JsonFile(None))

    @property
    def library(self) -> Library:
        return self.picker.library

    def entries(self) -> tuple[Entry, ...]:
        return self.library.refresh()

    def built_in(self, own: HostVae | None = None) -> Reference:
        """The loaded model's own VAE, or that of `own`. ValueError: its weights are no VAE that is known here."""
        own = self.own() if own is None else own
        codec = from_state_dict(own.tensors, own.device, format=format_of(own), key=own.identity)
        return Reference(BUILT_IN, f"{BUILT_IN} of {own.checkpoint}", facts_of(own), codec, self._own_hash(own))

    def opened(self, name: str, key: str = "") -> Reference:
        """A VAE by name, in a latent format by key; "" for the only one that is possible, or the loaded model's.

        VaeNameError, VaeFileError, Undecided.
        """
        if name == BUILT_IN:
            return self.built_in()
        entry = self.usable(name)
        assert entry.info is not None
        row = self._row(entry, entry.info, key)
        codec = self.load(entry.path, row)
        weights = self.library.hashes.weights(entry.path)
        return Reference(entry.name, entry.name, facts_from_file(entry.path), codec, weights)

    def load(self, path: Path, row: LatentFormat | None) -> Autoencoder:
        """The codec of a file on the model's device, in the precision that it is known to need."""
        return load(path, self.own().device, format=row, remembered=Texts(self.picker.codecs.remembered))

    def keep_measured(self, entry: Entry, found: Mapping[str, Any]) -> None:
        assert entry.info is not None
        try:
            self.measured.put(entry.info.identity.key(), dict(found))
        except OSError:
            pass  # kept in memory

    def measured_of(self, entry: Entry) -> Mapping[str, Any]:
        """What the last pairing test of this state of a file found; empty where there was none."""
        found = self.measured.get(entry.info.identity.key()) if entry.info else None
        return found if isinstance(found, dict) else {}

    def usable(self, name: str) -> Entry:
        """The entry of a name, looked up in the list. VaeNameError: there is none, or it can't be used."""
        self.library.refresh()
        entry = self.library.find(name)
        if not entry.usable:
            raise VaeNameError(entry.problem or f"{entry.name} holds no decoder.")
        return entry

    def verdict(self, entry: Entry, reference: Reference, prove: bool = False) -> Verdict:
        """Whether a file decodes the reference's latents. prove: also by the test picture, which loads the file.

        VaeFileError: it can't be read.
        """
        info = entry.info
        if info is None:
            raise VaeFileError(entry.path, entry.problem)
        decode = partial(self._decoded, entry, reference)
        coders = (reference.codec.encode, decode) if prove else (None, None)
        return judge(info.path, reference.facts, *coders, sha256=info.sha256, memory=self.picker.memory)

    def kin(self, name: str, reference: Reference) -> Autoencoder:
        """The codec of a file that is proved, or was allowed, to decode the reference's latents, in its format.

        VaeNameError with the reason why it is not.
        """
        entry = self.usable(name)
        verdict = self.verdict(entry, reference, prove=True)
        if not verdict.may_decode:
            raise VaeNameError(f"{verdict.answer}: {verdict.reason}")
        return self.load(entry.path, reference.codec.format)

    def allow(self, entry: Entry, reference: Reference, yes: bool = True) -> None:
        """The person's yes to a pair that is unknown, or its withdrawal. OSError: it lasts for this run only."""
        assert entry.info is not None
        self.picker.memory.allow(entry.info.identity, reference.facts.fingerprint, yes)

    def whose(self, stored: Stored, said: str = "", told: Told = silent) -> tuple[Reference, str]:
        """The VAE of a file's latents, and why it is that one. said: its name, where the person chose one.

        Undecided: it can't be told. VaeNameError, VaeFileError, ValueError.
        """
        if said:
            return self.opened(said, stored.format), "As chosen."
        told(0.1, "whose latents these are")
        choice = self.choice(stored)
        if choice.option is None:
            raise Undecided(choice.reason, tuple(dict.fromkeys(one.candidate.name for one in choice.options)))
        row = choice.option.format
        return self.opened(choice.option.candidate.name, row.key if row else ""), choice.reason

    def choice(self, stored: Stored) -> Choice:
        """The universal decode's choice among the loaded model's VAE and the files."""
        own = self.own()
        mine = _own_candidate(own, self._own_hash(own) if stored.vae_hash else "")
        self.library.refresh()
        files = candidates(self.library, stored, self._one_at_a_time())
        return choose(stored, [*([mine] if mine.takes(stored) else []), *files])

    def _one_at_a_time(self) -> LoadFile:
        """A loader that keeps the file it read last, so that one tried in several formats is read once."""
        kept: dict[Path, Autoencoder] = {}

        def opened(path: Path, row: LatentFormat | None) -> Autoencoder:
            if path not in kept:
                kept.clear()
                kept[path] = self.load(path, row)
            return in_format(kept[path], row)

        return opened

    def _decoded(self, entry: Entry, reference: Reference, latents: Tensor) -> Tensor:
        return self.load(entry.path, reference.codec.format).decode(latents)

    def _row(self, entry: Entry, info: VaeInfo, key: str) -> LatentFormat | None:
        """The format asked for, the only one, or that of the loaded model where the file is known to fit it."""
        rows = formats_of(info)
        if key:
            if key not in BY_KEY or key not in info.formats:
                known = ", ".join(row.key for row in rows if row)
                raise Undecided(f"{entry.name} has no latents of the format {key}. Choose one of: {known}.")
            return BY_KEY[key]
        if len(rows) == 1:
            return rows[0]
        model = self.built_in()
        if self.verdict(entry, model).answer == FITS:
            return model.codec.format
        titles = tuple(row.key for row in rows if row)
        raise Undecided(f"{entry.name} may be of {' or '.join(titles)}: choose the latent format.", titles)

    def _own_hash(self, own: HostVae) -> str:
        try:
            return self.library.hashes.weights(own.file) if own.file else ""
        except VaeFileError:
            return ""  # a pickle, or gone


def format_of(own: HostVae) -> LatentFormat:
    """The latent format of the loaded model: a row of the table where scale and shift agree, else one of its own."""
    for row in (BY_KEY[key] for key in own.formats if key in BY_KEY):
        if (row.scale, row.shift) == (own.scale, own.shift) and not row.std:
            return row
    title = f"{own.checkpoint}, scale {own.scale:g}"
    return LatentFormat(f"{own.scale:g},{own.shift:g}", title, own.channels, 8, own.scale, own.shift, space=title)


def in_format(codec: Autoencoder, row: LatentFormat | None) -> Autoencoder:
    """The same weights for latents of another format; Flux.2's numbers are the file's own in any."""
    if row is None or row == codec.format or codec.architecture.packed:
        return codec
    return replace(codec, format=row, scaling=scaling_of(codec.architecture, row, {}).to(codec.device))


def candidates(library: Library, stored: Stored, opened: LoadFile) -> Iterator[Candidate]:
    """The usable files of a refreshed list that take these channels, with the hashes that prove what they are."""
    for entry in library.entries or library.refresh():
        if entry.info is None or not entry.usable:
            continue
        candidate = Candidate(entry.name, entry.info, partial(opened, entry.path))
        if candidate.takes(stored):
            info = replace(entry.info, sha256=library.hashes.sha256(entry.path))
            weights = library.hashes.weights(entry.path) if stored.vae_hash else ""
            yield replace(candidate, info=info, weight_hash=weights)


def _own_candidate(own: HostVae, weight_hash: str) -> Candidate:
    row = format_of(own)
    info = VaeInfo(Identity(own.identity, 0, 0), "vae", "the loaded model's own VAE", channels=own.channels,
                   downscale=8, encoder=True, decoder=True, formats=own.formats)  # fmt: skip
    opened = lambda _: from_state_dict(own.tensors, own.device, format=row, key=own.identity)  # noqa: E731
    return Candidate(BUILT_IN, info, opened, row, weight_hash)


def compare_in(
    bench: Workbench,
    reference: Reference,
    latents: Tensor,
    names: Sequence[str],
    *,
    truth: Tensor | None = None,
    regions: Regions | None = None,
    told: Told = silent,
) -> Comparison:
    """The reference's latents, decoded by it and by every named file that fits it; measured against the first, or
    against the true pictures. Files that do not fit are entries with the reason. ValueError: nothing could be decoded.
    """
    total = len(names) + 1

    def told_of(number: int, name: str) -> Autoencoder:
        told(number / total, name)
        return reference.codec if name == reference.name else bench.kin(name, reference)

    others = [name for name in dict.fromkeys(names) if name != reference.name]
    codecs = {name: partial(told_of, n, name) for n, name in enumerate([reference.name, *others])}
    pictures = decode_each(latents, codecs, most_bytes(reference.codec.device))
    first = next((found for found in pictures.values() if isinstance(found, Tensor)), None)
    told(1.0, "measuring")
    boxes = regions(first) if regions is not None and first is not None else ()
    return compare(pictures, truth, boxes)


def most_bytes(device: torch.device) -> int | None:
    """Of one decode or encode, so that the loaded model keeps its place; None where it is not known."""
    if device.type != "cuda":
        return None
    return int(torch.cuda.mem_get_info(device)[0] * SHARE)


__all__ = ["BUILT_IN", "TRUTH", "Reference", "Undecided", "Workbench", "candidates", "compare_in", "for_codec"]
