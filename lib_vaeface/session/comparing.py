"""Every picture decoded by every VAE that fits, in one sheet beside it. Nothing is sampled for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

from lib_vaeface.vae.codec import Autoencoder, Cancelled
from lib_vaeface.vae.compare import Codec, compare, decode_each
from lib_vaeface.vae.contact_sheet import contact_sheet
from lib_vaeface.vae.picked import BUILT_IN, in_memory
from lib_vaeface.vae.protocol import HostVae
from lib_vaeface.vae.workbench import most_bytes

from .stage import Stage

if TYPE_CHECKING:
    from .generation import Session

SUFFIX = "-vaes"


class CompareStage(Stage):
    """Its field is in the group of the VAE stage, which sees what is decoded."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._made = 0  # pictures of earlier iterations
        self._shown: list[tuple[int, Image.Image]] = []

    @property
    def on(self) -> bool:
        return self.settings.on("vae") and self.settings.vae_compare

    def postprocess_batch_list(self, job: Any, pictures: Any) -> None:
        """A failure here costs the sheets of this iteration."""
        count = len(pictures.images)
        try:
            latents = self.session.vae.finals(count)
            if latents and not self.host.stopped():
                self._compare(job, latents)
        except Cancelled:
            self.session.tell(job, "the comparison of VAEs was stopped")
        except Exception as error:
            note = f"the VAEs could not be compared ({type(error).__name__}: {error})"[:300]
            self.host.report_error(f"VAE Face: {note}")
            self.session.tell(job, note)
        self._made += count

    def _compare(self, job: Any, latents: list[Tensor]) -> None:
        own = self.host.vae(job)
        fitting, problems = self._fitting(own)
        codecs: dict[str, Codec] = {BUILT_IN: partial(in_memory, own), **fitting}
        decoded = decode_each(torch.cat(latents), codecs, most_bytes(own.device), cancel=self.host.stopped)
        problems |= {name: found for name, found in decoded.items() if isinstance(found, str)}
        for name, why in problems.items():
            self.session.tell(job, f"not compared: {why if name in why else f'{name}: {why}'}"[:300])
        for number in range(len(latents)):
            one = {n: found if isinstance(found, str) else found[number : number + 1] for n, found in decoded.items()}
            sheet = contact_sheet(compare(one))
            self.host.save_beside(job, number, sheet, SUFFIX)
            self._shown.append((self._made + number, sheet))

    def _fitting(self, own: HostVae) -> tuple[dict[str, Callable[[], Autoencoder]], dict[str, str]]:
        """By name, those that are proved to fit the loaded model, opened again when it is their turn; and why others
        could not be judged."""
        picker = self.session.vae.picker()

        def opened(entry: Any) -> Autoencoder:
            pick = picker.prove(entry, own)
            if pick.codec is None:
                raise ValueError(pick.why)
            return pick.codec

        fitting: dict[str, Callable[[], Autoencoder]] = {}
        problems: dict[str, str] = {}
        for entry in picker.library.refresh():
            if not entry.usable or self.host.stopped():
                continue
            pick = picker.prove(entry, own)  # not kept: its weights are held one VAE at a time
            if pick.codec is not None:
                fitting[entry.name] = partial(opened, entry)
            elif pick.verdict is None:
                problems[entry.name] = pick.why
        return fitting, problems

    def postprocess(self, job: Any, processed: Any) -> None:
        self.host.add_pictures(processed, self._shown)
