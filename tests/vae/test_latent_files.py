"""Latents in files: both layouts, what they say, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lib_vaeface.vae import latent_files
from lib_vaeface.vae.errors import VaeFileError
from lib_vaeface.vae.formats import BY_KEY
from lib_vaeface.vae.latent_files import COMFYUI, PLAIN, About
from tests.vae import samples

ABOUT = About("sdxl", "abc123", "my vae.safetensors", "a cat\nSteps: 20", {"prompt": "{}"})


@pytest.mark.parametrize("layout", [PLAIN, COMFYUI])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_what_is_written_is_read_back(layout: str, dtype: torch.dtype, tmp_path: Path) -> None:
    latents = torch.randn(2, 4, 6, 5).to(dtype)
    path = latent_files.write(tmp_path / "00001-7.png", latents, ABOUT, layout)
    assert path.name == "00001-7" + latent_files.SUFFIX[layout]
    found = latent_files.read(path)
    scale = BY_KEY["sdxl"].scale if found.stored.raw else 1.0
    assert found.stored.raw == (layout == COMFYUI)
    assert torch.allclose(found.stored.tensor * scale, latents.float(), rtol=1e-2 if dtype != torch.float32 else 1e-6)
    assert (found.stored.format, found.stored.vae_hash, found.stored.vae_name) == ("sdxl", "abc123", ABOUT.vae_name)
    assert (found.infotext, found.metadata["prompt"]) == (ABOUT.infotext, "{}")
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "nothing is left aside"


def test_comfyui_layout_is_comfyuis(tmp_path: Path) -> None:
    """Its LoadLatent takes "latent_tensor" as it is where the version is there, else divides by SD1's scale."""
    latents = torch.randn(1, 16, 4, 4)
    tensors = load_file(latent_files.write(tmp_path / "a", latents, About("flux1"), COMFYUI))
    assert set(tensors) == {"latent_tensor", "latent_format_version_0"}
    assert torch.allclose(tensors["latent_tensor"], latents / 0.3611 + 0.1159)
    save_file({"latent_tensor": torch.full((1, 4, 2, 2), 0.18215)}, str(tmp_path / "old.latent"))
    assert torch.allclose(latent_files.read(tmp_path / "old.latent").stored.tensor, torch.ones(1, 4, 2, 2))


def test_a_kept_latent_decodes_to_its_picture(tmp_path: Path) -> None:
    codec = samples.pocket()
    latents = codec.encode(samples.photo("astronaut", 64, 200))
    path = latent_files.write(tmp_path / "x", latents, About("sd1"))
    assert torch.equal(codec.decode(latent_files.read(path).stored.tensor), codec.decode(latents))


def test_a_lonely_tensor_of_another_program_is_read_as_unknown(tmp_path: Path) -> None:
    save_file({"x": torch.ones(4, 6, 6)}, str(tmp_path / "x.safetensors"))
    stored = latent_files.read(tmp_path / "x.safetensors").stored
    assert (stored.tensor.shape, stored.format, stored.raw) == ((1, 4, 6, 6), "", False)


@pytest.mark.parametrize(
    "tensors",
    [
        {"a": torch.ones(1, 4, 2, 2), "b": torch.ones(1, 4, 2, 2)},
        {"latents": torch.ones(1, 4, 2, 2, dtype=torch.int32)},
        {"latent_tensor": torch.ones(1, 16, 3, 2, 2)},
        {"latents": torch.tensor(float("nan")).view(1, 1, 1, 1)},
    ],
)
def test_what_holds_no_latents_is_refused(tensors: dict[str, torch.Tensor], tmp_path: Path) -> None:
    save_file(tensors, str(tmp_path / "x.latent"))
    with pytest.raises(VaeFileError, match="latents"):
        latent_files.read(tmp_path / "x.latent")


def test_comfyui_layout_without_a_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="format"):
        latent_files.write(tmp_path / "x", torch.ones(1, 4, 2, 2), About(), COMFYUI)
    assert not list(tmp_path.iterdir())
