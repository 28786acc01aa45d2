"""The pocket VAE and as good ones of other latent spaces, as codecs in memory and as files, and pictures."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from lib_vaeface.vae.autoencoder import from_state_dict
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.formats import LatentFormat
from lib_vaeface.vae.scaling import pack
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


def widened(state: kin.State, z: int, seed: int, flux2: bool = False) -> kin.State:
    """A VAE of z latent channels as good as the given one: its four, mixed into z. As SD3 and Flux.1 without quant
    convolutions, or as Flux.2 with, and with the statistics of its packed latents.
    """
    random = torch.Generator().manual_seed(seed)
    mixing = torch.linalg.qr(torch.randn(z, 4, generator=random))[0]
    quant, back = state["quant_conv.weight"].flatten(1)[:4], state["post_quant_conv.weight"].flatten(1)
    found = {name: tensor for name, tensor in state.items() if "quant_conv" not in name}
    out = torch.einsum("zm,mn,nchw->zchw", mixing, quant, state["encoder.conv_out.weight"])
    bias = mixing @ (quant @ state["encoder.conv_out.bias"] + state["quant_conv.bias"][:4])
    found["encoder.conv_out.weight"] = torch.cat([out, torch.zeros_like(out)])
    found["encoder.conv_out.bias"] = torch.cat([bias, torch.full((z,), -20.0)])
    inwards = state["decoder.conv_in.weight"]
    found["decoder.conv_in.weight"] = torch.einsum("ochw,cm,zm->ozhw", inwards, back, mixing)
    offset = torch.einsum("ochw,c->o", inwards, state["post_quant_conv.bias"])
    found["decoder.conv_in.bias"] = state["decoder.conv_in.bias"] + offset
    return _as_flux2(found, z) if flux2 else found


def _as_flux2(state: kin.State, z: int) -> kin.State:
    raw = from_state_dict(state, format=replace(POCKET, channels=z, scale=1.0)).encode(portraits(4))
    var, mean = torch.var_mean(pack(raw), dim=(0, 2, 3))
    eye = {"quant_conv": torch.eye(2 * z), "post_quant_conv": torch.eye(z)}
    state = state | {f"{name}.weight": matrix[:, :, None, None] for name, matrix in eye.items()}
    state |= {f"{name}.bias": torch.zeros(len(matrix)) for name, matrix in eye.items()}
    return state | {"bn.running_mean": mean, "bn.running_var": var}
