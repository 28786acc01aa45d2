"""From latents to pictures."""

from __future__ import annotations

from typing import Any

import torch

from modules import devices, errors, processing, shared


class DecodedSamples(list):
    """Pictures [3, H, W] in -1..1; the pipeline recognises by the attribute that there is no latent to decode."""

    already_decoded = True


def decode_latent_batch(model: Any, batch: torch.Tensor, target_device: torch.device | None = None,
                        check_for_nans: bool = False) -> DecodedSamples:
    """Decode latents [n, 4, h, w] one at a time. With `check_for_nans` raises NansException for a broken latent or
    picture, after another try in a wider number type where the settings allow it."""
    if check_for_nans:
        devices.test_for_nans(batch, "unet")
    decoded = DecodedSamples()
    for index in range(batch.shape[0]):
        sample = processing.decode_first_stage(model, batch[index:index + 1])[0]
        if check_for_nans:
            sample = _checked(model, sample, batch[index:index + 1])
        decoded.append(sample if target_device is None else sample.to(target_device))
    return decoded


def _checked(model: Any, sample: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
    try:
        devices.test_for_nans(sample, "vae")
        return sample
    except devices.NansException:
        wider = _wider_type()
        if wider is None or devices.dtype_vae == wider:
            raise
    errors.print_error_explanation(f"The VAE produced NaN. It is now used in {wider} and the picture decoded again.\n"
                                   "The settings 'auto_vae_precision...' switch this off.")
    devices.dtype_vae = wider
    model.first_stage_model.to(wider)
    return processing.decode_first_stage(model, latent.to(wider))[0]


def _wider_type() -> torch.dtype | None:
    if shared.opts.auto_vae_precision_bfloat16:
        return torch.bfloat16
    return torch.float32 if shared.opts.auto_vae_precision else None
