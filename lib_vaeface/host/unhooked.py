"""The model without what ControlNet has hung into it for the picture: its hints are of the picture, not of a face.

ControlNet hooks the UNet before a generation and lets go only when all its pictures are there, so a job in between, at
the same size, would be drawn by the picture's hints. It notes on each module what was there before; for as long as our
job runs that is put back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from modules import shared

# What ControlNet replaces, under which name it notes what was there, and how its own function is called.
REPLACED = (
    ("forward", "_original_forward", "forward_webui"),
    ("_forward", "_original_inner_forward_cn_hijack", "hacked_basic_transformer_inner_forward"),
    ("forward", "original_forward_cn_hijack", "hacked_group_norm_forward"),
)


@contextlib.contextmanager
def unhooked() -> Iterator[None]:
    """ControlNet's functions are off the loaded model inside, and on it again behind."""
    taken: list[tuple[torch.nn.Module, str, Any]] = []
    network = getattr(getattr(shared.sd_model, "model", None), "diffusion_model", None)
    for module in network.modules() if isinstance(network, torch.nn.Module) else ():
        own = vars(module)
        for name, noted, function in REPLACED:
            if noted in own and getattr(own.get(name), "__name__", "") == function:
                taken.append((module, name, own[name]))
                setattr(module, name, own[noted])
    try:
        yield
    finally:
        for module, name, hook in taken:
            setattr(module, name, hook)
