"""The training pictures: shards of rendered portraits with their captions, on disk, made once and read in place."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.format import open_memmap
from torch import Tensor
from tqdm import tqdm

from ..portraits import caption, eye_boxes, render, sample
from ..portraits.scene import Scene

SHARD = 500
CAPTIONS = 6
VIEWS = (0.4, 0.3, 0.3)  # shares of whole pictures, half-size parts and full-size eyes among an autoencoder's crops
PoolKey = tuple[str, int, int]


def shard_name(key: PoolKey, index: int) -> str:
    kind, width, height = key
    return f"{kind}-{width}x{height}-{index:04d}"


def scene_truth(scene: Scene, rng: random.Random) -> dict[str, Any]:
    """Captions (the first says everything) and the truth in pixels, as plain JSON values."""
    people = []
    for person in scene.people:
        record = {key: value for key, value in asdict(person).items() if key not in ("shape", "tints")}
        people.append({**record, "eye_boxes": eye_boxes(person)})
    captions = [caption(scene)] + [caption(scene, rng) for _ in range(CAPTIONS - 1)]
    return {"captions": captions, "background": scene.background, "kind": scene.kind, "people": people}


def render_shard(folder: Path, key: PoolKey, index: int, count: int, seed: int, device: str) -> None:
    """Write one shard; the last file to appear is the .json, so a shard without it counts as missing."""
    kind, width, height = key
    scenes = sample(seed * 1_000_003 + index * 101 + hash_kind(key), count, kind, width=width, height=height)
    path = folder / (shard_name(key, index) + ".npy")
    pictures = open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, 3, height, width))
    for start in range(0, count, 8):
        pictures[start : start + 8] = render(scenes[start : start + 8], device=device).cpu().numpy()
    pictures.flush()
    rng = random.Random(f"{seed} {path.name}")
    records = [scene_truth(scene, rng) for scene in scenes]
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(records), encoding="utf8")
    partial.replace(path.with_suffix(".json"))


def hash_kind(key: PoolKey) -> int:
    """A number for a kind and size that is the same in every process (unlike `hash`)."""
    return sum(ord(char) * 31**i for i, char in enumerate("{}{}x{}".format(*key))) % 99_991


def fill(folder: Path, plan_pool: dict[PoolKey, int], seed: int, device: str = "cpu") -> None:
    """Render the shards that are missing, interleaving the kinds so that an early reader sees all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [
        (key, index, min(SHARD, count - index * SHARD))
        for key, count in plan_pool.items()
        for index in range(-(-count // SHARD))
    ]
    wanted.sort(key=lambda item: item[1] / -(-plan_pool[item[0]] // SHARD))
    missing = [item for item in wanted if not (folder / (shard_name(*item[:2]) + ".json")).exists()]
    with tqdm(total=sum(count for *_, count in missing), desc="rendering", unit="picture", disable=not missing) as bar:
        for key, index, count in missing:
            render_shard(folder, key, index, count, seed, device)
            bar.update(count)


class Shard:
    """One finished shard: `pictures` [n,3,H,W] uint8 (a memory map) and one truth record per picture."""

    def __init__(self, record: Path) -> None:
        self.name = record.stem
        self.folder = record.parent
        self.pictures = np.load(record.with_suffix(".npy"), mmap_mode="r")
        self.records: list[dict[str, Any]] = json.loads(record.read_text(encoding="utf8"))

    def __len__(self) -> int:
        return len(self.records)

    def images(self, rows: list[int] | slice) -> Tensor:
        """Pictures [b,3,H,W] in -1..1."""
        return torch.from_numpy(np.array(self.pictures[rows])).float() / 127.5 - 1.0


class Pool:
    """All shards that are ready; `refresh` picks up what a rendering process has added since."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shards: list[Shard] = []
        self.refresh()

    def refresh(self) -> list[Shard]:
        """The shards that were not known before."""
        known = {shard.name for shard in self.shards}
        fresh = [Shard(path) for path in sorted(self.folder.glob("*.json")) if path.stem not in known]
        self.shards += fresh
        return fresh

    def crops(self, batch: int, size: int, rng: random.Random) -> Iterator[Tensor]:
        """Endless batches [batch,3,size,size] in -1..1: whole pictures, half-size parts, and eyes at full size.

        All of them have several colours in them, on purpose: with two channels to a GroupNorm group, a crop of one
        flat colour leaves nothing to tell that colour from.
        """
        while True:
            yield torch.stack([self._one(size, rng) for _ in range(batch)])

    def _one(self, size: int, rng: random.Random) -> Tensor:
        shard = rng.choice(self.shards)
        row = rng.randrange(len(shard))
        height, width = shard.pictures.shape[2:]
        side = min(rng.choices((height, 2 * size, size), weights=VIEWS)[0], height)
        x, y = rng.randint(0, width - side), rng.randint(0, height - side)
        if side == size:
            person = rng.choice(shard.records[row]["people"])
            eye_x, eye_y = person[rng.choice(("left_eye", "right_eye"))]
            x = min(max(int(eye_x + rng.uniform(-0.8, -0.2) * side), 0), width - side)
            y = min(max(int(eye_y + rng.uniform(-0.8, -0.2) * side), 0), height - side)
        crop = torch.from_numpy(shard.pictures[row, :, y : y + side, x : x + side].copy()).float() / 127.5 - 1.0
        if side > size:
            crop = F.adaptive_avg_pool2d(crop[None], size)[0]
        return crop.flip(-1) if rng.random() < 0.5 else crop
