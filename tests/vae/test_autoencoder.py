"""The codec against diffusers' AutoencoderKL and the model it was trained with, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lib_vaeface.vae import layouts
from lib_vaeface.vae.autoencoder import Autoencoder, from_state_dict, load
from lib_vaeface.vae.errors import VaeFileError
from lib_vaeface.vae.formats import BY_KEY
from lib_vaeface.vae.scaling import pack, unpack
from tests.vae import samples

FAMILIES = [("sd1", 4, True), ("sdxl", 4, True), ("sd3", 16, False), ("flux1", 16, False), ("sd1", 4, False)]


@pytest.mark.parametrize(("key", "z", "quant"), FAMILIES)
def test_equals_diffusers(key: str, z: int, quant: bool) -> None:
    model, row = samples.diffusers_kl(z, quant), BY_KEY[key]
    codec = from_state_dict(model.state_dict(), format=row)
    latents, images = torch.randn(2, z, 9, 12), torch.rand(2, 3, 72, 96)
    with torch.no_grad():
        decoded = (model.decode(latents / row.scale + row.shift).sample / 2 + 0.5).clamp(0, 1)
        encoded = (model.encode(images * 2 - 1).latent_dist.mode() - row.shift) * row.scale
    assert (codec.decode(latents) - decoded).abs().max() < 5e-5
    assert (codec.encode(images) - encoded).abs().max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(("z", "quant"), [(4, True), (16, False)])
def test_equals_diffusers_at_full_size(z: int, quant: bool) -> None:
    model = samples.diffusers_kl(z, quant, (128, 256, 512, 512))
    assert sum(p.numel() for p in model.parameters()) == (83_653_863 if quant else 83_819_683)
    codec = from_state_dict(model.state_dict())
    assert codec.format is not None
    latents, images = torch.randn(1, z, 16, 16), torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        decoded = (model.decode(latents / codec.format.scale + codec.format.shift).sample / 2 + 0.5).clamp(0, 1)
        encoded = (model.encode(images * 2 - 1).latent_dist.mode() - codec.format.shift) * codec.format.scale
    assert (codec.decode(latents) - decoded).abs().max() < 5e-5
    assert (codec.encode(images) - encoded).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("widths", "layers", "downscale"), [((32, 64), 1, 2), ((32, 64, 96), 2, 4), ((64, 64, 64, 64), 1, 8)]
)
def test_configuration_is_inferred(widths: tuple[int, ...], layers: int, downscale: int) -> None:
    """Any widths, blocks and number of resolutions; the x4 upscaler's VAE is one of three."""
    model = samples.diffusers_kl(widths=widths, layers=layers)
    codec = from_state_dict(model.state_dict(), format=BY_KEY["sd-x4"])
    latents = torch.randn(1, 4, 6, 5)
    with torch.no_grad():
        wanted = (model.decode(latents / 0.08333).sample / 2 + 0.5).clamp(0, 1)
    assert codec.downscale == downscale
    assert (codec.decode(latents) - wanted).abs().max() < 1e-5


def test_trained_pocket_vae_equals_the_model_it_was_trained_as() -> None:
    from pocket_webui.nets.vae import AutoencoderKL

    prefix = "first_stage_model."
    weights = {k[len(prefix) :]: v.float() for k, v in load_file(samples.POCKET).items() if k.startswith(prefix)}
    shape = {"ch": 64, "ch_mult": [1, 1, 1, 1], "num_res_blocks": 1, "in_channels": 3, "out_ch": 3, "z_channels": 4}
    model = AutoencoderKL(shape, 4).eval()
    model.load_state_dict(weights)
    images = samples.photo("astronaut", 128, 160)
    codec = samples.pocket()
    latents = codec.encode(images)
    with torch.no_grad():
        assert (latents - model.encode(images * 2 - 1).mode() * 0.18215).abs().max() < 1e-5
        assert (codec.decode(latents) - (model.decode(latents / 0.18215) / 2 + 0.5).clamp(0, 1)).abs().max() < 1e-5


def _layout(weights: dict[str, torch.Tensor], kind: str) -> dict[str, torch.Tensor]:
    """The same weights as diffusers gives them, in another layout."""
    naming = layouts.read(weights)
    assert naming is not None
    ours = {name: weights[theirs] for name, theirs in naming.names.items()}
    ours = {name: t[:, :, None, None] if ".attn_1." in name and t.ndim == 2 else t for name, t in ours.items()}
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    if kind == "old diffusers":
        for new, before in old.items():
            weights = {name.replace(f".{new}.", f".{before}."): t for name, t in weights.items()}
        return weights
    if kind == "checkpoint":
        return {f"first_stage_model.{name}": t for name, t in ours.items()} | {"model.diffusion_model.x": torch.ones(1)}
    if kind == "ema":
        return {f"model_ema.{name.replace('.', '')}": t for name, t in ours.items()} | {
            "model_ema.decay": torch.ones(1)
        }
    if kind == "training leftovers":
        return ours | {"loss.discriminator.main.0.weight": torch.ones(1), "model_ema.decay": torch.ones(1)}
    return {layouts.to_diffusers(name, naming.levels): weights[naming.names[name]] for name in ours}


@pytest.mark.parametrize("kind", ["old diffusers", "checkpoint", "ema", "training leftovers", "there and back"])
def test_every_layout_gives_the_same_codec(kind: str) -> None:
    weights = samples.diffusers_kl().state_dict()
    latents = torch.randn(1, 4, 6, 6)
    other = from_state_dict(_layout(weights, kind))
    assert torch.equal(other.decode(latents), from_state_dict(weights).decode(latents))


def _flux2() -> dict[str, torch.Tensor]:
    """As BFL writes it: quant convolutions inside the halves, statistics of the packed latents beside them."""
    nested = {"quant_conv": "encoder.quant_conv", "post_quant_conv": "decoder.post_quant_conv"}
    weights = {}
    for name, tensor in samples.diffusers_kl(32).state_dict().items():
        stem, _, kind = name.rpartition(".")
        weights[f"{nested.get(stem, stem)}.{kind}"] = tensor
    weights["bn.running_mean"], weights["bn.running_var"] = torch.randn(128) / 4, torch.rand(128) + 0.5
    return weights | {"bn.num_batches_tracked": torch.tensor(7)}


def test_flux2_latents_are_packed_and_normalised_by_the_file() -> None:
    weights = _flux2()
    codec = from_state_dict(weights)
    assert (codec.channels, codec.downscale) == (128, 16)
    images = torch.rand(1, 3, 64, 96)
    latents = codec.encode(images)
    assert latents.shape == (1, 128, 4, 6)
    model = samples.diffusers_kl(32)
    with torch.no_grad():
        raw = model.encode(images * 2 - 1).latent_dist.mode()
        wanted = (pack(raw) - weights["bn.running_mean"].view(1, -1, 1, 1)) / (
            weights["bn.running_var"].view(1, -1, 1, 1) + 1e-4
        ).sqrt()
        decoded = (model.decode(raw).sample / 2 + 0.5).clamp(0, 1)
    assert (latents - wanted).abs().max() < 1e-5
    assert (codec.decode(latents) - decoded).abs().max() < 5e-5


def test_packing_puts_pixel_a_b_of_channel_c_into_channel_4c_2a_b() -> None:
    raw = torch.randn(2, 32, 6, 8)
    packed = pack(raw)
    assert torch.equal(packed[:, 4 * 5 + 2 * 1 + 0], raw[:, 5, 1::2, 0::2])
    assert torch.equal(unpack(packed), raw)


def test_weights_are_shared_and_never_written() -> None:
    weights = samples.diffusers_kl().state_dict()
    before = {name: tensor.clone() for name, tensor in weights.items()}
    codec = from_state_dict(weights)
    codec.decode(codec.encode(torch.rand(1, 3, 32, 32)))
    assert all(torch.equal(weights[name], tensor) for name, tensor in before.items())
    own = {tensor.data_ptr() for tensor in codec.net(torch.float32).weights.values()}
    shared = [name for name, tensor in weights.items() if tensor.data_ptr() in own]
    assert len(shared) == len(weights) - 3, "all but the kernels of the three upsamplings"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn])
def test_files_of_low_precision_are_cast(dtype: torch.dtype, tmp_path: Path) -> None:
    weights = {name: tensor.to(dtype) for name, tensor in samples.diffusers_kl(uneven=False).state_dict().items()}
    save_file(weights, str(tmp_path / "low.safetensors"))
    codec = load(tmp_path / "low.safetensors", dtype=torch.float32)
    latents = torch.randn(1, 4, 4, 4)
    same = from_state_dict({name: tensor.float() for name, tensor in weights.items()})
    assert torch.equal(codec.decode(latents), same.decode(latents))


def _broken(kind: str) -> dict[str, torch.Tensor]:
    weights = dict(samples.diffusers_kl().state_dict())
    name = "decoder.up_blocks.1.resnets.0.conv2.weight"
    if kind == "missing":
        del weights[name]
    elif kind == "another shape":
        weights[name] = weights[name][:, :, :1, :1].contiguous()
    elif kind == "too many":
        weights["decoder.up_blocks.1.resnets.7.conv9.weight"] = torch.ones(4)
    elif kind == "foreign":
        weights["lora_unet_down.weight"] = torch.ones(4)
    elif kind == "video":
        weights = {n: t[:, :, None] if t.ndim == 4 else t for n, t in weights.items()}
    elif kind == "integers":
        weights[name] = weights[name].to(torch.int8)
    elif kind == "no VAE":
        weights = {"model.weight": torch.ones(3)}
    return weights


@pytest.mark.parametrize("kind", ["missing", "another shape", "too many", "foreign", "video", "integers", "no VAE"])
def test_what_is_not_exactly_a_vae_is_refused_with_a_reason(kind: str, tmp_path: Path) -> None:
    save_file({n: t.contiguous() for n, t in _broken(kind).items()}, str(tmp_path / "x.safetensors"))
    with pytest.raises(VaeFileError) as caught:
        load(tmp_path / "x.safetensors")
    assert str(caught.value).startswith("x.safetensors: ") and len(str(caught.value)) > 30


def test_a_file_written_again_is_not_mixed_with_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "vae.safetensors"
    save_file(samples.diffusers_kl(seed=1).state_dict(), str(path))
    codec = load(path)
    save_file(samples.diffusers_kl(seed=2).state_dict() | {"loss.x": torch.ones(1)}, str(path))
    with pytest.raises(VaeFileError, match="written again"):
        codec.decode(torch.zeros(1, 4, 4, 4))


def test_encoding_is_deterministic_and_samples_with_a_seed() -> None:
    codec, images = samples.random_codec(), torch.rand(2, 3, 32, 32)
    assert torch.equal(codec.encode(images), codec.encode(images))
    drawn = [codec.encode(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], codec.encode(images))


@pytest.mark.parametrize("shape", [(1, 3, 30, 32), (1, 4, 32, 32), (3, 32, 32)])
def test_images_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiples of 8"):
        samples.random_codec().encode(torch.rand(shape))


def test_latents_of_another_family_are_refused() -> None:
    with pytest.raises(ValueError, match="takes"):
        samples.random_codec().decode(torch.randn(1, 16, 4, 4))
    with pytest.raises(ValueError, match="16 latent channels"):
        from_state_dict(samples.diffusers_kl().state_dict(), format=BY_KEY["flux1"])


def _host_tiling(model: torch.nn.Module) -> None:
    """What A1111's Tiling does to the host's VAE."""
    for layer in model.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.padding_mode = "circular"


def test_wrapping_equals_the_hosts_tiling() -> None:
    model = samples.diffusers_kl()
    codec: Autoencoder = from_state_dict(model.state_dict()).wrapping(True)
    _host_tiling(model)
    latents, images = torch.randn(1, 4, 7, 9), torch.rand(1, 3, 56, 72)
    with torch.no_grad():
        decoded = (model.decode(latents / 0.18215).sample / 2 + 0.5).clamp(0, 1)
        encoded = model.encode(images * 2 - 1).latent_dist.mode() * 0.18215
    assert (codec.decode(latents) - decoded).abs().max() < 5e-5
    assert (codec.encode(images) - encoded).abs().max() < 1e-5
