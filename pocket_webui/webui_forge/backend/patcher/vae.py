"""The VAE as the memory manager knows it. It takes and gives pictures [B,H,W,3] in 0..1."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from backend import memory_management
from backend.nn.vae import IntegratedAutoencoderKL


class ModelPatcher:
    """A model that may be put on the device, with what others want it to do otherwise."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.model_options: dict[str, Any] = {}


class VAE:
    def __init__(self, model: IntegratedAutoencoderKL, channels: int) -> None:
        self.first_stage_model = model
        self.patcher = ModelPatcher(model)
        self.latent_channels, self.downscale_ratio = channels, 8
        self.device, self.vae_dtype = memory_management.vae_device(), memory_management.vae_dtype()

    def memory_used_encode(self, shape: Any, dtype: Any) -> float:
        """Bytes for a picture [B,3,H,W]."""
        return 1767.0 * shape[2] * shape[3] * dtype.itemsize

    def memory_used_decode(self, shape: Any, dtype: Any) -> float:
        """Bytes for latents [B,z,h,w]."""
        return 2178.0 * shape[2] * shape[3] * 64 * dtype.itemsize

    def decode(self, samples_in: Tensor) -> Tensor:
        """Raw latents [B,z,h,w] to pictures, cut to 0..1."""
        memory_management.load_models_gpu([self.patcher], self.memory_used_decode(samples_in.shape, self.vae_dtype))
        pictures = self.first_stage_model.decode(samples_in.to(self.device, self.vae_dtype))
        return ((pictures.float() + 1.0) / 2.0).clamp(0.0, 1.0).movedim(1, -1)

    def encode(self, pixel_samples: Tensor) -> Tensor:
        """Pictures to raw latents."""
        pictures = pixel_samples.movedim(-1, 1)
        memory_management.load_models_gpu([self.patcher], self.memory_used_encode(pictures.shape, self.vae_dtype))
        regulation = self.patcher.model_options.get("model_vae_regulation")
        return self.first_stage_model.encode((pictures * 2.0 - 1.0).to(self.device, self.vae_dtype), regulation).float()
