"""The VAE's network: pictures [B,3,H,W] in -1..1 to raw latents [B,z,h,w], already drawn, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pocket_webui.nets.vae import AutoencoderKL


class DiagonalGaussianDistribution:
    """parameters [B,2z,h,w]: means and log variances. Drawn from the global random numbers."""

    def __init__(self, parameters: Tensor) -> None:
        self.parameters = parameters
        self.mean, logvar = parameters.chunk(2, dim=1)
        self.logvar = logvar.clamp(-30.0, 20.0)
        self.std = torch.exp(0.5 * self.logvar)

    def sample(self) -> Tensor:
        return self.mean + self.std * torch.randn(self.mean.shape).to(self.mean)

    def mode(self) -> Tensor:
        return self.mean


class IntegratedAutoencoderKL(nn.Module):
    """Shares its layers with the network it is made of."""

    def __init__(self, network: AutoencoderKL, scaling_factor: float) -> None:
        super().__init__()
        self.encoder, self.decoder = network.encoder, network.decoder
        self.quant_conv, self.post_quant_conv = network.quant_conv, network.post_quant_conv
        self.scaling_factor, self.shift_factor = scaling_factor, 0.0

    def encode(self, x: Tensor, regulation: Callable[[Any], Tensor] | None = None) -> Tensor:
        posterior = DiagonalGaussianDistribution(self.quant_conv(self.encoder(x)))
        return posterior.sample() if regulation is None else regulation(posterior)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(self.post_quant_conv(z))

    def process_in(self, latent: Tensor) -> Tensor:
        return (latent - self.shift_factor) * self.scaling_factor

    def process_out(self, latent: Tensor) -> Tensor:
        return latent / self.scaling_factor + self.shift_factor
