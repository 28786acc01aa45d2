"""TAESD-type codecs: against diffusers, with TAEF2's trained weights, as exact in regions and tiles as the others."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lib_vaeface.vae.autoencoder import FIRST_STAGE, LATENT, from_state_dict
from lib_vaeface.vae.crops import Box, crop
from lib_vaeface.vae.regions import cut_position
from lib_vaeface.vae.scaling import pack
from tests.vae import samples

FACE = Box(176, 64, 272, 192)


def _diffusers_tiny(z: int) -> Any:
    from diffusers import AutoencoderTiny

    torch.manual_seed(1)
    return AutoencoderTiny(latent_channels=z).eval()


def _numbered(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """In TAESD's own numbering: its decoder counts the clamp."""
    found = {}
    for name, tensor in weights.items():
        half, _, number, rest = name.split(".", 3)
        found[f"{half}.{int(number) + (half == 'decoder')}.{rest}"] = tensor
    return found


@pytest.mark.parametrize("z", [4, 16])
@pytest.mark.parametrize("layout", ["diffusers", "taesd", "taesd_ prefix"])
def test_equals_diffusers(z: int, layout: str) -> None:
    model = _diffusers_tiny(z)
    weights = model.state_dict() if layout == "diffusers" else _numbered(model.state_dict())
    codec = from_state_dict({f"taesd_{n}": t for n, t in weights.items()} if layout == "taesd_ prefix" else weights)
    latents, images = torch.randn(2, z, 6, 5), torch.rand(2, 3, 48, 40)
    with torch.no_grad():
        decoded = (model.decode(latents).sample / 2 + 0.5).clamp(0, 1)
        encoded = model.encode(images * 2 - 1).latents
    assert (codec.decode(latents) - decoded).abs().max() < 1e-5
    assert (codec.encode(images) - encoded).abs().max() < 1e-5


def test_one_half_alone_does_its_half() -> None:
    weights = _numbered(_diffusers_tiny(4).state_dict())
    decoder = from_state_dict({n.removeprefix("decoder."): t for n, t in weights.items() if n.startswith("decoder.")})
    encoder = from_state_dict({n.removeprefix("encoder."): t for n, t in weights.items() if n.startswith("encoder.")})
    both = from_state_dict(weights)
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(decoder.decode(encoder.encode(images)), both.decode(both.encode(images)))
    with pytest.raises(ValueError, match="decoder only"):
        decoder.encode(images)
    with pytest.raises(ValueError, match="encoder only"):
        encoder.decode(torch.zeros(1, 4, 4, 4))


@pytest.mark.parametrize("name", ["decoder.7.weight", "decoder.3.conv.2.bias", "encoder.14.bias"])
def test_missing_tensors_are_refused(name: str) -> None:
    weights = _numbered(_diffusers_tiny(4).state_dict())
    del weights[name]
    with pytest.raises(ValueError):
        from_state_dict(weights)


def test_32_times_smaller_latents() -> None:
    """The shape of TAESANA: strided convolutions at the start, five doublings, wider first stages."""
    shapes = {"encoder.0": (32, 3), "encoder.2": (64, 32), "encoder.4": 64, "decoder.1": (64, 32), "decoder.3": 64}
    shapes |= {f"encoder.{n}": (64, 64, 0) for n in (5, 7, 9)} | {f"encoder.{n}": 64 for n in (6, 8, 10)}
    shapes |= {f"decoder.{n}": (64, 64, 0) for n in (5, 8, 11, 14, 17)} | {
        f"decoder.{n}": 64 for n in (6, 9, 12, 15, 18)
    }
    shapes |= {"encoder.11": (32, 64), "decoder.19": (3, 64)}
    codec = from_state_dict(_random(shapes))
    assert (codec.downscale, codec.channels) == (32, 32)
    assert codec.decode(codec.encode(torch.rand(1, 3, 64, 96))).shape == (1, 3, 64, 96)


def _random(shapes: dict[str, Any]) -> dict[str, torch.Tensor]:
    """name -> width of a block, (out, in) of a convolution, (out, in, 0) of one without bias."""
    found = {}
    for name, shape in shapes.items():
        if isinstance(shape, int):
            convs = {f"{name}.conv.{i}": (shape, shape) for i in (0, 2, 4)}
        else:
            convs = {name: shape}
        for conv, (out, into, *plain) in convs.items():
            found[f"{conv}.weight"] = torch.randn(out, into, 3, 3) / (9 * into) ** 0.5
            if not plain:
                found[f"{conv}.bias"] = torch.zeros(out)
    return found


def test_taef2_round_trip_of_a_photograph() -> None:
    photo = samples.photo("astronaut", 512)
    codec = samples.taef2()
    assert samples.psnr(codec.decode(codec.encode(photo)), photo) > 31
    latents = codec.encode(photo[:, :, :64, :64])
    assert torch.equal(codec.decode(pack(latents)), codec.decode(latents)), "as Flux.2's sampler packs them"


@pytest.fixture(scope="module")
def decoded() -> tuple[torch.Tensor, torch.Tensor, list]:
    codec = samples.taef2()
    latents = codec.encode(samples.photo("astronaut", 512))
    return latents, *codec.decode_keeping(latents, (FIRST_STAGE,))


def test_taef2_regions_on_a_photograph(decoded: tuple) -> None:
    """Within one step at 8 latents of context, equal at 18; cached behind the first stage 9 are exact."""
    latents, images, memories = decoded
    codec, wanted = samples.taef2(), crop(images, FACE)
    for cut, halo, most in ((LATENT, 8, 1.0), (LATENT, 18, 0.01), (FIRST_STAGE, 8, 0.1), (FIRST_STAGE, 9, 0.001)):
        found = codec.decode_region(latents, FACE, memories, cut, halo)
        assert samples.steps(found, wanted) <= most, (cut, halo)
    found = codec.decode_region(latents, FACE, memories)
    assert torch.equal(samples.to_8_bit(found), samples.to_8_bit(wanted))
    assert codec.decoder.halo(cut_position(codec.decoder, FIRST_STAGE)) == 9


def test_taef2_without_its_statistics_is_not_exact(decoded: tuple) -> None:
    """A crop with 18 latents of context and statistics of its own: what every other tiled decoder does."""
    latents, images, _ = decoded
    box = FACE.latent(8).grown(18).within(Box(0, 0, 64, 64))
    alone = samples.taef2().decode(crop(latents, box))
    assert samples.steps(crop(alone, FACE.within(box.times(8))), crop(images, FACE)) > 10
