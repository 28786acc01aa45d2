"""Stages `vae`, `xl_vae` and the two fine-tunes of the decoder."""

from __future__ import annotations

import random
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nets.vae import AutoencoderKL
from .loop import Stage
from .pool import Pool
from .work import Work

KL_WEIGHT = 5e-3  # per nat, divided by the number of picture values, so that a latent carries a little noise
GRADIENT_WEIGHT = 0.5


def multi_scale_gradients(a: Tensor, b: Tensor, levels: int = 3) -> Tensor:
    """Our perceptual term: mean absolute difference of the pictures' gradients at 1, 1/2, 1/4 ... of the size.

    a, b [B,3,H,W]. It asks for edges where the truth has edges, which plain L1 leaves soft. (LPIPS, which Stability
    used, needs a backbone that can't be had offline.)
    """
    total = a.new_zeros(())
    for level in range(levels):
        if level:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        for axis in (-1, -2):
            total = total + (a.diff(dim=axis) - b.diff(dim=axis)).abs().mean() * 2.0**level
    return total / levels


def losses_l1(vae: AutoencoderKL, crops: Tensor) -> dict[str, Tensor]:
    """L1 + gradients + a little KL: for the base, and (decoder only, averaged weights) for EMA."""
    posterior = vae.encode(crops)
    mean, noise = posterior.mean, torch.randn_like(posterior.mean)
    out = vae.decode(mean + posterior.std * noise)
    kl = posterior.kl().mean() / crops[0].numel()
    l1, gradients = (out - crops).abs().mean(), multi_scale_gradients(out, crops)
    return {
        "loss": l1 + GRADIENT_WEIGHT * gradients + KL_WEIGHT * kl,
        "l1": l1.detach(),
        "gradients": gradients.detach(),
        "psnr": psnr(out.detach(), crops),
        "kl": posterior.kl().mean().detach() / mean[0].numel(),
    }


def losses_mse(vae: AutoencoderKL, crops: Tensor) -> dict[str, Tensor]:
    """MSE + 0.1 x gradients, on the posterior's mean."""
    with torch.no_grad():
        z = vae.encode(crops).mode()
    out = vae.decode(z)
    mse, gradients = F.mse_loss(out, crops), multi_scale_gradients(out, crops)
    return {"loss": mse + 0.1 * gradients, "gradients": gradients.detach(), "psnr": psnr(out.detach(), crops)}


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal to noise in dB of pictures in -1..1."""
    return 10.0 * torch.log10(4.0 / F.mse_loss(a.clamp(-1, 1), b))


def quiet_start(vae: AutoencoderKL) -> AutoencoderKL:
    """Start residual branches at zero and the posterior nearly without noise: learning starts sooner."""
    for name, layer in vae.named_modules():
        if name.endswith(("conv2", "proj_out")):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    with torch.no_grad():
        vae.quant_conv.weight[vae.embed_dim :] = 0.0
        vae.quant_conv.bias[vae.embed_dim :] = -6.0  # type: ignore[index]
    return vae


def freeze_encoder(vae: AutoencoderKL) -> AutoencoderKL:
    """As Stability's fine-tunes: only the decoder and post_quant_conv learn."""
    vae.encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)
    return vae


def crops_of(work: Work, name: str, step: int) -> Iterator[Tensor]:
    """The crops a stage sees; seeded by the stage and the step it (re)starts from."""
    pool = Pool(work.pool)
    budget = work.budget(name)
    rng = random.Random(f"{work.seed} {name} {step}")
    for count, crops in enumerate(pool.crops(budget.batch, work.plan.crop, rng)):
        if count % 500 == 499:
            pool.refresh()
        yield crops.to(work.device).contiguous(memory_format=torch.channels_last)


def train(work: Work, name: str, vae: AutoencoderKL, kind: str) -> AutoencoderKL:
    """Run one autoencoder stage. kind: "l1" (all weights), "ema" (decoder, averaged) or "mse" (decoder)."""
    vae = vae.to(work.device, memory_format=torch.channels_last).train().requires_grad_(True)  # type: ignore[call-overload]
    if kind != "l1":
        freeze_encoder(vae)
    stage = Stage(name, work.states, vae, work.budget(name), decay=0.9995 if kind == "ema" else 0.995, clip=5.0)
    crops = crops_of(work, name, stage.step)
    losses = losses_mse if kind == "mse" else losses_l1
    trained = stage.run(lambda step: losses(vae, next(crops)))
    return trained.cpu().eval()  # type: ignore[return-value]
