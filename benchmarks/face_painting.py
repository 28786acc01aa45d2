"""The pocket model as a painter of pictures and, without a WebUI, of faces (`lib_vaeface.face.protocol.Resampler`)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lib_vaeface.face.protocol import Redecoded, Resample
from pocket_webui.nets import checkpoint
from pocket_webui.portraits import Scene, caption, sample
from pocket_webui.train.conditioning import encode_prompts
from pocket_webui.train.sheets import euler_sigmas, sample_euler

SCENES = 98_000_000  # far from the seeds that anything is trained on
SIDE, STEPS, CFG = 256, 16, 4.0


@dataclass
class Painted:
    """A painted picture [3,H,W] in 0..1, its latent [1,4,h,w] as the sampler left it, and what was asked for."""

    scene: Scene
    picture: Tensor
    latent: Tensor

    @property
    def faces(self) -> str:
        """A prompt with a close-up of each person, from left to right."""
        people = sorted(self.scene.people, key=lambda person: person.box[0])
        return " [SEP] ".join(caption(replace(self.scene, kind="closeup", people=(one,))) for one in people)


@dataclass
class Model:
    """A checkpoint of the pocket family."""

    file: Path
    native: int = SIDE
    kept: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def nets(self) -> Any:
        return checkpoint.load(self.file)

    def text(self, prompt: str) -> Tensor:
        """Conditioning [1,77,width]; each prompt is encoded once."""
        if prompt not in self.kept:
            self.kept[prompt] = encode_prompts(self.nets, [prompt], (SIDE, SIDE))[0]
        found: Tensor = self.kept[prompt]
        return found

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        return (self.nets.decode_first_stage(latents) / 2 + 0.5).clamp(0, 1)

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        latent: Tensor = self.nets.first_stage_model.encode(pictures * 2 - 1).mode() * self.nets.scale_factor
        return latent

    def paint(self, scene: Scene, seed: int) -> Painted:
        """A group picture from its caption."""
        cond, empty = [self.text(caption(scene))], [self.text("")]
        latent = sample_euler(self.nets, cond, empty, (scene.width, scene.height), STEPS, CFG, seed)
        return Painted(scene, self.decode(latent)[0], latent)

    @torch.no_grad()
    def repaint(self, request: Resample) -> Tensor:
        """img2img of all rows in one batch, by Euler steps.

        A row of less strength waits as its own picture with that step's noise until its turn; outside the mask every
        row does so to the end, as the WebUIs do it.
        """
        steps = request.steps or STEPS
        sigmas, start = euler_sigmas(self.nets, steps), self.encode(request.images)
        mask = torch.nn.functional.adaptive_avg_pool2d(request.masks, start.shape[-2:])
        noise = torch.stack([_noise(seed, start.shape[1:]) for seed in request.seeds])
        # A1111: of `steps` the last min(int(strength * steps), steps - 1) + 1 are made.
        begins = [steps - min(int(strength * steps), steps - 1) - 1 for strength in request.strengths]
        first, begin = min(begins), torch.tensor(begins)[:, None, None, None]
        x = start + sigmas[first] * noise
        cond = torch.cat([self.text(prompt) for prompt in request.prompts])
        uncond = torch.cat([self.text(negative) for negative in request.negatives])
        for step, (now, after) in enumerate(itertools.pairwise(sigmas[first:]), first):
            clean = self._clean(x, now, cond, uncond, request.cfg or CFG)
            clean = start + mask * (clean - start)
            x = torch.where(begin <= step, clean + after / now * (x - clean), start + after * noise)
        return self.decode(x)

    def _clean(self, x: Tensor, sigma: Tensor, cond: Tensor, uncond: Tensor, cfg: float) -> Tensor:
        """What the model takes x for without its noise."""
        times = ((1 - self.nets.alphas_cumprod) / self.nets.alphas_cumprod).sqrt()
        t = (times - sigma).abs().argmin().repeat(2 * len(x))
        scaled = (x / (sigma**2 + 1).sqrt()).repeat(2, 1, 1, 1)
        told, free = self.nets.apply_model(scaled, t, torch.cat([cond, uncond])).chunk(2)
        result: Tensor = x - sigma * (free + cfg * (told - free))
        return result


def _noise(seed: int, shape: Sequence[int]) -> Tensor:
    return torch.randn(tuple(shape), generator=torch.Generator().manual_seed(seed))


@dataclass
class Faces:
    """A `Resampler`. What was painted once for the same request is not painted again: guard on and off see the same."""

    model: Model
    done: dict[Any, Tensor] = field(default_factory=dict)
    native: int = SIDE

    def stopped(self) -> bool:
        return False

    def progress(self, done: int, total: int) -> None:
        pass

    def __call__(self, request: Resample) -> Tensor:
        words = (request.prompts, request.negatives, request.seeds, request.strengths, request.steps, request.cfg)
        key = (*words, request.images.numpy().tobytes())
        if key not in self.done:
            self.done[key] = self.model.repaint(request)
        return self.done[key]


def scenes(kind: str, count: int, seed: int) -> list[Scene]:
    """What shall be painted, from unseen seeds: "group", faces of 30 to 60 pixels, or "half", of 60 to 90."""
    return sample(SCENES + seed, count, kind, SIDE, SIDE)


@dataclass
class Whole:
    """A `Redecode` with the picture's whole decode by a VAE: pictures [3,H,W] in 0..1."""

    pictures: Sequence[Tensor]

    def __call__(self, number: int, boxes: Sequence[tuple[int, int, int, int]]) -> Redecoded:
        picture = self.pictures[number]
        return Redecoded([picture[:, top:bottom, left:right] for left, top, right, bottom in boxes], "exact: full pass")
