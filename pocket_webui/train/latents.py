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

EYES = 5.0  # times as much as elsewhere, see `place_weights`
IRIS = 40.0
CHIN = 6.0
RARE = 0.4  # share of pictures drawn from those with glasses or a beard


@dataclass(frozen=True)
class LatentShard:
    """moments [n,2z,h,w] (mean, log variance), float16; tokens [n,captions,77], int16; size of the pictures (W, H).

    weights [n,1,h,w]: how much each place counts in training, see `place_weights`. rare: rows of pictures with glasses
    or beards.
    """

    name: str
    moments: Tensor
    tokens: Tensor
    size: tuple[int, int]
    weights: Tensor
    rare: list[int]

    def row(self, rng: random.Random) -> int:
        """One picture's row; a share of RARE comes from those with glasses or beards, else a third of them."""
        return rng.choice(self.rare) if self.rare and rng.random() < RARE else rng.randrange(len(self.moments))


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


def place_weights(records: list[dict[str, Any]], height: int, width: int) -> Tensor:
    """[n,1,h,w], one place per latent pixel: 1, more where little decides whether the words are followed; a picture's
    mean is 1.

    EYES around eyes, where glasses are too: they cover a tenth of a close-up, so a plain mean learns them last. IRIS,
    in close-ups, in the three places that hold the eye's colour: over 4,000 eyes it explains 25 % of the variance of
    the place at the eye's centre, 13 and 6 % beside it and under 4 % of all others. CHIN in the lower third of a face.
    """
    weights = torch.ones(len(records), 1, height // 8, width // 8)
    for row, record in zip(weights[:, 0], records, strict=True):
        for person in record["people"]:
            left, top, right, bottom = person["box"]
            _at_least(row, CHIN, (left, bottom - (bottom - top) / 3, right, bottom))
            for eye_left, eye_top, eye_right, eye_bottom in person["eye_boxes"]:
                x, y = 0.25 * (eye_right - eye_left), 0.4 * (eye_bottom - eye_top)
                _at_least(row, EYES, (eye_left - x, eye_top - y, eye_right + x, eye_bottom + y))
            for x, y in (person["left_eye"], person["right_eye"]) if record["kind"] == "closeup" else ():
                _at_least(row, IRIS, (x - 8, y, x + 8, y))
    return weights / weights.mean((1, 2, 3), keepdim=True)


def _at_least(weights: Tensor, value: float, box: tuple[float, float, float, float]) -> None:
    """Raise weights [h,w] to `value` in a box given in pixels of the picture (eight to a place)."""
    left, top, right, bottom = (max(0, int(edge // 8)) for edge in box)
    weights[top : bottom + 1, left : right + 1].clamp_(min=value)


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
        weights = place_weights(shard.records, height, width)
        people = [record["people"] for record in shard.records]
        rare = [n for n, group in enumerate(people) if any(one["glasses"] or one["beard"] for one in group)]
        return LatentShard(shard.name, data["moments"], data["tokens"], (width, height), weights, rare)

    def spread(self) -> float:
        """Standard deviation of the latents: 1 / scale_factor."""
        values = torch.cat([shard.moments.chunk(2, 1)[0].float().flatten() for shard in self.shards[:8]])
        return float(values.std())

    def batch(
        self, size: int, rng: random.Random, closeups: float = 0.0
    ) -> tuple[Tensor, Tensor, Tensor, tuple[int, int]]:
        """Unscaled latent samples [size,z,h,w], weights [size,1,h,w], tokens [size,77], picture size.

        One shard a batch; a share of `closeups` of the batches is of close-ups for certain.
        """
        near = [s for s in self.shards if s.name.startswith("closeup")] if rng.random() < closeups else []
        shards = near or self.shards
        shard = rng.choices(shards, weights=[len(s.moments) for s in shards])[0]
        rows = torch.tensor([shard.row(rng) for _ in range(size)])
        mean, logvar = shard.moments[rows].float().chunk(2, dim=1)
        z = mean + torch.exp(0.5 * logvar.clamp(-30, 20)) * torch.randn_like(mean)
        choice = torch.tensor([rng.randrange(shard.tokens.shape[1]) for _ in range(size)])
        tokens = shard.tokens[rows, choice].long()
        return z, shard.weights[rows], tokens, shard.size
