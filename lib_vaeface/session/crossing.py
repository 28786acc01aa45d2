"""A hires pass by a checkpoint of another family: its latents mean something else, so they are carried across.

A1111 hands the first pass's latents, enlarged, to the second model. Where that one's VAE is no kin of the first's, they
are decoded by the first and encoded by the second. With a pixel upscaler the WebUI does so by itself.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lib_vaeface.vae.autoencoder import from_state_dict
from lib_vaeface.vae.bridge import adaptive_noise
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.kinship import CheckpointFacts, same_family
from lib_vaeface.vae.picked import facts_of, raw
from lib_vaeface.vae.protocol import HostVae

if TYPE_CHECKING:
    from .generation import Session

TOLD = "the hires checkpoint is of another family: latents were carried across by decoding and encoding"
REFINER = (
    "the refiner's VAE is of another family, to it the latents mean something else. "
    "Choose it as the hires checkpoint instead, where they can be carried across."
)


class Crossing:
    """For one job. `prepare` before the first pass, `carry` before the second."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.done = False
        self._first: tuple[HostVae, CheckpointFacts] | None = None
        self._codec: Autoencoder | None = None
        self._carried: weakref.ref[Tensor] | None = None

    def prepare(self, job: Any) -> None:
        """Take what the first model's latents are decoded by, while it is loaded."""
        self.done, self._first, self._codec = False, None, None
        host = self.session.host
        coming = host.second_models(job)
        if not coming:
            return
        own = host.vae(job)
        self._first = own, facts_of(own)
        if "hires" not in coming:
            return
        pick = self.session.vae.picks[own.identity]["first"]
        # A copy: A1111 loads the second checkpoint into the same tensors.
        copied = {name: tensor.detach().to("cpu", copy=True) for name, tensor in own.tensors.items()}
        self._codec = pick.codec or raw(from_state_dict(copied, own.device))

    def model_loaded(self, job: Any) -> None:
        """A refiner takes over noisy latents, which can't be decoded."""
        host = self.session.host
        if self._first is not None and host.refining(job) and not self._kin(host.vae(job)):
            self.session.tell(job, REFINER)

    @torch.no_grad()
    def carry(self, job: Any, latents: Tensor, noise: Tensor | None = None) -> None:
        """Write the second model's latents [B,C,h,w] in the place of the first's; and, if the person wants it, noise
        that follows them in the place of the sampler's."""
        host = self.session.host
        if self._first is None or self._codec is None or host.pass_of(job) != "hires":
            return
        if self._carried is not None and self._carried() is latents:
            return  # Forge says twice that a pass begins
        own, first = host.vae(job), self._first[0]
        if own.identity == first.identity or own.channels != first.channels or self._kin(own):
            return
        pictures = self._codec.decode(latents.float() / first.scale + first.shift)
        carried = torch.cat([own.encode(picture[None]) for picture in pictures])
        latents.copy_((carried - own.shift) * own.scale)
        self._carried = weakref.ref(latents)
        if noise is not None and self.session.settings.vae_adaptive:
            noise.copy_(adaptive_noise(latents, noise))
        self.done = True
        self.session.tell(job, TOLD)

    def _kin(self, own: HostVae) -> bool:
        assert self._first is not None
        return same_family(self._first[1], facts_of(own))
