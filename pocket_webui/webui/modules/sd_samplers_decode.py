"""Latents to pictures and back. Read through modules.sd_samplers_common."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

from modules import devices, images, sd_vae_approx, shared
from modules.sd_models_types import network_of

approximation_indexes = {"Full": 0, "Approx NN": 1, "Approx cheap": 2, "TAESD": 3}


def samples_to_images_tensor(sample: torch.Tensor, approximation: int | None = None, model: Any = None) -> torch.Tensor:
    """[B, 4, h, w] latents -> [B, 3, H, W] in about -1..1; H is 8h, or h with "Approx cheap".

    approximation: a value of approximation_indexes; None takes the live preview's setting. "TAESD" needs a network that
    is not shipped and is shown as "Approx NN".
    """
    if approximation is None or (shared.state.interrupted and shared.opts.live_preview_fast_interrupt):
        approximation = approximation_indexes.get(shared.opts.show_progress_type, 0)
    if approximation == 2:
        return sd_vae_approx.cheap_approximation(sample)
    if approximation in (1, 3):
        return sd_vae_approx.model()(sample.to(devices.device, devices.dtype)).detach()
    model = model or shared.sd_model
    with torch.no_grad(), devices.without_autocast():
        return model.decode_first_stage(sample.to(next(network_of(model).first_stage_model.parameters()).dtype))


def single_sample_to_image(sample: torch.Tensor, approximation: int | None = None) -> Image.Image:
    """One latent [4, h, w] as a picture."""
    decoded = samples_to_images_tensor(sample.unsqueeze(0), approximation)[0]
    pixels = (decoded * 0.5 + 0.5).clamp(0.0, 1.0).movedim(0, 2).float().cpu().numpy() * 255.0
    return Image.fromarray(pixels.astype(np.uint8))


def decode_first_stage(model: Any, x: torch.Tensor) -> torch.Tensor:
    """[B, 4, h, w] latents -> [B, 3, H, W] in about -1..1, by the method that the settings name for final pictures."""
    method = approximation_indexes.get(shared.opts.sd_vae_decode_method, 0)
    return samples_to_images_tensor(x.to(devices.dtype_vae), method, model)


def sample_to_image(samples: torch.Tensor, index: int = 0, approximation: int | None = None) -> Image.Image:
    return single_sample_to_image(samples[index], approximation)


def samples_to_image_grid(samples: torch.Tensor, approximation: int | None = None) -> Image.Image:
    return images.image_grid([single_sample_to_image(sample, approximation) for sample in samples])


def images_tensor_to_samples(image: torch.Tensor, approximation: int | None = None, model: Any = None) -> torch.Tensor:
    """[B, 3, H, W] in 0..1 -> [B, 4, H / 8, W / 8] latents, drawn from the encoder's distribution image by image.

    approximation is accepted for callers' sake: there is one encoder.
    """
    model = model or shared.sd_model
    network_of(model).first_stage_model.to(devices.dtype_vae)
    image = image.to(shared.device, dtype=devices.dtype_vae) * 2 - 1
    encoded = [model.get_first_stage_encoding(model.encode_first_stage(one.unsqueeze(0))) for one in image]
    return torch.cat(encoded)


def store_latent(decoded: torch.Tensor) -> None:
    """Keeps the latents for the live preview; makes the preview at once where no other thread may do it."""
    shared.state.current_latent = decoded
    every = shared.opts.show_progress_every_n_steps
    due = shared.opts.live_previews_enable and every > 0 and shared.state.sampling_step % every == 0
    if due and not shared.parallel_processing_allowed:
        shared.state.assign_current_image(sample_to_image(decoded))
