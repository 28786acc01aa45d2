"""The pocket's networks compute what diffusers' do with the same weights: the layout on disk is really SD1's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pocket_webui.nets import checkpoint

diffusers = pytest.importorskip("diffusers")
from diffusers.loaders.single_file_utils import (  # noqa: E402
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("nets")
    return {
        kind: checkpoint.random_checkpoint(folder / f"{kind}.safetensors", kind, width=64) for kind in ("sd1", "xl")
    }


def theirs_vae(state: dict[str, torch.Tensor]) -> torch.nn.Module:
    vae = diffusers.AutoencoderKL(
        block_out_channels=(32,) * 4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
    )
    vae.load_state_dict(convert_ldm_vae_checkpoint(state, vae.config))
    return vae.eval()


def theirs_unet(state: dict[str, torch.Tensor], **extra: object) -> torch.nn.Module:
    unet = diffusers.UNet2DConditionModel(
        block_out_channels=(32, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=64,
        attention_head_dim=2,
        **extra,
    )
    unet.load_state_dict(convert_ldm_unet_checkpoint(state, unet.config))
    return unet.eval()


@torch.no_grad()
def test_autoencoder_equals_diffusers(files: dict[str, Path]) -> None:
    ours = checkpoint.load(files["sd1"]).first_stage_model
    theirs = theirs_vae(checkpoint.read_state(files["sd1"]))
    picture = torch.rand(2, 3, 64, 48) * 2 - 1
    moments = theirs.encode(picture).latent_dist.parameters
    torch.testing.assert_close(ours.encode(picture).parameters, moments, atol=1e-5, rtol=1e-5)
    z = torch.randn(2, 4, 8, 6)
    torch.testing.assert_close(ours.decode(z), theirs.decode(z).sample, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_unet_equals_diffusers(files: dict[str, Path]) -> None:
    ours = checkpoint.load(files["sd1"])
    theirs = theirs_unet(checkpoint.read_state(files["sd1"]))
    x, t, text = torch.randn(2, 4, 16, 8), torch.tensor([3, 991]), torch.randn(2, 77, 64)
    torch.testing.assert_close(ours.apply_model(x, t, text), theirs(x, t, text).sample, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_xl_unet_equals_diffusers(files: dict[str, Path]) -> None:
    ours = checkpoint.load(files["xl"])
    state = checkpoint.read_state(files["xl"])
    theirs = theirs_unet(
        state,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=64 + 1536,
    )
    x, t, text, pooled = torch.randn(1, 4, 8, 8), torch.tensor([500]), torch.randn(1, 77, 64), torch.randn(1, 64)
    pairs = torch.tensor([[64, 48], [0, 8], [64, 48]])
    sizes = {e.input_key: pair[None] for e, pair in zip(ours.conditioner.embedders[1:], pairs, strict=True)}
    cond = {"crossattn": text, "vector": ours.conditioner.vector(pooled, sizes)}
    expected = theirs(x, t, text, added_cond_kwargs={"text_embeds": pooled, "time_ids": pairs.flatten()[None]}).sample
    torch.testing.assert_close(ours.apply_model(x, t, cond), expected, atol=1e-5, rtol=1e-5)


def test_noise_schedule_equals_diffusers(files: dict[str, Path]) -> None:
    scheduler = diffusers.DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    torch.testing.assert_close(
        checkpoint.load(files["sd1"]).alphas_cumprod, scheduler.alphas_cumprod, atol=1e-6, rtol=1e-5
    )
