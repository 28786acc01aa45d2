"""A bridge for a person to look at: both pictures, the error, and the new latents as files in both layouts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from torch import Tensor

from . import metrics
from .bridge import Report, bridge, encode, side_by_side
from .calibrate import calibrate
from .header import identity_of
from .latent_files import COMFYUI, PLAIN, SUFFIX
from .latent_map import LatentMap
from .sampled import write_latents
from .workbench import Reference, Told, most_bytes, silent


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


def listed(folder: Path, endings: Sequence[str], most: int = 500) -> dict[str, Path]:
    """Files of a folder by name, the newest first. Names are looked up here and never joined to a path."""
    if not folder.is_dir():
        return {}
    found = [path for path in folder.iterdir() if path.suffix.lower() in endings and path.is_file()]
    found = [path for path in found if not path.is_symlink()]
    found.sort(key=lambda path: -identity_of(path).mtime_ns)
    return {path.name: path for path in found[:most]}


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
