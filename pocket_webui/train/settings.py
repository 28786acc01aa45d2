"""What is trained, and how long: sizes of the networks and one `Plan` per way of running."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

VAE: dict[str, Any] = {
    "embed_dim": 4,
    "ddconfig": {
        "double_z": True,
        "z_channels": 4,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 64,
        "ch_mult": [1, 1, 1, 1],
        "num_res_blocks": 1,
        "attn_resolutions": [],
        "dropout": 0.0,
    },
}

UNET: dict[str, Any] = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 64,
    "num_res_blocks": 1,
    "attention_resolutions": [2, 4],
    "channel_mult": [1, 2, 2],
    "num_heads": 4,
    "context_dim": 128,
    "use_spatial_transformer": True,
    "transformer_depth": 1,
    "use_checkpoint": False,
    "legacy": False,
}

XL_TEXT: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
}
XL_UNET: dict[str, Any] = {
    **UNET,
    "model_channels": 32,
    "channel_mult": [1, 2, 3],
    "context_dim": 64,
    "adm_in_channels": 64 + 1536,
    "num_classes": "sequential",
}


@dataclass(frozen=True)
class Budget:
    """How long a stage runs: at most `steps` optimiser steps, and at most `minutes` if that is given."""

    steps: int
    batch: int
    rate: float
    minutes: float | None = None


@dataclass(frozen=True)
class Plan:
    """One way of running. `pool` counts the rendered pictures of each (kind, width, height)."""

    pool: dict[tuple[str, int, int], int]
    vae: Budget
    tune: Budget
    text: Budget
    diffusion: Budget
    detail: Budget
    xl_vae: Budget
    xl: Budget
    xl_detail: Budget
    unet: dict[str, Any] = field(default_factory=lambda: UNET)
    xl_unet: dict[str, Any] = field(default_factory=lambda: XL_UNET)
    crop: int = 64


CLOSEUP, HALF, GROUP, WIDE = ("closeup", 256, 256), ("half", 256, 256), ("group", 256, 256), ("group", 384, 256)

FULL = Plan(
    pool={CLOSEUP: 24_000, HALF: 6_000, GROUP: 6_000, WIDE: 4_000},
    vae=Budget(16_000, 8, 1e-3),
    tune=Budget(5_000, 8, 3e-4),
    text=Budget(1_500, 64, 1e-3),
    diffusion=Budget(40_000, 32, 8e-4),
    detail=Budget(6_000, 16, 5e-4),
    xl_vae=Budget(8_000, 8, 1e-3),
    xl=Budget(20_000, 16, 8e-4),
    xl_detail=Budget(6_000, 16, 5e-4),
)

QUICK = Plan(
    pool={("closeup", 64, 64): 24, ("half", 64, 64): 8, ("group", 64, 64): 8, ("group", 96, 64): 8},
    vae=Budget(12, 4, 1e-3),
    tune=Budget(6, 4, 3e-4),
    text=Budget(6, 4, 1e-3),
    diffusion=Budget(12, 4, 8e-4),
    detail=Budget(6, 4, 5e-4),
    xl_vae=Budget(12, 4, 1e-3),
    xl=Budget(12, 4, 8e-4),
    xl_detail=Budget(6, 4, 5e-4),
    unet={**UNET, "model_channels": 32, "channel_mult": [1, 2], "attention_resolutions": [2]},
    xl_unet={**XL_UNET, "channel_mult": [1, 2], "attention_resolutions": [2]},
    crop=32,
)


def shorten(plan: Plan, minutes: dict[str, float], pool_scale: float = 1.0) -> Plan:
    """The plan with time limits on stages (names of Plan's budgets) and a smaller pool of pictures."""
    budgets = {name: replace(getattr(plan, name), minutes=value) for name, value in minutes.items()}
    pool = {key: max(1, round(count * pool_scale)) for key, count in plan.pool.items()}
    return replace(plan, pool=pool, **budgets)
