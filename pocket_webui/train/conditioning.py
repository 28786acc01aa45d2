"""Captions to conditioning, as the training sees them: tokens as they are, no emphasis, no schedules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..nets.diffusion import LatentDiffusion, LatentDiffusionXL
from ..nets.text import TextEncoder
from .latents import tokenise


def encoder_of(model: LatentDiffusion) -> TextEncoder:
    encoder = model.conditioner.embedders[0] if isinstance(model, LatentDiffusionXL) else model.cond_stage_model
    assert isinstance(encoder, TextEncoder)
    return encoder


def conditioning(model: LatentDiffusion, encoder: TextEncoder, tokens: Tensor, size: tuple[int, int]) -> Any:
    """The text's conditioning as the model wants it; XL also gets the sizes (uncropped)."""
    out = encoder.transformer(input_ids=tokens)
    if not isinstance(model, LatentDiffusionXL):
        return out.last_hidden_state
    height_width = torch.tensor([[size[1], size[0]]], device=tokens.device).repeat(len(tokens), 1)
    sizes = {
        "original_size_as_tuple": height_width,
        "crop_coords_top_left": torch.zeros_like(height_width),
        "target_size_as_tuple": height_width,
    }
    return {"crossattn": out.last_hidden_state, "vector": model.conditioner.vector(out.pooler_output, sizes)}


@torch.no_grad()
def encode_prompts(model: LatentDiffusion, prompts: list[str], size: tuple[int, int]) -> list[Any]:
    """One conditioning of batch 1 per prompt, for pictures of `size` (W, H)."""
    encoder = encoder_of(model)
    tokens = tokenise(prompts, encoder.tokenizer).to(model.device)
    return [conditioning(model, encoder, row[None], size) for row in tokens]
