"""VAEs and pictures for these tests: random ones of any shape, the trained pocket VAE, TAEF2, photographs."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lib_vaeface.vae.autoencoder import Autoencoder, from_state_dict, load
from lib_vaeface.vae.structure import Half, Structure, expected

ROOT = Path(__file__).resolve().parents[2]
POCKET = ROOT / "pocket_webui" / "models" / "pocket.safetensors"
TAEF2 = ROOT / "tests" / "fixtures" / "taef2.safetensors"
SMALL = (32, 64, 64, 64)


def diffusers_kl(
    z: int = 4, quant: bool = True, widths: tuple[int, ...] = SMALL, layers: int = 2, seed: int = 0, uneven: bool = True
) -> Any:
    """A random AutoencoderKL of diffusers; `uneven`: GroupNorm weights far from 1 and 0, so that they matter."""
    from diffusers import AutoencoderKL

    torch.manual_seed(seed)
    levels = len(widths)
    model = AutoencoderKL(
        block_out_channels=widths,
        layers_per_block=layers,
        latent_channels=z,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        use_quant_conv=quant,
        use_post_quant_conv=quant,
    ).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if uneven and "norm" in name:
                parameter.copy_(0.3 * torch.randn_like(parameter) + ("weight" in name))
    return model


def random_weights(
    z: int = 4, quant: bool = True, widths: tuple[int, ...] = SMALL, layers: int = 2, uneven: bool = True
) -> dict[str, Tensor]:
    """The same kind of weights without diffusers, whose import takes seconds; in ldm's layout."""
    encoder, decoder = Half(widths, layers), Half(widths, layers + 1)
    random = torch.Generator().manual_seed(0)
    found = {}
    for name, shape in expected(Structure(z, encoder, decoder, quant, quant, False)).items():
        values = torch.randn(shape, generator=random)
        if len(shape) == 4:
            found[name] = values / (shape[1] * shape[2] * shape[3]) ** 0.5
        else:
            scale = 0.3 if uneven and "norm" in name else 0.02
            found[name] = scale * values + ("norm" in name and name.endswith("weight"))
    return found


@lru_cache(maxsize=4)
def random_codec(z: int = 4, quant: bool = True, widths: tuple[int, ...] = SMALL) -> Autoencoder:
    return from_state_dict(random_weights(z, quant, widths))


@lru_cache(maxsize=1)
def pocket() -> Autoencoder:
    return load(POCKET, dtype=torch.float32)


@lru_cache(maxsize=1)
def taef2() -> Autoencoder:
    return load(TAEF2, dtype=torch.float32)


@lru_cache(maxsize=4)
def photo(name: str, size: int = 256, left: int = 0) -> Tensor:
    """A photograph that comes with scikit-image, [1,3,size,size] in 0..1."""
    from skimage import data

    pixels = torch.from_numpy(getattr(data, name)().copy()).permute(2, 0, 1)[None].float() / 255
    return pixels[:, :, :size, left : left + size].contiguous()


def to_8_bit(images: Tensor) -> Tensor:
    return (images * 255).round()


def steps(a: Tensor, b: Tensor) -> float:
    """The largest difference, in steps of 1/255."""
    return float((a - b).abs().max()) * 255


def psnr(a: Tensor, b: Tensor) -> float:
    return float(-10 * torch.log10((a.double() - b.double()).square().mean() + 1e-30))


def peak_bytes(run: Callable[[], object]) -> int:
    """The most bytes that the CPU allocator held at once during a call, above what it held before."""
    from torch.profiler import ProfilerActivity, profile

    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as trace:
        kept = run()
    events = [event for event in trace.profiler.kineto_results.events() if event.name() == "[memory]"]  # type: ignore[union-attr]
    held = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    del kept
    return most
