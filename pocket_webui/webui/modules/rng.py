"""Random numbers of pictures: one generator per image, so that an image does not depend on the batch it is in.

The setting randn_source says where numbers come from: "GPU" (the model's device), "CPU", or "NV" (CUDA's numbers
computed anywhere).
"""

from __future__ import annotations

from typing import Any

import torch

from modules import devices, rng_philox, shared

nv_rng: rng_philox.Generator | None = None


def _source_device() -> torch.device:
    on_cpu = shared.opts.randn_source == "CPU" or devices.device.type == "mps"
    return devices.cpu if on_cpu else devices.device


def randn_without_seed(shape: tuple[int, ...], generator: Any = None) -> torch.Tensor:
    """Standard normal numbers from `generator`, or from the global one."""
    if shared.opts.randn_source == "NV":
        return torch.asarray((generator or nv_rng).randn(tuple(shape)), device=devices.device)
    return torch.randn(shape, device=_source_device(), generator=generator).to(devices.device)


def randn(seed: int, shape: tuple[int, ...], generator: Any = None) -> torch.Tensor:
    """Seeds the global generator, then draws from `generator`, or from the global one."""
    manual_seed(seed)
    return randn_without_seed(shape, generator)


def randn_local(seed: int, shape: tuple[int, ...]) -> torch.Tensor:
    """The first numbers of that seed; no global generator is touched."""
    return randn_without_seed(shape, create_generator(seed))


def randn_like(x: torch.Tensor) -> torch.Tensor:
    """Numbers from the global generator in the shape, device and dtype of x."""
    return randn_without_seed(x.shape).to(device=x.device, dtype=x.dtype)


def manual_seed(seed: int) -> None:
    """Seeds the global generator."""
    global nv_rng
    if shared.opts.randn_source == "NV":
        nv_rng = rng_philox.Generator(seed)
    else:
        torch.manual_seed(int(seed))


def create_generator(seed: int) -> Any:
    if shared.opts.randn_source == "NV":
        return rng_philox.Generator(seed)
    return torch.Generator(_source_device()).manual_seed(int(seed))


def slerp(val: float, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """Spherical interpolation along dimension 1, 0 = low, 1 = high; linear where the two are nearly parallel."""
    cosine = (low / low.norm(dim=1, keepdim=True) * high / high.norm(dim=1, keepdim=True)).sum(1)
    if cosine.mean() > 0.9995:
        return low * (1 - val) + high * val
    angle = cosine.acos()
    weights = [torch.sin(share * angle) / torch.sin(angle) for share in (1.0 - val, val)]
    return weights[0].unsqueeze(1) * low + weights[1].unsqueeze(1) * high


def _centred(target: int, source: int) -> tuple[slice, slice]:
    """Where a length `source` goes in a length `target`, and which part of it, both centred."""
    shift = (target - source) // 2
    length = source if shift >= 0 else source + 2 * shift
    return slice(max(shift, 0), max(shift, 0) + length), slice(max(-shift, 0), max(-shift, 0) + length)


class ImageRNG:
    """Noise [images, *shape] of a batch: first() or the first next() is the start noise, later next() a step's noise.

    shape is [4, h, w] in latent pixels, seed_resize_from_h and _w are in picture pixels: the noise of that size is put
    into the middle of the new one. subseed_strength 0..1 moves from seed to subseed.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        seeds: list[int],
        subseeds: list[int] | None = None,
        subseed_strength: float = 0.0,
        seed_resize_from_h: int = 0,
        seed_resize_from_w: int = 0,
    ) -> None:
        self.shape = tuple(map(int, shape))
        self.seeds = seeds
        self.subseeds = subseeds
        self.subseed_strength = subseed_strength
        self.seed_resize_from_h = seed_resize_from_h
        self.seed_resize_from_w = seed_resize_from_w
        self.generators = [create_generator(seed) for seed in seeds]
        self.is_first = True

    def first(self) -> torch.Tensor:
        noise = torch.stack([self._first_of(i) for i in range(len(self.seeds))]).to(shared.device)
        if delta := shared.opts.eta_noise_seed_delta or 0:
            self.generators = [create_generator(seed + delta) for seed in self.seeds]
        return noise

    def next(self) -> torch.Tensor:
        if self.is_first:
            self.is_first = False
            return self.first()
        drawn = [randn_without_seed(self.shape, generator=generator) for generator in self.generators]
        return torch.stack(drawn).to(shared.device)

    def _noise_shape(self) -> tuple[int, ...]:
        if self.seed_resize_from_h <= 0 or self.seed_resize_from_w <= 0:
            return self.shape
        return self.shape[0], int(self.seed_resize_from_h) // 8, int(self.seed_resize_from_w) // 8

    def _first_of(self, index: int) -> torch.Tensor:
        seed, generator, shape = self.seeds[index], self.generators[index], self._noise_shape()
        resized = shape != self.shape
        subnoise = None
        if self.subseeds is not None and self.subseed_strength != 0:
            subnoise = randn(self.subseeds[index] if index < len(self.subseeds) else 0, shape)
        noise = randn(seed, shape, generator=None if resized else generator)
        if subnoise is not None:
            noise = slerp(self.subseed_strength, noise, subnoise)
        if not resized:
            return noise
        canvas = randn(seed, self.shape, generator=generator)
        (to_y, from_y), (to_x, from_x) = (_centred(self.shape[i], shape[i]) for i in (1, 2))
        canvas[:, to_y, to_x] = noise[:, from_y, from_x]
        return canvas


# other code finds these among the devices, as on A1111
devices.randn = randn
devices.randn_local = randn_local
devices.randn_like = randn_like
devices.randn_without_seed = randn_without_seed
devices.manual_seed = manual_seed
