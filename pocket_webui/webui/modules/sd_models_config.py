"""Finds the .yaml that describes a checkpoint."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pocket_webui.nets.checkpoint import CheckpointError

if TYPE_CHECKING:
    from modules.sd_models import CheckpointInfo


def find_checkpoint_config_near_filename(info: CheckpointInfo) -> str | None:
    """Path of the .yaml beside the checkpoint, None if there is none."""
    config = f"{os.path.splitext(info.filename)[0]}.yaml"
    return config if os.path.exists(config) else None


def find_checkpoint_config(state_dict: Any, info: CheckpointInfo) -> str:
    """Path of the checkpoint's .yaml. Raises CheckpointError if it has none: sizes are not guessed from tensors."""
    config = find_checkpoint_config_near_filename(info)
    if config is None:
        raise CheckpointError(f"{info.filename} has no .yaml beside it: put the one that came with it there.")
    return config
