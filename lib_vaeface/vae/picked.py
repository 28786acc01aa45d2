"""The VAE of one generation: found by name or hash, proved to fit, opened as a codec of ours."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from . import lineage
from .autoencoder import from_state_dict, load
from .codec import Autoencoder
from .errors import VaeFileError
from .hashes import LENGTH, Hashes
from .inspect import VaeInfo
from .jsonfile import JsonFile, Texts
from .kinship import CheckpointFacts, fitting, judge
from .library import BESIDE_CHECKPOINTS, Entry, Folder, Library, VaeNameError
from .precision import RUNGS, Climb
from .protocol import Folders, HostVae
from .scaling import Scaling
from .verdicts import FITS, UNKNOWN, Verdict, Verdicts
from .weights import broken

BUILT_IN, AUTOMATIC, SAME = "Built-in", "Automatic", "Same"
BEST = "best"
MOST_BYTES = 2 * 2**30
NOTHING_ELSE = "no file that fits was picked before, is named like it or is the default"


@dataclass(frozen=True)
class Pick:
    """What was decided. name: the file, or "Built-in"; codec: None for the WebUI's own VAE.

    why: a sentence where the person did not get what was asked for, or "Automatic" chose. refused: the file that was
    asked for must not be used.
    """

    name: str = BUILT_IN
    codec: Autoencoder | None = None
    verdict: Verdict | None = None
    why: str = ""
    weight_hash: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Habits:
    """What the person's settings say. default: the file that "Automatic" takes where nothing speaks for another, or
    "Built-in". memory: whether picks are remembered for their checkpoint; where not, all that were are forgotten."""

    default: str = BUILT_IN
    memory: bool = True


@dataclass
class Codecs:
    """Codecs kept open, the last used ones, up to `most_bytes` of weights."""

    most_bytes: int = MOST_BYTES
    remembered: JsonFile = field(default_factory=lambda: JsonFile(None))
    _kept: OrderedDict[tuple[str, str, str], Autoencoder] = field(default_factory=OrderedDict)
    _told: Callable[[Climb], None] = lambda climb: None

    def get(self, info: VaeInfo, device: torch.device, precision: str, told: Callable[[Climb], None]) -> Autoencoder:
        """The codec of a file for raw latents. VaeFileError: it can't be read or holds another thing by now.

        remembered: the precision that a file needed, so that the next picture starts right. told: from now on hears of
        every climb, also of codecs that were opened earlier.
        """
        self._told = told
        key = (info.identity.key(), str(device), precision)
        if key not in self._kept:
            dtype = None if precision == BEST else RUNGS[precision]
            remembered = Texts(self.remembered)
            codec = load(info.path, device, dtype, remembered=remembered, told=lambda climb: self._told(climb))
            if names := broken(codec.source()):
                cause = f"{len(names)} of its tensors hold values that are no numbers, e.g. {names[0]}"
                raise VaeFileError(info.path, f"{cause}. Choose another file.")
            self._kept[key] = raw(codec)
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(codec.nbytes for codec in self._kept.values()) > self.most_bytes:
            self._kept.popitem(last=False)
        return self._kept[key]

    def leave_device(self) -> None:
        """Take all weights off the device; they are made ready again when they are needed."""
        for codec in self._kept.values():
            codec.nets.clear()


def raw(codec: Autoencoder) -> Autoencoder:
    """The codec for latents without scale and shift, as the WebUIs hand them to a decoder."""
    return replace(codec, scaling=Scaling(torch.ones(codec.channels), torch.zeros(codec.channels)).to(codec.device))


def in_memory(own: HostVae) -> Autoencoder:
    """The loaded model's own VAE as a codec for raw latents, in fp32. ValueError: its weights are no known VAE."""
    return raw(from_state_dict(own.tensors, own.device, torch.float32))


@dataclass(frozen=True)
class Picker:
    """Decides for each generation. memory: verdicts of earlier ones; chosen: the file last picked for a checkpoint."""

    library: Library
    memory: Verdicts
    chosen: JsonFile
    codecs: Codecs = field(default_factory=Codecs)

    def pick(
        self,
        wanted: str,
        host: HostVae,
        *,
        weight_hash: str = "",
        allow: bool = False,
        precision: str = BEST,
        told: Callable[[Climb], None] = lambda climb: None,
        habits: Habits = Habits(),
        remember: bool = False,
    ) -> Pick:
        """The VAE for the model that is loaded. What does not fit is never opened for it; the WebUI's own is used then.

        allow: use one whose fit can't be told, and remember that for this pair. told: see `precision.Ladder`.
        remember: a file that was asked for by name is what "Automatic" takes from now on, if the habits allow it.
        """
        if wanted == BUILT_IN:
            return Pick()
        facts = facts_of(host)
        if wanted == AUTOMATIC:
            return self._automatic(host, facts, precision, told, habits)
        try:
            entry = self._entry(wanted, weight_hash)
            pick = self._proved(entry, host, facts, allow, precision, told)
        except (VaeNameError, VaeFileError, OSError) as error:
            return Pick(why=f"{error} The model's own VAE was used.", refused=True)
        if pick.codec is not None and remember and habits.memory:
            self._remember(facts, entry)
        return pick

    def has(self, name: str) -> bool:
        """Whether a file can be picked by this name, in any spelling that `pick` takes."""
        self.library.refresh()
        try:
            return self.library.find(name).usable
        except VaeNameError:
            return False

    def forget(self, facts: CheckpointFacts) -> None:
        """What was picked for this checkpoint. OSError: it comes back with the next start."""
        self.chosen.put(facts.fingerprint, None)

    def for_automatic(self, facts: CheckpointFacts, habits: Habits) -> list[tuple[Entry, str]]:
        """The files that "Automatic" tries, in this order, each with what speaks for it; of the list as it is."""
        entries = self.library.entries
        if not habits.memory:
            self._forget_all()
        last, stem = self.chosen.get(facts.fingerprint), Path(facts.name).stem.lower()
        wanted = [(entry, "it was picked last for this checkpoint") for entry in entries if entry.name == last]
        wanted += [(entry, "it is named like the model") for entry in entries if _named_for(entry, stem)]
        if habits.default != BUILT_IN:
            try:
                wanted.append((self.library.find(habits.default), "it is the default of the settings page"))
            except VaeNameError:
                pass  # the settings may be of another machine
        return wanted

    def _forget_all(self) -> None:
        try:
            self.chosen.clear()
        except OSError:
            pass  # forgotten in memory

    def prove(
        self, entry: Entry, host: HostVae, *, precision: str = BEST, told: Callable[[Climb], None] = lambda climb: None
    ) -> Pick:
        """The codec of one file, if it is proved to fit; one that can't be read or used is a refusal like any other."""
        try:
            return self._proved(entry, host, facts_of(host), False, precision, told)
        except (VaeNameError, VaeFileError, OSError) as error:
            return Pick(why=str(error), refused=True)

    def _entry(self, wanted: str, weight_hash: str) -> Entry:
        self.library.refresh()
        try:
            return self.library.find(wanted)
        except VaeNameError:
            renamed = self.library.by_hash(weight_hash, compute=True) if weight_hash else None
            if renamed is None:
                raise
            return renamed

    def _remember(self, facts: CheckpointFacts, entry: Entry) -> None:
        try:
            self.chosen.put(facts.fingerprint, entry.name)
        except OSError:
            pass  # kept in memory

    def _proved(
        self,
        entry: Entry,
        host: HostVae,
        facts: CheckpointFacts,
        allow: bool,
        precision: str,
        told: Callable[[Climb], None],
    ) -> Pick:
        info = entry.info
        if info is None or not info.usable:
            problem = entry.problem or "it holds no decoder"
            raise VaeNameError(problem if problem.startswith(entry.path.name) else f"{entry.name}: {problem}")
        if host.odd:
            return Pick(why=f"{entry.name} was not used: {host.odd} The model's own VAE was used.", refused=True)

        def decode(latents: torch.Tensor) -> torch.Tensor:
            return self.codecs.get(info, host.device, precision, told).decode(latents)

        def encode(images: torch.Tensor) -> torch.Tensor:
            if host.base is None:
                return host.encode(images)
            return raw(from_state_dict(host.base, host.device, torch.float32)).encode(images)

        verdict = judge(info.path, facts, encode, decode, memory=self.memory)
        if verdict.answer == UNKNOWN and allow:
            self.memory.allow(info.identity, facts.fingerprint)
            verdict = replace(verdict, allowed=True)
        if not verdict.may_decode:
            return Pick(verdict=verdict, why=self._refusal(info, verdict, facts), refused=True)
        codec = self.codecs.get(info, host.device, precision, told).wrapping(host.circular)
        return Pick(entry.name, codec, verdict, weight_hash=self.library.hashes.weights(entry.path)[:LENGTH])

    def _refusal(self, info: VaeInfo, verdict: Verdict, facts: CheckpointFacts) -> str:
        files = [entry.info for entry in self.library.entries if entry.info is not None]
        others = [found.name for found in fitting(files, facts, self.memory)]
        known = f"These fit: {', '.join(others[:10])}." if others else "No other file is known to fit."
        ask = " It can be allowed." if verdict.answer == UNKNOWN else ""
        return f"{info.name} was not used, {verdict.answer}: {verdict.reason}{ask} {known}"

    def _automatic(
        self, host: HostVae, facts: CheckpointFacts, precision: str, told: Callable[[Climb], None], habits: Habits
    ) -> Pick:
        """The first of `for_automatic` that is proved to fit; else the model's own."""
        self.library.refresh()
        for entry, reason in self.for_automatic(facts, habits):
            try:
                pick = self._proved(entry, host, facts, False, precision, told)
            except (VaeNameError, VaeFileError, OSError):
                continue
            if pick.codec is not None and pick.verdict is not None and pick.verdict.answer == FITS:
                return replace(pick, why=f"Automatic chose {entry.name}: {reason}, and it fits")
        return Pick(why=f"Automatic chose the model's own VAE: {NOTHING_ELSE}")


@functools.lru_cache(maxsize=1)
def picker_of(data: Path, vaes: tuple[Path, ...], checkpoints: tuple[Path, ...]) -> Picker:
    """The one picker of this process for these folders; what it learns is kept in files in `data`."""
    hashes = Hashes(data / "vae-hashes.json")
    library = Library([*vaes, *(Folder(path, BESIDE_CHECKPOINTS) for path in checkpoints)], hashes)
    codecs = Codecs(remembered=JsonFile(data / "vae-precision.json"))
    return Picker(library, Verdicts(data / "vae-verdicts.json"), JsonFile(data / "vae-chosen.json"), codecs)


def picker_for(webui: Folders) -> Picker:
    """The one picker of this process for a WebUI's folders."""
    return picker_of(webui.data_folder(), tuple(webui.vae_folders()), tuple(webui.checkpoint_folders()))


def _named_for(entry: Entry, stem: str) -> bool:
    """Whether a VAE is called like the model, the way people do: model.vae.safetensors, model-vae.safetensors.

    Not the model's own file, where that lies among the VAEs.
    """
    if entry.info is None or entry.info.kind != "vae":
        return False
    name = entry.path.name.lower().removesuffix(".safetensors")
    rest = name.removeprefix(stem).strip(".-_ ")
    return bool(stem) and name.startswith(stem) and rest in ("vae", "") and entry.usable


def facts_of(host: HostVae) -> CheckpointFacts:
    """What kinship needs of the model that is loaded; read again only when other weights are."""
    state, known = _state(host), _LATEST[0]
    if known is not None and state is not None and known[0] == state:
        return known[1]
    sample = lineage.sample_tensors(host.base or host.tensors)
    facts = CheckpointFacts(host.checkpoint, host.channels, 8, host.formats, sample)
    _LATEST[0] = (state, facts)
    return facts


_LATEST: list[tuple[Any, CheckpointFacts] | None] = [None]  # the state of a model, and its facts


def _state(host: HostVae) -> Any:
    """Equal for two looks at the same weights; None where that can't be told."""
    some = list(host.tensors.values())[::16]
    try:
        where = [(tensor.data_ptr(), tensor._version) for tensor in some]
        values = [tensor.reshape(-1)[:8].tolist() for tensor in some[:1]]
    except RuntimeError:  # tensors of inference mode count no changes
        return None
    return host.identity, host.checkpoint, host.channels, host.formats, where, values
