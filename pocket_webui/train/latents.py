"""Latents of the rendered pictures, encoded once by a finished autoencoder, with their captions as tokens."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm
from transformers import CLIPTokenizer

from ..nets.vae import AutoencoderKL
from .pool import Pool, Shard

EYES = 5.0  # times as much as elsewhere, see `eye_weights`
GLASSES = 0.3


@dataclass(frozen=True)
class LatentShard:
    """moments [n,2z,h,w] (mean, log variance), float16; tokens [n,captions,77], int16; size of the pictures (W, H).

    weights [n,1,h,w]: how much each place counts in training, see `eye_weights`. glasses: rows of pictures with some.
    """

    name: str
    moments: Tensor
    tokens: Tensor
    size: tuple[int, int]
    weights: Tensor
    glasses: list[int]

    def row(self, rng: random.Random) -> int:
        """One picture's row; a share of GLASSES comes from those with glasses, which else are a quarter of them."""
        return rng.choice(self.glasses) if self.glasses and rng.random() < GLASSES else rng.randrange(len(self.moments))


@torch.no_grad()
def encode_shard(shard: Shard, vae: AutoencoderKL, device: str) -> Tensor:
    """Moments [n,2z,h,w]. One picture at a time on the CPU, where what fits the cache is five times faster."""
    batch = 1 if device == "cpu" else 16
    out = []
    for start in range(0, len(shard), batch):
        images = shard.images(slice(start, start + batch)).to(device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            out.append(vae.encode(images).parameters.float().clamp(-30_000, 30_000).half().cpu())
    return torch.cat(out)


def eye_weights(records: list[dict[str, Any]], height: int, width: int) -> Tensor:
    """[n,1,h,w], one place per latent pixel: 1, and EYES around eyes, where glasses are too; a picture's mean is 1.

    They cover a thirtieth of a close-up, so a plain mean learns them last.
    """
    weights = torch.ones(len(records), 1, height // 8, width // 8)
    for row, record in zip(weights, records, strict=True):
        for left, top, right, bottom in (box for person in record["people"] for box in person["eye_boxes"]):
            x, y = 0.25 * (right - left), 0.4 * (bottom - top)
            rows = slice(max(0, int((top - y) / 8)), max(0, int((bottom + y) / 8) + 1))
            row[0, rows, max(0, int((left - x) / 8)) : max(0, int((right + x) / 8) + 1)] = EYES
    return weights / weights.mean((1, 2, 3), keepdim=True)


def tokenise(captions: list[str], tokenizer: CLIPTokenizer) -> Tensor:
    """[n,77] token numbers; longer captions are cut."""
    return torch.tensor(tokenizer(captions, padding="max_length", truncation=True, max_length=77)["input_ids"])


class LatentStore:
    """All latents of a pool, kept beside the autoencoder's name in `<work>/latents-<name>/`."""

    def __init__(self, folder: Path, pool: Pool, tokenizer: CLIPTokenizer) -> None:
        self.folder, self.pool, self.tokenizer = folder, pool, tokenizer
        self.shards: list[LatentShard] = []
        folder.mkdir(parents=True, exist_ok=True)

    def update(self, vae: AutoencoderKL, device: str) -> None:
        """Encode and load what is new in the pool."""
        self.pool.refresh()
        known = {shard.name for shard in self.shards}
        fresh = [shard for shard in self.pool.shards if shard.name not in known]
        for shard in tqdm(fresh, desc="encoding", unit="shard", disable=not fresh):
            self.shards.append(self._load(shard, vae, device))

    def _load(self, shard: Shard, vae: AutoencoderKL, device: str) -> LatentShard:
        path = self.folder / f"{shard.name}.pt"
        if not path.exists():
            captions = [tokenise(record["captions"], self.tokenizer) for record in shard.records]
            torch.save({"moments": encode_shard(shard, vae, device), "tokens": torch.stack(captions).short()}, path)
        data = torch.load(path, weights_only=True)
        height, width = shard.pictures.shape[2:]
        weights = eye_weights(shard.records, height, width)
        glasses = [n for n, record in enumerate(shard.records) if any(one["glasses"] for one in record["people"])]
        return LatentShard(shard.name, data["moments"], data["tokens"], (width, height), weights, glasses)

    def spread(self) -> float:
        """Standard deviation of the latents: 1 / scale_factor."""
        values = torch.cat([shard.moments.chunk(2, 1)[0].float().flatten() for shard in self.shards[:8]])
        return float(values.std())

    def batch(self, size: int, rng: random.Random) -> tuple[Tensor, Tensor, Tensor, tuple[int, int]]:
        """Unscaled latent samples [size,z,h,w], weights [size,1,h,w], tokens [size,77], picture size. One shard a
        batch."""
        shard = rng.choices(self.shards, weights=[len(s.moments) for s in self.shards])[0]
        rows = torch.tensor([shard.row(rng) for _ in range(size)])
        mean, logvar = shard.moments[rows].float().chunk(2, dim=1)
        z = mean + torch.exp(0.5 * logvar.clamp(-30, 20)) * torch.randn_like(mean)
        choice = torch.tensor([rng.randrange(shard.tokens.shape[1]) for _ in range(size)])
        tokens = shard.tokens[rows, choice].long()
        return z, shard.weights[rows], tokens, shard.size
