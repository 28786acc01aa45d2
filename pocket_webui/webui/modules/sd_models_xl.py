"""`get_learned_conditioning` of SD1- and SDXL-type models: texts to what the U-Net is conditioned with."""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch

from modules import devices, shared
from modules.prompt_parser import SdConditioning


def _text_conditioning(model: Any, batch: SdConditioning | list[str]) -> torch.Tensor:
    """[n, 77 * chunks, width] for n texts."""
    return model.cond_stage_model(batch)


def _pairs(batch: list[str], first: float, second: float) -> torch.Tensor:
    return torch.tensor([first, second], device=devices.device, dtype=devices.dtype).repeat(len(batch), 1)


def _sizes(batch: SdConditioning | list[str]) -> dict[str, torch.Tensor]:
    """Picture size and crop in pixels, each [n, 2] as (height, width) and (top, left)."""
    height, width = (getattr(batch, side, None) or 1024 for side in ("height", "width"))
    return {
        "original_size_as_tuple": _pairs(batch, height, width),
        "crop_coords_top_left": _pairs(batch, shared.opts.sdxl_crop_top, shared.opts.sdxl_crop_left),
        "target_size_as_tuple": _pairs(batch, height, width),
    }


def _dict_conditioning(model: Any, batch: SdConditioning | list[str]) -> dict[str, torch.Tensor]:
    """{crossattn [n, tokens, width], vector [n, size]}; an empty negative prompt is all zeros but for the sizes."""
    text, pooled = model.cond_stage_model(batch)
    if getattr(batch, "is_negative_prompt", False) and all(prompt == "" for prompt in batch):
        text, pooled = torch.zeros_like(text), torch.zeros_like(pooled)
    return {"crossattn": text, "vector": model.conditioner.vector(pooled, _sizes(batch))}


def add_learned_conditioning(model: Any) -> None:
    """Gives the model the method `get_learned_conditioning(texts)`, as the hosts' models have it."""
    encode = _dict_conditioning if model.is_sdxl else _text_conditioning
    model.get_learned_conditioning = MethodType(encode, model)
