"""The pairing test: the model's VAE encodes a picture, a file decodes it, and a person sees all that was found."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from . import metrics, probe
from .codec import Autoencoder
from .kinship import by_probe
from .library import Entry
from .precision import NAMES, NotFiniteError
from .probe import Probe
from .universal import comes_back
from .verdicts import Verdict
from .workbench import Reference, Workbench


@dataclass(frozen=True)
class Pairing:
    """verdict: of kinship, with all its evidence. probe: the pictures and figures of the test picture; shown: what they
    alone say. round_trip: PSNR in dB of the test picture through the file's own encoder and decoder; NaN where it has
    no encoder. precision: what the file was decoded in, and which one it overflows.
    """

    entry: Entry
    reference: Reference
    verdict: Verdict
    probe: Probe
    shown: Verdict
    round_trip: float
    precision: str
    sha256: str
    weight_hash: str

    def to_json(self) -> dict[str, Any]:
        trip = round(self.round_trip, 2) if math.isfinite(self.round_trip) else None
        return {
            "name": self.entry.name, "with": self.reference.title, "verdict": self.verdict.to_json(),
            "probe": self.probe.to_json(), "round_trip": trip, "precision": self.precision,
            "sha256": self.sha256, "weight_hash": self.weight_hash,
        }  # fmt: skip


def pairing_test(bench: Workbench, name: str, reference: Reference) -> Pairing:
    """The test of a file against the reference, made anew. VaeNameError, VaeFileError, ValueError: it can't be made."""
    entry = bench.usable(name)
    assert entry.info is not None
    sha256 = bench.library.hashes.sha256(entry.path)
    entry = replace(entry, info=replace(entry.info, sha256=sha256))
    verdict = bench.verdict(entry, reference, prove=True)
    codec = bench.load(entry.path, reference.codec.format)
    try:
        found = probe.probe(reference.codec.encode, codec.decode)
    except NotFiniteError:
        found = _nothing()
    trip = math.nan
    if codec.architecture.encoder is not None and found.finite:
        seen = comes_back(codec, codec.encode(probe.picture())).seen
        trip = metrics.psnr(metrics.mse(seen, probe.picture()))
    weights = bench.library.hashes.weights(entry.path)
    made = Pairing(entry, reference, verdict, found, by_probe(found), trip, _precision(codec), sha256, weights)
    bench.keep_measured(entry, {"round_trip": made.to_json()["round_trip"], "precision": made.precision})
    return made


def _precision(codec: Autoencoder) -> str:
    first, used = codec.ladder.rungs[0], NAMES[codec.dtype]
    return used if used == first else f"{used}, as {first} overflows"


def _nothing() -> Probe:
    """What is shown of a file that gives no numbers in any precision: black."""
    picture = probe.picture()
    flat = metrics.psnr(metrics.mse(picture, picture.mean((2, 3), keepdim=True).expand_as(picture)))
    return Probe(picture, picture * 0, 0.0, flat, (0.0, 0.0, 0.0), False)
