"""The whole model as a WebUI sees it: `model`, `first_stage_model`, `cond_stage_model` (SDXL: `conditioner`)."""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor, nn

from .text import TextEncoder
from .unet import UNetModel
from .vae import AutoencoderKL, DiagonalGaussian

SIZE_WIDTH = 256


def scaled_linear_alphas(linear_start: float, linear_end: float, timesteps: int) -> Tensor:
    """Cumulative products of 1 - beta [timesteps], betas linear in their square roots (SD1's schedule)."""
    betas = torch.linspace(linear_start**0.5, linear_end**0.5, timesteps, dtype=torch.float64) ** 2
    return torch.cumprod(1.0 - betas, dim=0).float()


class DiffusionWrapper(nn.Module):
    """Holds the U-Net under the name `diffusion_model`, where hosts and extensions look for it."""

    def __init__(self, diffusion_model: UNetModel) -> None:
        super().__init__()
        self.diffusion_model = diffusion_model
        self.conditioning_key = "crossattn"

    def forward(self, x: Tensor, t: Tensor, context: Tensor, y: Tensor | None = None) -> Tensor:
        return self.diffusion_model(x, t, context=context, y=y)


class LatentDiffusion(nn.Module):
    """SD1-type model. Latents are `scale_factor` times the autoencoder's; the U-Net predicts the noise ("eps")."""

    is_sdxl = False
    is_sd1 = True
    is_sd2 = False
    is_sd3 = False
    is_ssd = False
    parameterization = "eps"

    alphas_cumprod: Tensor
    sqrt_alphas_cumprod: Tensor
    sqrt_one_minus_alphas_cumprod: Tensor
    betas: Tensor

    def __init__(self, params: dict[str, Any], folder: Path) -> None:
        """`params` is `model.params` of the checkpoint's yaml; `folder` is where a relative tokenizer path starts."""
        super().__init__()
        self.model = DiffusionWrapper(UNetModel(**params[self._unet_key]["params"]))
        self.first_stage_model = AutoencoderKL(**params["first_stage_config"]["params"])
        self.scale_factor = float(params["scale_factor"])
        self.image_size = int(params.get("image_size", 64))  # in latent pixels, as SD1's class has it
        alphas = scaled_linear_alphas(
            params.get("linear_start", 0.00085), params.get("linear_end", 0.012), params.get("timesteps", 1000)
        )
        self.num_timesteps = len(alphas)
        previous = torch.cat([torch.ones(1), alphas[:-1]])
        for name, value in (
            ("alphas_cumprod", alphas),
            ("betas", 1.0 - alphas / previous),
            ("sqrt_alphas_cumprod", alphas.sqrt()),
            ("sqrt_one_minus_alphas_cumprod", (1.0 - alphas).sqrt()),
        ):
            self.register_buffer(name, value, persistent=False)
        self._build_text(params, folder)

    _unet_key = "unet_config"

    def _build_text(self, params: dict[str, Any], folder: Path) -> None:
        self.cond_stage_model = text_encoder(params["cond_stage_config"]["params"], folder)

    @property
    def dtype(self) -> torch.dtype:
        return self.model.diffusion_model.dtype

    @property
    def device(self) -> torch.device:
        return self.alphas_cumprod.device

    def apply_model(self, x: Tensor, t: Tensor, cond: Any) -> Tensor:
        """Noise in x [B,4,h,w] at times t [B]; `cond` is the text [B,n,width], or a dict that holds it."""
        context, y = split_conditioning(cond)
        return self.model(x, t, context, y)

    def encode_first_stage(self, x: Tensor) -> DiagonalGaussian:
        return self.first_stage_model.encode(x)

    def get_first_stage_encoding(self, posterior: DiagonalGaussian | Tensor) -> Tensor:
        """Scaled latents; a distribution is sampled with the global random numbers, as SD1 does."""
        z = posterior.sample() if isinstance(posterior, DiagonalGaussian) else posterior
        return self.scale_factor * z

    def decode_first_stage(self, z: Tensor) -> Tensor:
        return self.first_stage_model.decode(z / self.scale_factor)


def text_encoder(params: dict[str, Any], folder: Path) -> TextEncoder:
    return TextEncoder(folder / PurePosixPath(params["version"]).name)


def split_conditioning(cond: Any) -> tuple[Tensor, Tensor | None]:
    """The (text, vector) of a conditioning in any of the forms samplers hand over."""
    if isinstance(cond, dict):
        text = cond["c_crossattn"] if "c_crossattn" in cond else cond["crossattn"]
        if isinstance(text, list):
            text = torch.cat([part["crossattn"] if isinstance(part, dict) else part for part in text], dim=1)
        vector = cond.get("vector")
        if vector is None and isinstance(cond.get("c_crossattn"), list) and isinstance(cond["c_crossattn"][0], dict):
            vector = cond["c_crossattn"][0]["vector"]
        return text, vector
    return cond, None


class SizeEmbedder(nn.Module):
    """SDXL's embedding of a pair of numbers (sizes or crops, in pixels): [B,2] -> [B,512]."""

    def __init__(self, input_key: str, outdim: int = SIZE_WIDTH) -> None:
        super().__init__()
        self.input_key, self.outdim = input_key, outdim

    def forward(self, pairs: Tensor) -> Tensor:
        half = self.outdim // 2
        rates = torch.exp(-math.log(10_000.0) / half * torch.arange(half, device=pairs.device))
        angles = pairs.float().flatten()[:, None] * rates
        return torch.cat([angles.cos(), angles.sin()], dim=-1).reshape(len(pairs), -1)


class Conditioner(nn.Module):
    """SDXL's list of embedders: one text encoder, then original size, crop, target size."""

    def __init__(self, text: TextEncoder) -> None:
        super().__init__()
        keys = ("original_size_as_tuple", "crop_coords_top_left", "target_size_as_tuple")
        self.embedders = nn.ModuleList([text, *(SizeEmbedder(key) for key in keys)])

    @property
    def vector_width(self) -> int:
        text = self.embedders[0]
        assert isinstance(text, TextEncoder)
        return text.width + 3 * 2 * SIZE_WIDTH

    def vector(self, pooled: Tensor, sizes: dict[str, Tensor]) -> Tensor:
        """pooled [B,width] and the three pairs [B,2] -> [B,vector_width]."""
        parts = [embedder(sizes[embedder.input_key]) for embedder in self.embedders[1:]]  # type: ignore[index]
        return torch.cat([pooled, *(part.to(pooled) for part in parts)], dim=-1)


class LatentDiffusionXL(LatentDiffusion):
    """SDXL-type model: conditioning is {"crossattn": [B,n,width], "vector": [B,vector_width]}."""

    is_sdxl = True
    is_sd1 = False
    _unet_key = "network_config"

    def _build_text(self, params: dict[str, Any], folder: Path) -> None:
        embedders = params["conditioner_config"]["params"]["emb_models"]
        self.conditioner = Conditioner(text_encoder(embedders[0]["params"], folder))
