"""Detectors by name: which there are, which can be used here and why others can't.

    find(detector("centerface", Setup(device)), images)

CenterFace comes with the extension. The others are used only where the person or the WebUI has installed them; nothing
is ever downloaded. Any of them may fail: `find` then gives no faces and the reason, and the pictures stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from . import guests
from .centerface import SCORE, WEIGHTS, CenterFace
from .protocol import Detector, Face
from .search import NORMAL, SEARCHES, SIDE, Search

__all__ = ["DETECTORS", "SEARCHES", "DetectorUnavailable", "Setup", "detector", "find", "missing"]


class DetectorUnavailable(ValueError):
    """A detector that can't be used here; the text says what is missing and what to do."""


@dataclass(frozen=True)
class Setup:
    """What a detector is made with. score: 0..1, less sure faces are not reported. search, side: see `Search`.

    folders: where the WebUI keeps face models, looked through for RetinaFace's file. yolo: a model file of the
    person's; allow_pickle: that it may be opened by ultralytics, which runs what such a file says.
    """

    device: torch.device = torch.device("cpu")
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


DETECTORS: dict[str, Entry] = {
    "centerface": Entry(_without_centerface, lambda setup: CenterFace(setup.device, setup.score)),
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
    """The detector of that name. It is loaded once for the same setup and kept, the last two.

    DetectorUnavailable: something it needs is not here. Other errors: those of loading it.
    """
    reason = missing(name, setup)
    if reason:
        raise DetectorUnavailable(reason)
    return _loaded(name, setup)


@lru_cache(maxsize=2)
def _loaded(name: str, setup: Setup) -> Search:
    return Search(DETECTORS[name].make(setup), setup.search, setup.side)


def find(found_by: Detector, images: Sequence[Tensor]) -> tuple[list[list[Face]], str]:
    """Faces of each image and "", or no faces and why the detector failed. Never an error of the detector's."""
    try:
        faces = found_by.detect(images)
        if len(faces) != len(images):
            raise ValueError(f"it answered for {len(faces)} of {len(images)} pictures")
        return faces, ""
    except Exception as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return [[] for _ in images], f"the face detector {found_by.name} failed, no face was changed: {reason}"
