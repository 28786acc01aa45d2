"""Detectors by name: which there are, which can be used here and why others can't.

    faces = detector("centerface", Setup(device)).detect(images)

CenterFace comes with the extension. The others are used only where the person or the WebUI has installed them; nothing
is ever downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import torch

from . import guests
from .centerface import SCORE, WEIGHTS, CenterFace
from .glance import HINT, Glance
from .protocol import Detector
from .search import NORMAL, SEARCHES, SIDE, Search

__all__ = ["DETECTORS", "SEARCHES", "DetectorUnavailable", "Detectors", "Setup", "detector", "missing"]

CPU = torch.device("cpu")


class DetectorUnavailable(ValueError):
    """A detector that can't be used here; the text says what is missing and what to do."""


@dataclass(frozen=True)
class Setup:
    """What a detector is made with. score: 0..1, less sure faces are not reported. search, side: see `Search`.

    folders: where the WebUI keeps face models, looked through for RetinaFace's file. yolo: a model file of the
    person's; allow_pickle: that it may be opened by ultralytics, which runs what such a file says.
    """

    device: torch.device = CPU
    score: float = SCORE
    search: str = NORMAL
    side: int = SIDE
    folders: tuple[Path, ...] = ()
    yolo: Path | None = None
    allow_pickle: bool = False


@dataclass(frozen=True)
class Entry:
    """missing: why it can't be used, "" if it can. make: loads it."""

    missing: Callable[[Setup], str]
    make: Callable[[Setup], Detector]


def _without_centerface(setup: Setup) -> str:
    return "" if WEIGHTS.is_file() else f"{WEIGHTS.name} is missing in the extension's folder: install it again"


def _centerface(setup: Setup) -> Detector:
    full = CenterFace(setup.device, setup.score)
    if setup.search != NORMAL or setup.device.type != "cpu":
        return full
    return Glance(full, CenterFace(setup.device, min(HINT, setup.score)), setup.score)


DETECTORS: dict[str, Entry] = {
    "centerface": Entry(_without_centerface, _centerface),
    "retinaface": Entry(
        lambda setup: guests.without_retinaface(setup.folders),
        lambda setup: guests.RetinaFace(setup.folders, setup.device, setup.score),
    ),
    "mediapipe": Entry(lambda setup: guests.without_mediapipe(), lambda setup: guests.MediaPipe(setup.score)),
    "yolo": Entry(
        lambda setup: guests.without_yolo(setup.yolo, setup.allow_pickle),
        lambda setup: guests.Yolo(setup.yolo, setup.allow_pickle, setup.device, setup.score),
    ),
}


def missing(name: str, setup: Setup) -> str:
    """Why a detector can't be used, "" if it can. An unknown name is a reason too."""
    if name not in DETECTORS:
        return f'there is no face detector "{name}"; there are {", ".join(DETECTORS)}'
    return DETECTORS[name].missing(setup)


def detector(name: str, setup: Setup) -> Search:
    """The detector of that name. It is loaded once for the same setup and kept, the last four.

    DetectorUnavailable: something it needs is not here. Other errors: those of loading it.
    """
    reason = missing(name, setup)
    if reason:
        raise DetectorUnavailable(reason)
    return _loaded(name, setup)


@lru_cache(maxsize=4)
def _loaded(name: str, setup: Setup) -> Search:
    return Search(DETECTORS[name].make(setup), setup.search, setup.side)


class Looking(Protocol):
    """How a pass over the faces looks for them."""

    @property
    def detector(self) -> str: ...

    @property
    def search(self) -> str: ...

    @property
    def score(self) -> float: ...


@dataclass(frozen=True)
class Detectors:
    """The detectors of one WebUI. device, folders, yolo, allow_pickle: see `Setup`."""

    device: torch.device
    folders: Sequence[Path | str] = ()
    yolo: Path | None = None
    allow_pickle: bool = False

    def get(self, wanted: Looking) -> Search:
        """The one that a pass wants; DetectorUnavailable says why it can't be had."""
        return detector(wanted.detector, self._setup(wanted))

    def _setup(self, wanted: Looking) -> Setup:
        folders = tuple(Path(folder) for folder in self.folders)
        return Setup(self.device, wanted.score, wanted.search, SIDE, folders, self.yolo, self.allow_pickle)
