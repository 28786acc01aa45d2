"""Weights out of files: never of two files mixed, never used with values that are no numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lib_vaeface.vae import weights
from lib_vaeface.vae.autoencoder import from_state_dict, load
from lib_vaeface.vae.errors import VaeFileError
from lib_vaeface.vae.inspect import inspect
from lib_vaeface.vae.picked import BEST, Codecs
from tests.vae import samples

CPU = torch.device("cpu")


def written(path: Path, **changed: torch.Tensor) -> Path:
    save_file({**samples.random_weights(), **changed}, str(path))
    return path


def test_a_codec_with_a_value_that_is_no_number_is_not_opened(tmp_path: Path) -> None:
    bias = torch.zeros(3)
    bias[1] = float("nan")
    path = written(tmp_path / "spoiled.safetensors", **{"decoder.conv_out.bias": bias})
    with pytest.raises(VaeFileError, match=r"spoiled\.safetensors: 1 of its tensors.*decoder\.conv_out\.bias"):
        Codecs().get(inspect(path), CPU, BEST, lambda climb: None)


@pytest.mark.parametrize("other", [b"", b"{}", bytes(500)])
def test_a_file_that_is_replaced_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: bytes
) -> None:
    path = written(tmp_path / "vae.safetensors")
    codec, looked = load(path), weights.identity_of

    def late(asked: Path) -> object:
        found = looked(asked)
        asked.write_bytes(other)
        return found

    monkeypatch.setattr(weights, "identity_of", late)
    with pytest.raises(VaeFileError, match=r"vae\.safetensors: it was written again"):
        codec.source()


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = load(written(tmp_path / "vae.safetensors"))

    def full(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(weights, "safe_open", full)
    with pytest.raises(VaeFileError, match=r"vae\.safetensors: its weights can't be read.*Input/output"):
        codec.source()


def test_a_ladder_knows_that_it_was_raised() -> None:
    loud = samples.random_weights(uneven=False)
    loud["decoder.up.1.block.1.conv2.weight"] = loud["decoder.up.1.block.1.conv2.weight"] * 3e5
    codec = from_state_dict(loud, dtype=torch.float16)
    assert not codec.ladder.raised
    codec.decode(torch.randn(1, 4, 4, 4))
    assert codec.ladder.raised and codec.dtype == torch.bfloat16
