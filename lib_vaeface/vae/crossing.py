"""A bridge for a person to look at: both pictures, the error, and the new latents as files in both layouts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from torch import Tensor

from . import metrics
from .bridge import Report, bridge, encode, side_by_side
from .calibrate import calibrate
from .latent_files import COMFYUI, PLAIN, SUFFIX
from .latent_map import LatentMap
from .sampled import write_latents
from .workbench import Reference, Told, most_bytes, silent

MOST_FILES, MOST_FOLDERS = 500, 8  # that are listed, and looked into of each folder


@dataclass(frozen=True)
class Crossing:
    """latents: of the target's sampler. before: what was to be carried over, after: what the target decodes of it, both
    [B,3,H,W] on the CPU. statistics: of the latents on both sides, see `bridge.side_by_side`.
    """

    latents: Tensor
    before: Tensor
    after: Tensor
    report: Report
    statistics: list[dict[str, object]]


def cross_latents(
    latents: Tensor, source: Reference, target: Reference, via: LatentMap | None = None, told: Told = silent
) -> Crossing:
    """The source's latents to the target's: decoded and encoded, or by a fitted map. ValueError: a map of others."""
    limit = most_bytes(target.codec.device)
    told(0.1, f"from {source.name}")
    found = bridge(latents, source.codec, target.codec, limit, via=via, check=False)
    before = source.codec.decode_tiled(latents, limit) if found.pictures is None else found.pictures
    told(0.6, f"to {target.name}")
    return _measured(found.latents, before, target, found.report, [latents, found.latents])


def cross_pictures(pictures: Tensor, target: Reference, told: Told = silent) -> Crossing:
    """Pictures [B,3,H,W] in 0..1 to latents of the target."""
    told(0.3, f"to {target.name}")
    found = encode(pictures, target.codec, most_bytes(target.codec.device))
    return _measured(found.latents, pictures, target, found.report, [found.latents])


def _measured(latents: Tensor, before: Tensor, target: Reference, report: Report, sides: Sequence[Tensor]) -> Crossing:
    height, width = before.shape[-2:]
    after = target.codec.decode_tiled(latents, most_bytes(target.codec.device))[..., :height, :width].cpu()
    before = before.float().cpu()
    errors = tuple(metrics.mse(one, other) for one, other in zip(after, before, strict=True))
    return Crossing(latents, before, after, replace(report, errors=errors), side_by_side(sides))


def save_both(folder: Path, name: str, crossing: Crossing, target: Reference, infotext: str = "") -> list[Path]:
    """The latents as plain safetensors and in ComfyUI's layout, under a new name. OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = _free(folder, f"{safe(name)}-{datetime.now():%Y%m%d-%H%M%S}")
    paths = [folder / f"{stem}{SUFFIX[layout]}" for layout in (PLAIN, COMFYUI)]
    whose = (target.codec, target.name, target.weight_hash, infotext)
    return [write_latents(path, crossing.latents, *whose) for path in paths]


def fit_map(
    folder: Path, pictures: Sequence[Tensor], source: Reference, target: Reference, told: Told = silent
) -> tuple[str, LatentMap]:
    """A map fitted on pictures [1,3,H,W], saved in `folder`; its file's name. ValueError: too few. OSError."""

    def progress(done: int, what: str) -> None:
        told(done / len(pictures), f"{done} of {len(pictures)} {what}")

    names = (source.name, target.name)
    found = calibrate(pictures, source.codec, target.codec, names,
                      max_bytes=most_bytes(target.codec.device), progress=progress)  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    stem = _free(folder, f"{safe(source.name)} to {safe(target.name)}")
    found.save(folder / f"{stem}.safetensors")
    return f"{stem}.safetensors", found


def listed(folders: Sequence[Path], endings: Sequence[str], most: int = MOST_FILES) -> dict[str, Path]:
    """Files of folders, and of the newest folders in them, by name; the newest first, of equal names the newest.

    Names are looked up in this and never joined to a path. Links are left out.
    """
    found: dict[str, Path] = {}
    for path, _ in sorted(_files(folders, tuple(endings)), key=lambda file: -file[1]):
        if len(found) < most:
            found.setdefault(path.name, path)
    return found


def _files(folders: Sequence[Path], endings: tuple[str, ...]) -> Iterator[tuple[Path, float]]:
    for folder in dict.fromkeys(folders):
        inner = sorted((item for item in _scanned(folder) if item.is_dir(follow_symlinks=False)), key=_time)
        for place in (folder, *(Path(item.path) for item in inner[-MOST_FOLDERS:])):
            for item in _scanned(place):
                if item.name.lower().endswith(endings) and item.is_file(follow_symlinks=False):
                    yield Path(item.path), _time(item)


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return list(items)
    except OSError:
        return []  # not there, or not ours to read


def _time(item: os.DirEntry[str]) -> float:
    try:
        return item.stat(follow_symlinks=False).st_mtime
    except OSError:
        return 0.0


def safe(name: str) -> str:
    """A name as part of a file's name: letters, digits and a few signs of it, no ending."""
    stem = re.sub(r"\.\w{1,12}$", "", name)
    return re.sub(r"[^\w ()-]+", "_", stem).strip(" _")[:60] or "latents"


def _free(folder: Path, stem: str) -> str:
    taken = {path.stem for path in folder.iterdir()}
    number, found = 1, stem
    while found in taken:
        number += 1
        found = f"{stem} ({number})"
    return found
