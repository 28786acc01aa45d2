"""Reads autoencoders from checkpoints and from VAE files, which do not say how they are built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..nets import checkpoint
from ..nets.vae import AutoencoderKL
from ..train.settings import VAE


def _known_settings(path: Path) -> list[dict[str, Any]]:
    """How the autoencoder may be built: as the yaml beside it says, as the family's, or as the tests' tiny one."""
    if path.with_suffix(".yaml").exists():
        params = checkpoint.read_yaml(path)["params"]["first_stage_config"]["params"]
        return [{key: params[key] for key in ("ddconfig", "embed_dim")}]
    return [VAE, checkpoint.TINY_VAE]


def load_vae(path: Path) -> AutoencoderKL:
    """The autoencoder in a file, float32, in eval mode. Raises CheckpointError for one of an unknown build."""
    state = {key: value.float() for key, value in checkpoint.load_vae_state(path).items()}
    for settings in _known_settings(path):
        vae = AutoencoderKL(**settings)
        shapes = {key: value.shape for key, value in vae.state_dict().items()}
        if shapes == {key: value.shape for key, value in state.items() if key in shapes}:
            vae.load_state_dict({key: state[key] for key in shapes})
            return vae.eval().requires_grad_(False)
    raise checkpoint.CheckpointError(
        f"{path.name} holds no autoencoder of a known build: put the .yaml of its checkpoint beside it under its name"
    )
