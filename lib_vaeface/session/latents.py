"""The final latents of one generation: kept in memory for the page's tab and, where asked for, beside the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lib_vaeface.options import LATENTS_MIB, MIB
from lib_vaeface.vae import kept, latent_files
from lib_vaeface.vae.formats import BY_KEY
from lib_vaeface.vae.latent_files import About
from lib_vaeface.vae.protocol import HostVae
from lib_vaeface.vae.sampled import SCALE, SHIFT

from .stage import Stage

if TYPE_CHECKING:
    from .generation import Session

KEEP, SAVE, COMFYUI = "vaeface_keep_latents", "vaeface_save_latents", "vaeface_comfyui_latents"
MOST = 64  # pictures of one generation that are kept in memory


class LatentStage(Stage):
    """Has no group in the table: it follows the options of the settings page."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._batch: list[Tensor] = []
        self._all: list[Tensor] = []
        self._own: HostVae | None = None
        self._next: int | None = None  # the picture that the WebUI is about to save

    @property
    def on(self) -> bool:
        return bool(self.host.option(KEEP) or self.host.option(SAVE))

    def before_process_batch(self, job: Any) -> None:
        self._batch, self._next = [], None

    def postprocess_batch_list(self, job: Any, pictures: Any) -> None:
        self._own = self.host.vae(job)
        self._batch = [raw.cpu() for raw in self.session.vae.finals(len(pictures.images)) or []]
        self._all = [*self._all, *self._batch][:MOST]

    def saving(self, index: int) -> None:
        """The next file that the WebUI writes is this picture of the batch."""
        self._next = index

    def saved(self, filename: str, infotext: str) -> None:
        """Write the picture's latents beside it. A disk that is full costs them, not the picture."""
        index, self._next = self._next, None
        if index is None or index >= len(self._batch) or self._own is None or not self.host.option(SAVE):
            return
        layout = latent_files.COMFYUI if self.host.option(COMFYUI) else latent_files.PLAIN
        raw = self._batch[index]
        try:
            latent_files.write(Path(filename), self._sampled(raw), self._about(infotext), layout, raw)
        except (OSError, ValueError) as error:
            self.session.tell(self.session.job, f"the latents were not saved: {error}")

    def _sampled(self, raw: Tensor) -> Tensor:
        assert self._own is not None
        return (raw - self._own.shift) * self._own.scale

    def _about(self, infotext: str) -> About:
        """The format by the table where its scale is the model's; else the scale itself."""
        own, pick = self._own, self.session.vae.painted
        assert own is not None
        keys = [key for key in own.formats if (BY_KEY[key].scale, BY_KEY[key].shift) == (own.scale, own.shift)]
        more = {} if keys else {SCALE: repr(own.scale), SHIFT: repr(own.shift)}
        name, weights = (pick.name, pick.weight_hash) if pick else ("", "")
        return About(keys[0] if keys else "", weights, name, infotext, more)

    def postprocess(self, job: Any, processed: Any) -> None:
        if self.host.option(KEEP) and self._all and self._own is not None:
            same = [raw for raw in self._all if raw.shape == self._all[0].shape]
            texts = self.host.infotexts(processed)[: len(same)]
            own = self._own
            about, most = self._about(texts[0] if texts else ""), self.host.option(LATENTS_MIB) * MIB
            kept.keep(same, about, texts, own.identity, own.scale, own.shift, most)
