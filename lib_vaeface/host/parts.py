"""What Forge and reForge have in common: a model is a set of parts in `forge_objects`, moved by a manager of memory.

Pictures pass through the model's own `decode_first_stage` and `encode_first_stage`, a batch at a time. What we compute
on the device is asked for from the manager, never while the sampler runs.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from lib_vaeface.face.protocol import LatentCoder
from lib_vaeface.host import resample
from lib_vaeface.host.first_stage import Pointed
from lib_vaeface.host.sampling import Left, Lending
from modules import shared

SPACES = {"SD15": "sd1", "SD20": "sd1", "SDXL": "sdxl", "SD3": "sd3", "Flux": "flux1"}
NESTED = (
    "forge_objects",
    "forge_objects_after_applying_lora",
    "current_lora_hash",
    "comments",
    "extra_generation_params",
)
FACE_FIELDS = ("distilled_cfg_scale",)


class PointedModel(Pointed, ABC):
    """The model's own two functions, scaled latents [B,z,h,w] to pictures [B,3,H,W] in -1..1 and back.

    Previews stay the WebUI's own: they come while the sampler runs, when nothing else may be put on the device.
    """

    manager: Any

    def ways(self) -> dict[str, Callable[[Tensor], Any]]:
        return {"decode_first_stage": self._decode, "encode_first_stage": self._encode}

    @abstractmethod
    def raw(self, scaled: Tensor) -> Tensor:
        """Latents as the VAE takes them."""

    @abstractmethod
    def scaled(self, moments: Tensor) -> Tensor:
        """Latents of a picture's moments, drawn as the WebUI draws them."""

    def _decode(self, scaled: Tensor) -> Tensor | None:
        if _previewing():
            return None
        vae = self.module.forge_objects.vae
        self._room(vae, vae.memory_used_decode, scaled.shape)
        found = self.coder.decode(self.raw(scaled))
        return None if found is None else found.clamp(-1, 1).to(scaled)

    def _encode(self, images: Tensor) -> Tensor | None:
        vae = self.module.forge_objects.vae
        self._room(vae, vae.memory_used_encode, images.shape)
        moments = self.coder.moments(images)
        return None if moments is None else self.scaled(moments).to(images)

    def _room(self, vae: Any, needed: Callable[..., float], shape: torch.Size) -> None:
        if self.coder.computes():
            make_room(self.manager, vae, needed(shape, torch.float32))


class PartsResampler(resample.A1111Resampler):
    """A job inside another one takes the outer one's patched model parts with it; they are put back."""

    def _make(self, request: Any) -> resample.FaceJob:
        job = super()._make(request)
        for name in FACE_FIELDS:
            if hasattr(self.job, name):
                setattr(job, name, getattr(self.job, name))
        return job

    def _paint(self, request: Any) -> Tensor | None:
        with _parts_kept():
            return super()._paint(request)


class PartsLending(Lending):
    """Part of the adapter. Sampling begins with the model's parts as they were loaded, and what scripts put in their
    place while it begins decodes too."""

    def watch_sampling(self, job: Any, sample: Callable[[], Any]) -> tuple[Any, Left | None]:
        latents, left = super().watch_sampling(job, sample)
        model = shared.sd_model
        replaced = model.forge_objects.vae is not model.forge_objects_after_applying_lora.vae
        return latents, None if replaced else left

    def as_sampled(self, job: Any, latents: Tensor, left: Left) -> Tensor:
        model = shared.sd_model
        model.forge_objects = model.forge_objects_after_applying_lora.shallow_copy()
        return super().as_sampled(job, latents, left)


def make_room(manager: Any, vae: Any, activations: float) -> None:
    """Ask for device memory for a VAE as large as the model's own, and for what it computes."""
    device = torch.device(vae.device)
    if device.type != "cpu":
        weights = 4 * sum(parameter.numel() for parameter in vae.first_stage_model.parameters())
        manager.free_memory(activations + weights, device)


def with_room(manager: Any, coder: LatentCoder) -> LatentCoder:
    """The same coder, which asks for memory each time."""
    vae = shared.sd_model.forge_objects.vae

    def encode(images: Tensor) -> Tensor:
        make_room(manager, vae, vae.memory_used_encode(images.shape, torch.float32))
        return coder.encode(images)

    def decode(latents: Tensor) -> Tensor:
        make_room(manager, vae, vae.memory_used_decode(latents.shape, torch.float32))
        return coder.decode(latents)

    return LatentCoder(encode, decode)


def pixels(manager: Any, vae: Any, images: Tensor) -> Tensor:
    """Pictures [B,3,H,W] in 0..1 as the model's own VAE takes them, -1..1, which is loaded to encode them."""
    manager.load_models_gpu([vae.patcher], vae.memory_used_encode(images.shape, vae.vae_dtype))
    return (images * 2 - 1).to(vae.device, vae.vae_dtype)


@torch.no_grad()
def decode(manager: Any, vae: Any, raw: Tensor) -> Tensor:
    """Pictures [B,3,H,W], 0..1, of raw latents [B,z,h,w] by the model's own VAE."""
    manager.load_models_gpu([vae.patcher], vae.memory_used_decode(raw.shape, vae.vae_dtype))
    pictures: Tensor = vae.first_stage_model.decode(raw.to(vae.device, vae.vae_dtype))
    return (pictures.float() + 1) / 2


def formats(latent_format: object) -> tuple[str, ...]:
    """The latent formats that a model can have, by the WebUI's own name for them."""
    known = type(latent_format).__name__
    return (SPACES[known],) if known in SPACES else ()


def _previewing() -> bool:
    """Whether this thread decodes for the live preview: inside the sampler, or not in a job at all."""
    frame: FrameType | None = sys._getframe()
    names = set()
    while frame is not None:
        names.add(frame.f_code.co_name)
        frame = frame.f_back
    return "store_latent" in names or "process_images" not in names


@contextmanager
def _parts_kept() -> Iterator[None]:
    model = shared.sd_model
    before = {name: getattr(model, name) for name in NESTED if hasattr(model, name)}
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(model, name, value)
