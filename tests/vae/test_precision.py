"""The precision ladder: what is not finite is computed again, nothing else is, and it is remembered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from lib_vaeface.vae import codec as codec_module
from lib_vaeface.vae import execute
from lib_vaeface.vae.autoencoder import Autoencoder, NotFiniteError, from_state_dict, load
from lib_vaeface.vae.precision import Climb, Ladder, best_dtype, is_finite
from tests.vae import samples

CPU = torch.device("cpu")


def loud(gain: float = 300.0) -> dict[str, Tensor]:
    """Weights whose activations leave fp16's range: one convolution louder, the next one as much softer."""
    weights = samples.random_weights(uneven=False)
    name = "decoder.up.1.block.1.conv2"
    weights[name + ".weight"] = weights[name + ".weight"] * gain * 1000
    return weights


def climbing(weights: dict[str, Tensor], dtype: torch.dtype = torch.float16) -> tuple[Autoencoder, list[Climb]]:
    told: list[Climb] = []
    return from_state_dict(weights, dtype=dtype, told=told.append), told


def test_fp16_overflow_is_decoded_in_bf16_and_remembered() -> None:
    codec, told = climbing(loud())
    latents = torch.randn(2, 4, 4, 4)
    images = codec.decode(latents)
    assert torch.isfinite(images).all()
    assert samples.psnr(images, codec.in_precision(torch.float32).decode(latents)) > 30
    assert [str(climb) for climb in told][:1] == [
        "picture 1: fp16 gave values that are no numbers, decoded again in bf16"
    ]
    assert len(told) == 1 and codec.dtype == torch.bfloat16, "the second picture started right"


def test_what_is_remembered_belongs_to_the_file_and_device() -> None:
    table: dict[str, str] = {}
    from_state_dict(loud(), dtype=torch.float16, key="loud", remembered=table).decode(torch.randn(1, 4, 4, 4))
    assert table == {"loud@cpu": "bf16"}
    assert from_state_dict(loud(), dtype=torch.float16, key="loud", remembered=table).dtype == torch.bfloat16
    assert from_state_dict(loud(), dtype=torch.float16, key="other", remembered=table).dtype == torch.float16


def test_encoding_climbs_too() -> None:
    weights = samples.random_weights(uneven=False)
    weights["encoder.conv_in.weight"] = weights["encoder.conv_in.weight"] * 1e6
    codec, told = climbing(weights)
    assert torch.isfinite(codec.encode(torch.rand(1, 3, 16, 16))).all() and told


class Spoiled:
    """Some final convolutions in the low precision give NaN at one interior pixel of what they computed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[int], bool], low: torch.dtype) -> None:
        self.low = low
        self.calls: list[tuple[torch.dtype, tuple[int, ...]]] = []
        self._spoil, self._convolve = spoil, execute._convolve
        monkeypatch.setattr(execute, "_convolve", self)

    def __call__(self, net: execute.Net, op: execute.Conv, x: Tensor, circular: bool) -> Tensor:
        found = self._convolve(net, op, x, circular)
        if op.name == "decoder.conv_out":
            self.calls.append((net.dtype, tuple(x.shape[2:])))
            if net.dtype == self.low and self._spoil(len(self.calls)):
                found[0, 1, x.shape[2] // 2, x.shape[3] // 2 + 1] = float("nan")
        return found


def test_nan_at_one_interior_pixel_redoes_that_picture_only(monkeypatch: pytest.MonkeyPatch) -> None:
    codec, told = climbing(samples.random_weights())
    spoiled = Spoiled(monkeypatch, lambda call: call == 2, torch.float16)
    images = codec.decode(torch.randn(3, 4, 4, 4))
    assert torch.isfinite(images).all()
    assert [dtype for dtype, _ in spoiled.calls] == [torch.float16, torch.float16, torch.bfloat16, torch.bfloat16]
    assert [climb.what for climb in told] == ["picture 2"]


def test_nan_in_a_region_redoes_that_region_only(monkeypatch: pytest.MonkeyPatch) -> None:
    codec, told = climbing(samples.random_weights(), torch.bfloat16)
    latents = torch.randn(1, 4, 20, 20)
    images, memories = codec.decode_keeping(latents)
    spoiled = Spoiled(monkeypatch, lambda call: call == 1, torch.bfloat16)
    found = codec.decode_region(latents, (64, 64, 96, 104), memories)
    assert torch.isfinite(found).all() and samples.psnr(found, images[:, :, 64:104, 64:96]) > 25
    assert len(spoiled.calls) == 2 and max(spoiled.calls[1][1]) < 160 and told[0].what == "region"


def test_nan_in_a_tile_redoes_that_tile_only(monkeypatch: pytest.MonkeyPatch) -> None:
    codec, told = climbing(samples.random_weights(), torch.bfloat16)
    latents = torch.randn(1, 4, 12, 12)
    images = codec.decode(latents)
    spoiled = Spoiled(monkeypatch, lambda call: call == 3, torch.bfloat16)
    found = codec.decode_tiled(latents, tile=6)
    assert torch.isfinite(found).all() and samples.psnr(found, images) > 25
    again = [torch.float32] * 4  # in quarters: twice the bytes a number must not leave the bytes allowed
    assert [dtype for dtype, _ in spoiled.calls] == [torch.bfloat16] * 3 + again + [torch.bfloat16]
    assert [climb.what for climb in told] == ["picture 1, tile at 0,6"]


def test_overflow_before_the_last_norm_redoes_the_whole_picture_in_tiles() -> None:
    codec, told = climbing(loud())
    latents = torch.randn(1, 4, 12, 12)
    found = codec.decode_tiled(latents, tile=6)
    assert samples.psnr(found, codec.in_precision(torch.float32).decode(latents)) > 30
    assert [climb.what for climb in told] == ["picture 1"]


def test_weights_without_numbers_are_named(tmp_path: Path) -> None:
    weights = samples.random_weights()
    weights["decoder.conv_out.bias"] = torch.full((3,), float("nan"))
    save_file(weights, str(tmp_path / "broken.safetensors"))
    with pytest.raises(NotFiniteError, match=r"the VAE itself.*decoder\.conv_out\.bias"):
        load(tmp_path / "broken.safetensors").decode(torch.randn(1, 4, 4, 4))


def test_latents_without_numbers_are_not_the_vaes_fault() -> None:
    latents = torch.randn(2, 4, 4, 4)
    latents[1, 0, 2, 2] = float("inf")
    with pytest.raises(NotFiniteError, match="picture 2: its latent"):
        samples.random_codec().decode(latents)


def test_higher_rungs_come_from_the_stored_weights() -> None:
    """Not from what was rounded to fp16 before: fp32 after a climb is fp32 from the start."""
    weights = samples.random_weights()
    codec, _ = climbing(weights)
    codec.decode(torch.randn(1, 4, 4, 4))
    low = codec.net(torch.float16).weights["decoder.conv_in.weight"]
    high = codec.net(torch.float32).weights["decoder.conv_in.weight"]
    assert low.dtype == torch.float16 and torch.equal(high, weights["decoder.conv_in.weight"])


@pytest.mark.parametrize(
    ("first", "rungs"),
    [(torch.float16, ("fp16", "bf16", "fp32")), (torch.bfloat16, ("bf16", "fp32")), (torch.float32, ("fp32",))],
)
def test_rungs(first: torch.dtype, rungs: tuple[str, ...]) -> None:
    assert Ladder(first, CPU).rungs == rungs


def test_best_dtype_of_the_cpu_is_fp32() -> None:
    assert best_dtype(CPU, "sd1") == torch.float32


def test_nothing_global_changes() -> None:
    before = torch.get_default_dtype(), codec_module.__dict__.copy().keys()
    climbing(loud())[0].decode(torch.randn(1, 4, 4, 4))
    assert (torch.get_default_dtype(), codec_module.__dict__.copy().keys()) == before


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e5m2])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_one_value_that_is_no_number_is_seen(dtype: torch.dtype, bad: float) -> None:
    values = torch.ones(3, 5)
    assert is_finite(values.to(dtype)) and is_finite(values[:0].to(dtype))
    values[1, 2] = bad
    assert not is_finite(values.to(dtype))
    values[2, 2] = -bad
    assert not is_finite(values.to(dtype))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_values_whose_sum_overflows_are_numbers(dtype: torch.dtype) -> None:
    assert is_finite(torch.full((70_000,), torch.finfo(dtype).max, dtype=dtype))
