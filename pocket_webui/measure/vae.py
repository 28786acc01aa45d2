"""What autoencoders keep of held-out renders: PSNR over whole pictures, faces and eyes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from ..nets.vae import AutoencoderKL
from ..portraits import Scene, eye_boxes, render, sample
from . import agreement
from .files import load_vae

SCENES = 89_000_000  # far from the seeds that anything is trained on
SHARES = {"closeup": 0.6, "half": 0.2, "group": 0.2}
REGIONS = ("whole", "faces", "eyes")
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Kept:
    """PSNR in dB of one file, by region: the mean over pictures, and the PSNR of the mean squared error of all."""

    name: str
    mean: dict[str, float]
    pooled: dict[str, float]


def held_out(count: int, seed: int, side: int) -> Iterator[tuple[Scene, Tensor]]:
    """Scenes and their pictures [3,side,side] uint8: close-ups, half-lengths and groups."""
    left = count
    for kind, share in SHARES.items():
        number = left if kind == "group" else min(left, round(count * share))
        left -= number
        scenes = sample(SCENES + seed, number, kind, side, side)
        for start in range(0, number, 8):
            part = scenes[start : start + 8]
            yield from zip(part, render(part), strict=True)


def regions_of(scene: Scene) -> dict[str, list[Box]]:
    return {
        "whole": [(0, 0, scene.width, scene.height)],
        "faces": [person.box for person in scene.people],
        "eyes": [box for person in scene.people for box in eye_boxes(person)],
    }


def squared_error(difference: Tensor, boxes: list[Box]) -> float:
    """Mean square of [3,H,W] over the union of boxes (pixels whose centres they hold)."""
    inside = torch.zeros(difference.shape[1:], dtype=torch.bool)
    for box in boxes:
        left, top, right, bottom = (max(0, math.ceil(edge - 0.5)) for edge in box)
        inside[top:bottom, left:right] = True
    return float(difference[:, inside].square().mean()) if inside.any() else math.nan


def psnr(error: float) -> float:
    """dB of a mean squared error of pictures in 0..255."""
    return 10 * math.log10(255.0**2 / max(error, 1e-6))


def same_encoder(a: AutoencoderKL, b: AutoencoderKL) -> bool:
    """Whether both make the same latents, as fine-tunes of the decoder do."""
    parts = [({**v.encoder.state_dict(), **v.quant_conv.state_dict()}) for v in (a, b)]
    if parts[0].keys() != parts[1].keys():
        return False
    return all(x.shape == parts[1][key].shape and torch.equal(x, parts[1][key]) for key, x in parts[0].items())


@torch.no_grad()
def rebuilt(vaes: list[AutoencoderKL], picture: Tensor, leader: list[int]) -> Iterator[Tensor]:
    """What each autoencoder makes of a uint8 picture, rounded to whole levels, float [3,H,W]; `leader[i]` is the
    first autoencoder with the encoder of the i-th."""
    x, latents = picture[None].float() / 127.5 - 1, {}
    for vae, first in zip(vaes, leader, strict=True):
        if first not in latents:
            latents[first] = vae.encode(x).mode()
        yield ((vae.decode(latents[first])[0].clamp(-1, 1) + 1) * 127.5).round()


def run(files: list[Path], count: int = 500, seed: int = 0, side: int = 256) -> list[Kept]:
    """Measure the files on the same held-out renders."""
    vaes = [load_vae(file) for file in files]
    leader = [next(j for j, other in enumerate(vaes) if same_encoder(vae, other)) for vae in vaes]
    errors: list[dict[str, list[float]]] = [{region: [] for region in REGIONS} for _ in files]
    for scene, picture in tqdm(held_out(count, seed, side), total=count, desc="rebuilding", unit="picture"):
        boxes = regions_of(scene)
        for mine, out in zip(errors, rebuilt(vaes, picture, leader), strict=True):
            for region in REGIONS:
                error = squared_error(out - picture.float(), boxes[region])
                if not math.isnan(error):
                    mine[region].append(error)
    return [_kept(file.stem, mine) for file, mine in zip(files, errors, strict=True)]


def _kept(name: str, errors: dict[str, list[float]]) -> Kept:
    mean = {region: sum(map(psnr, values)) / len(values) for region, values in errors.items()}
    return Kept(name, mean, {region: psnr(sum(values) / len(values)) for region, values in errors.items()})


def show(found: list[Kept]) -> str:
    """A table of dB: means over pictures, then of the pooled error."""
    rows = [["autoencoder", *REGIONS, *(f"{region}, pooled" for region in REGIONS)]]
    for kept in found:
        numbers = [kept.mean[region] for region in REGIONS] + [kept.pooled[region] for region in REGIONS]
        rows.append([kept.name, *(f"{number:.2f}" for number in numbers)])
    return agreement.table(rows)
