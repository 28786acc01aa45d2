"""The pocket VAE and as good ones of other latent spaces, as codecs in memory and as files, and pictures."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from lib_vaeface.vae.autoencoder import from_state_dict
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.formats import LatentFormat
from pocket_webui.portraits import Scene, eye_boxes, render, sample
from tests.fixtures import kin

POCKET = LatentFormat("pocket", "Pocket", 4, 8, 0.55881, quant_conv="top", space="pocket")
FOREIGN = LatentFormat("foreign", "Foreign", 4, 8, 0.4, 0.2, quant_conv="top", space="foreign")


@lru_cache
def base_state() -> kin.State:
    return kin.read(kin.POCKET)


@lru_cache
def base() -> Autoencoder:
    return from_state_dict(base_state(), format=POCKET)


@lru_cache
def foreign(seed: int = 3) -> Autoencoder:
    """The base with its latents turned: exactly as good, of another family."""
    return from_state_dict(kin.turned(base_state(), seed), format=FOREIGN)


@lru_cache
def tuned() -> Autoencoder:
    """Kin of the base: the decoder's last convolution a little weaker, so less contrast and less detail."""
    state = dict(base_state())
    state["decoder.conv_out.weight"] = state["decoder.conv_out.weight"] * 0.9
    return from_state_dict(state, format=POCKET)


@lru_cache
def scenes(count: int = 2, side: int = 64) -> tuple[Scene, ...]:
    return tuple(sample(88_000_000, count, "closeup", side, side))


@lru_cache
def portraits(count: int = 2, side: int = 64) -> Tensor:
    """[count,3,side,side] in 0..1."""
    return torch.cat([render([scene]) for scene in scenes(count, side)]).float() / 255


def boxes(count: int = 2, side: int = 64) -> list[tuple[str, tuple[float, float, float, float], int]]:
    """(kind, box, picture) of every face and every eye, cut to the picture."""
    found = []
    for number, scene in enumerate(scenes(count, side)):
        for person in scene.people:
            found += [("face", person.box, number), *(("eyes", box, number) for box in eye_boxes(person))]
    return [(kind, tuple(min(max(edge, 0), side) for edge in box), number) for kind, box, number in found]
