"""Which VAE decodes the faces of one generation, in full precision, and what stands at both ends of their sampler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lib_vaeface.face.protocol import LatentCoder
from lib_vaeface.vae.autoencoder import from_state_dict
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.finest import finest
from lib_vaeface.vae.picked import AUTOMATIC, SAME, Pick, raw
from lib_vaeface.vae.protocol import HostVae

if TYPE_CHECKING:
    from .generation import Session


@dataclass(frozen=True)
class Chosen:
    """codec: for raw latents, in fp32. own: the loaded model's VAE. gains: whether decoding by it can change a picture
    that the painting VAE has decoded."""

    name: str
    weight_hash: str
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
        chosen = self._chosen[own.identity]
        self.name, self.weight_hash = chosen.name, chosen.weight_hash
        return chosen

    def _pick(self, job: Any, own: HostVae) -> Chosen:
        painted = self._painted(own)
        pick = self._wanted(job, own, painted)
        if pick.codec is None:
            codec = raw(from_state_dict(self._kept(own), own.device, torch.float32)).wrapping(own.circular)
            precise = next(iter(own.tensors.values())).dtype == torch.float32
        else:
            codec, precise = pick.codec, painted.codec is not None and painted.codec.dtype == torch.float32
        return Chosen(pick.name, pick.weight_hash, codec, own, gains=pick.name != painted.name or not precise)

    def _painted(self, own: HostVae) -> Pick:
        """The VAE that decodes what this model paints: of the picture, where it is this model that has painted it."""
        stage = self.session.vae
        known = stage.picks.get(own.identity, {})
        return stage.painted if stage.painted and stage.painted in known.values() else known.get("first", Pick())

    def _kept(self, own: HostVae) -> Mapping[str, Tensor]:
        """Its weights; a copy where the job has several models, which A1111 loads into the very same tensors."""
        if len(self.session.vae.picks) < 2:
            return own.tensors
        return {name: tensor.detach().to("cpu", copy=True) for name, tensor in own.tensors.items()}

    def _wanted(self, job: Any, own: HostVae, painted: Pick) -> Pick:
        """In fp32; the painting one where the wanted one can't be had."""
        name, stage = self.session.settings.face_vae, self.session.vae
        if name == AUTOMATIC:
            pick = finest(stage.picker(), own)
            if pick.codec is not None:
                return pick
            name = SAME
        if name != SAME:
            pick = stage.pick(job, own, name, precision="fp32")
            if not pick.refused:
                return pick
            self.session.faces.say(job, pick.why)
        return painted if painted.codec is None else stage.pick(job, own, painted.name, precision="fp32")
