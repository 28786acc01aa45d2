"""Latents of the rendered pictures, encoded once by a finished autoencoder, with their captions as tokens."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm
from transformers import CLIPTokenizer

from ..nets.vae import AutoencoderKL
from .pool import Pool, Shard


@dataclass(frozen=True)
class LatentShard:
    """moments [n,2z,h,w] (mean, log variance), float16; tokens [n,captions,77], int16; size of the pictures (W, H)."""

    name: str
    moments: Tensor
    tokens: Tensor
    size: tuple[int, int]


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
        return LatentShard(shard.name, data["moments"], data["tokens"], (width, height))

    def spread(self) -> float:
        """Standard deviation of the latents: 1 / scale_factor."""
        values = torch.cat([shard.moments.chunk(2, 1)[0].float().flatten() for shard in self.shards[:8]])
        return float(values.std())

    def batch(self, size: int, rng: random.Random) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """Unscaled latent samples [size,z,h,w], tokens [size,77], picture size. One shard a batch."""
        shard = rng.choices(self.shards, weights=[len(s.moments) for s in self.shards])[0]
        rows = torch.tensor([rng.randrange(len(shard.moments)) for _ in range(size)])
        mean, logvar = shard.moments[rows].float().chunk(2, dim=1)
        z = mean + torch.exp(0.5 * logvar.clamp(-30, 20)) * torch.randn_like(mean)
        choice = torch.tensor([rng.randrange(shard.tokens.shape[1]) for _ in range(size)])
        tokens = shard.tokens[rows, choice].long()
        return z, tokens, shard.size
