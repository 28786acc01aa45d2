"""Which VAE decodes the faces of one generation, in full precision, and what stands at both ends of their sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lib_vaeface.face.protocol import LatentCoder
from lib_vaeface.vae.autoencoder import from_state_dict
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.finest import finest
from lib_vaeface.vae.picked import AUTOMATIC, Pick, raw
from lib_vaeface.vae.protocol import HostVae

if TYPE_CHECKING:
    from .generation import Session

SAME = "Same"


@dataclass(frozen=True)
class Chosen:
    """codec: for raw latents, in fp32. own: the loaded model's VAE. gains: whether decoding by it can change a picture
    that the painting VAE has decoded."""

    name: str
    codec: Autoencoder
    own: HostVae
    gains: bool


class FaceVae:
    """Chosen once for every model that is loaded."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.name = ""
        self.weight_hash = ""
        self._chosen: dict[str, Chosen] = {}

    def for_decoding(self, job: Any) -> Autoencoder | None:
        """The codec for raw latents; None where the picture was decoded by it, in full precision, already."""
        chosen = self._choose(job)
        return chosen.codec if chosen.gains else None

    def coder(self, job: Any) -> LatentCoder:
        """For the latents of the loaded model's sampler."""
        chosen = self._choose(job)
        scale, shift = chosen.own.scale, chosen.own.shift

        def encode(images: Tensor) -> Tensor:
            return (chosen.codec.encode(images) - shift) * scale

        return LatentCoder(encode, lambda latents: chosen.codec.decode(latents.float() / scale + shift))

    def _choose(self, job: Any) -> Chosen:
        own = self.session.host.vae(job)
        if own.identity not in self._chosen:
            self._chosen[own.identity] = self._pick(job, own)
        self.name = self._chosen[own.identity].name
        return self._chosen[own.identity]

    def _pick(self, job: Any, own: HostVae) -> Chosen:
        painted = self.session.vae.painted or Pick()
        pick = self._wanted(job, own, painted)
        self.weight_hash = pick.weight_hash
        if pick.codec is None:
            codec = raw(from_state_dict(own.tensors, own.device, torch.float32)).wrapping(own.circular)
            precise = next(iter(own.tensors.values())).dtype == torch.float32
        else:
            codec, precise = pick.codec.in_precision(torch.float32), pick.codec.dtype == torch.float32
        return Chosen(pick.name, codec, own, gains=pick.name != painted.name or not precise)

    def _wanted(self, job: Any, own: HostVae, painted: Pick) -> Pick:
        name, stage = self.session.settings.face_vae, self.session.vae
        if name == SAME:
            return painted
        if name != AUTOMATIC:
            pick = stage.pick(job, own, name)
            return painted if pick.refused else pick
        pick = finest(stage.picker(), own)
        return painted if pick.codec is None else pick
