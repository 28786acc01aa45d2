"""Presets: settings under a name, in a folder of JSON files that several processes may write."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from .fitting import Fitted, fit
from .preset import Preset
from .shelf import Shelf

FOLDER = "presets"
OPTION = "vaeface_preset_folder"


class Machine(Protocol):
    """What presets need to know of a WebUI."""

    def data_folder(self) -> Path: ...
    def option(self, name: str) -> Any: ...
    def vae_names(self) -> Sequence[str]: ...
    def sampler_names(self) -> Sequence[str]: ...
    def face_models(self) -> Mapping[str, Path]: ...


def shelf_of(machine: Machine) -> Shelf:
    """The shelf in the folder that the option names, else in the folder where the extension keeps its files."""
    return shelf_in(machine.data_folder(), machine.option(OPTION))


def shelf_in(data: Path, chosen: object) -> Shelf:
    """data: where the extension keeps its files. chosen: another folder, "" for none; a relative one is `data`'s
    neighbour."""
    text = str(chosen or "").strip()
    return Shelf(data.parent / os.path.expanduser(text) if text and "\0" not in text else data / FOLDER)


def fitted(preset: Preset, machine: Machine, has_vae: Callable[[str], bool]) -> Fitted:
    """What of a preset this machine can offer. has_vae: as in `fit`."""
    models = list(machine.face_models())
    there = {"vaes": machine.vae_names(), "samplers": machine.sampler_names(), "face models": models}
    return fit(preset, there, has_vae)
