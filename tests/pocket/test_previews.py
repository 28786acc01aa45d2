"""Latents shown as pictures, replaced U-Nets, noise schedule settings, and the borrowed part of k-diffusion."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.pocket.tiny import files, job, paint, sd1  # noqa: F401  (fixtures)

from tests.pocket.tiny import _sd1 as _sd1  # isort: skip  (fixture behind sd1)


def smooth_latents() -> torch.Tensor:
    coarse = torch.randn((2, 4, 2, 2), generator=torch.Generator().manual_seed(7))
    return F.interpolate(coarse, scale_factor=4, mode="bilinear")


class MixingVae(torch.nn.Module):
    """A VAE whose latents are the pooled colours mixed into four channels, so that the right colour map is known."""

    MIX = torch.tensor([[0.5, -1.0, 0.2, 0.3], [0.1, 0.4, -0.7, 0.9], [-0.3, 0.8, 0.6, 0.2]])

    def __init__(self) -> None:
        super().__init__()
        self.first_stage_model = torch.nn.Linear(1, 1)
        self.device, self.scale_factor = torch.device("cpu"), 0.5

    def encode_first_stage(self, x: torch.Tensor) -> Any:
        z = torch.einsum("brxy,rl->blxy", F.avg_pool2d(x, 8), self.MIX) + 0.25
        return SimpleNamespace(mode=lambda: z)


def test_cheap_preview_gives_the_colours_of_the_latents(sd1: Any, monkeypatch: Any) -> None:  # noqa: F811
    from modules import sd_samplers_common, sd_vae_approx

    vae, picture = MixingVae(), torch.rand(2, 3, 64, 64) * 2 - 1
    sd_vae_approx.fit(vae)
    monkeypatch.setattr(sd1, "latent_rgb", vae.latent_rgb)
    latents = vae.encode_first_stage(picture).mode() * vae.scale_factor
    assert torch.allclose(sd_samplers_common.samples_to_images_tensor(latents, 2), F.avg_pool2d(picture, 8), atol=1e-4)


@pytest.mark.parametrize(("method", "side"), [("Full", 64), ("Approx NN", 64), ("Approx cheap", 8), ("TAESD", 64)])
def test_preview_methods(method: str, side: int, sd1: Any, host: Any) -> None:  # noqa: F811
    from modules import sd_samplers

    host.opts.data["show_progress_type"] = method
    image = sd_samplers.sample_to_image(smooth_latents(), index=1)
    assert image.size == (side, side) and image.mode == "RGB"
    assert sd_samplers.samples_to_image_grid(smooth_latents()).size in {(2 * side, side), (side, 2 * side)}


def test_encode_and_decode_sizes(sd1: Any) -> None:  # noqa: F811
    from modules import sd_samplers_common

    latents = sd_samplers_common.images_tensor_to_samples(torch.rand(2, 3, 64, 48))
    assert latents.shape == (2, 4, 8, 6)
    assert sd_samplers_common.decode_first_stage(sd1, latents).shape == (2, 3, 64, 48)


def test_preview_is_made_while_sampling_where_no_other_thread_may(sd1: Any, host: Any, monkeypatch: Any) -> None:  # noqa: F811
    monkeypatch.setattr(host, "parallel_processing_allowed", False)
    host.opts.data.update({"live_previews_enable": True, "show_progress_every_n_steps": 1})
    paint(sd1, job(sd1, ["red"], 3, "Euler"))
    assert host.state.id_live_preview == 3 and host.state.current_image.size == (64, 64)


@pytest.mark.parametrize("content", ["Prompt", "Negative prompt", "Combined"])
def test_preview_content(content: str, sd1: Any, host: Any) -> None:  # noqa: F811
    host.opts.data["live_preview_content"] = content
    paint(sd1, job(sd1, ["red AND green", "blue"], 2, "DDIM"))
    assert host.state.current_latent.shape == (2, 4, 8, 8)


def test_replaced_unet_is_called(sd1: Any, monkeypatch: Any) -> None:  # noqa: F811
    from modules import sd_unet

    class Zero(sd_unet.SdUnet):
        def forward(self, x: Any, timesteps: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
            return torch.zeros_like(x)

    class Option(sd_unet.SdUnetOption):
        label, model_name = "zero", "tiny"

        def create_unet(self) -> Zero:
            return Zero()

    monkeypatch.setattr(sd_unet, "unet_options", [Option()])
    x, t = torch.ones(1, 4, 8, 8), torch.tensor([500.0])
    text = sd1.get_learned_conditioning(["red"])
    plain = sd1.apply_model(x, t, text)
    sd_unet.apply_unet("zero")
    try:
        assert not sd1.apply_model(x, t, text).any() and plain.any()
    finally:
        sd_unet.apply_unet("None")
    assert torch.equal(sd1.apply_model(x, t, text), plain)
    assert sd_unet.get_unet_option("Automatic").label == "zero"


def test_zero_terminal_snr(sd1: Any, host: Any) -> None:  # noqa: F811
    from modules import sd_models

    p = job(sd1, ["red"], 1, "Euler")
    before = sd1.alphas_cumprod.clone()
    host.opts.data["sd_noise_schedule"] = "Zero Terminal SNR"
    sd_models.apply_alpha_schedule_override(sd1, p)
    assert p.extra_generation_params["Noise Schedule"] == "Zero Terminal SNR"
    assert sd1.alphas_cumprod[0] == pytest.approx(float(before[0])) and sd1.alphas_cumprod[-1] < 1e-6
    host.opts.data["sd_noise_schedule"] = "Default"
    sd_models.apply_alpha_schedule_override(sd1, p)
    assert torch.equal(sd1.alphas_cumprod, before)


def test_k_diffusion_itself_is_left_alone() -> None:
    from modules import k_diffusion_parts

    assert "k_diffusion" not in sys.modules and "torchvision" not in sys.modules
    assert k_diffusion_parts.sampling.__file__.endswith("sampling.py")
    with pytest.raises(ValueError, match="cannot become"):
        k_diffusion_parts.append_dims(torch.zeros(1, 1), 1)
