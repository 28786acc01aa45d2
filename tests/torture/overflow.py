"""Decoders that overflow in fp16: whole pictures, tiles and regions come out in a higher precision, never black."""

from __future__ import annotations

from .part import Part, Told, nobody, of_child

PROMISE = "decoded in bf16 or fp32 instead, per picture, tile and region; the infotext says so; never black"


def torture(count: int = 30, seed: int = 0, told: Told = nobody) -> Part:
    """count: decoders, each louder than fp16 can hold."""
    part = of_child("overflow", PROMISE, {"count": count, "seed": seed}, told)
    with part.timed():
        regions(part, min(count, 8), seed)
    return part


def regions(part: Part, count: int, seed: int) -> None:
    """The codec alone: what overflows in a region, in tiles and as a whole equals the decode in fp32."""
    import torch

    from lib_vaeface.vae.autoencoder import from_state_dict
    from tests.vae import samples

    random = torch.Generator().manual_seed(seed)
    for number in range(count):
        weights = samples.random_weights(uneven=False)
        gain = 10 ** (5 + float(torch.rand((), generator=random)) * 2)
        weights["decoder.up.1.block.1.conv2.weight"] = weights["decoder.up.1.block.1.conv2.weight"] * gain
        latents = torch.randn(1, 4, 8, 8, generator=random)
        exact = from_state_dict(weights, dtype=torch.float32)
        wanted, memories = exact.decode_keeping(latents)
        left, top = 8 * (number % 4), 8 * (number // 4)
        box = (left, top, left + 24, top + 24)
        low = from_state_dict(weights, dtype=torch.float16)
        found = {
            "whole": (low.decode(latents), wanted),
            "tiles": (from_state_dict(weights, dtype=torch.float16).decode_tiled(latents, tile=4), wanted),
            "region": (
                from_state_dict(weights, dtype=torch.float16).decode_region(latents, box, memories),
                wanted[:, :, top : top + 24, left : left + 24],
            ),
        }  # fmt: skip
        for kind, (image, right) in found.items():
            part.count(f"decodes: {kind}")
            if not bool(torch.isfinite(image).all()) or samples.psnr(image, right) < 25:
                part.fail(f"gain {gain:.3g}, {kind}: {samples.psnr(image, right):.1f} dB from fp32")
