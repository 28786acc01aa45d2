"""Checkpoint files: strict, with errors that name file, cause and cure."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pocket_webui.nets import checkpoint


def test_round_trip(tmp_path: Path) -> None:
    path = checkpoint.random_checkpoint(tmp_path / "a.safetensors")
    model = checkpoint.load(path)
    checkpoint.save(model, checkpoint.read_yaml(path), tmp_path / "b.safetensors", dtype=torch.float32)
    again = checkpoint.load(tmp_path / "b.safetensors")
    x, t, text = torch.randn(1, 4, 8, 8), torch.tensor([10]), torch.randn(1, 77, 64)
    assert torch.equal(model.apply_model(x, t, text), again.apply_model(x, t, text))


def test_same_seed_same_file_and_the_callers_random_numbers_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    first = checkpoint.random_checkpoint(tmp_path / "a.safetensors", seed=5).read_bytes()
    assert torch.equal(torch.rand(2), expected)
    assert checkpoint.random_checkpoint(tmp_path / "b.safetensors", seed=5).read_bytes() == first
    assert checkpoint.random_checkpoint(tmp_path / "c.safetensors", seed=6).read_bytes() != first


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(checkpoint.CheckpointError, match=r"gone\.safetensors is missing: run `python dev\.py train`"):
        checkpoint.load(tmp_path / "gone.safetensors")


def test_missing_yaml_is_named(tmp_path: Path) -> None:
    path = checkpoint.random_checkpoint(tmp_path / "a.safetensors")
    path.with_suffix(".yaml").unlink()
    with pytest.raises(checkpoint.CheckpointError, match=r"no a\.yaml beside it"):
        checkpoint.load(path)


@pytest.mark.parametrize("spoil", ["cut", "text"])
def test_damaged_file_is_named(tmp_path: Path, spoil: str) -> None:
    path = checkpoint.random_checkpoint(tmp_path / "a.safetensors")
    path.write_bytes(path.read_bytes()[:1000] if spoil == "cut" else b"not a model")
    with pytest.raises(checkpoint.CheckpointError, match=r"a\.safetensors is not a readable safetensors file"):
        checkpoint.load(path)


def test_a_missing_tensor_and_an_unknown_one_are_refused(tmp_path: Path) -> None:
    path = checkpoint.random_checkpoint(tmp_path / "a.safetensors")
    state = load_file(path)
    state["stranger"] = state.pop("model.diffusion_model.out.2.bias")
    save_file(state, path)
    with pytest.raises(checkpoint.CheckpointError, match="1 tensors missing, 1 unknown"):
        checkpoint.load(path)


def test_vae_state_of_a_checkpoint_has_no_prefix(tmp_path: Path) -> None:
    whole = checkpoint.load_vae_state(checkpoint.random_checkpoint(tmp_path / "a.safetensors"))
    alone = checkpoint.load_vae_state(checkpoint.random_vae(tmp_path / "v.safetensors"))
    assert whole.keys() == alone.keys()
    assert alone["decoder.conv_in.weight"].shape[1] == 4


def test_wide_vae_for_mismatch_tests(tmp_path: Path) -> None:
    state = checkpoint.load_vae_state(checkpoint.random_vae(tmp_path / "v.safetensors", z=16))
    assert state["decoder.conv_in.weight"].shape[1] == 16
