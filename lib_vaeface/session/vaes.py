"""The VAE of one generation: picked and proved for the loaded model, lent to the WebUI, and what went through it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lib_vaeface import host
from lib_vaeface.options import DEFAULT_VAE, GIB, REMEMBER_VAE, VAE_GIB
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.decode import Own
from lib_vaeface.vae.picked import AUTOMATIC, SAME, Habits, Pick, Picker, picker_for
from lib_vaeface.vae.precision import NAMES
from lib_vaeface.vae.protocol import Coder, HostVae

from .crossing import Crossing
from .stage import Stage

if TYPE_CHECKING:
    from .generation import Session

BUILT_IN = Pick()
HALF_STEP = 0.5 / 127.5  # of a picture in -1..1 with 8 bits


class VaeStage(Stage):
    """Also where another stage needs to see what is decoded: then every pass has the WebUI's own VAE."""

    group = "vae"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.picks: dict[str, dict[str, Pick]] = {}  # by the identity of the model's own VAE, then by pass
        self.painted: Pick | None = None
        self.crossing = Crossing(session)
        self._latest: Hashable = None
        self._at = ""  # the model that is pointed now
        self.decoded: list[Tensor] = []
        """Raw latents [1,C,h,w] that were decoded in this iteration, the newest last, without previews."""
        self.owns: list[Own | None] = []
        """What each of their decodes left for the faces, where that is wanted."""

    @property
    def watching(self) -> bool:
        """Whether decodes are to be seen although no VAE is picked."""
        return self.settings.on("faces") or self.session.latents.on or self.session.compare.on

    def process(self, job: Any) -> None:
        self._point(job)

    def before_process_batch(self, job: Any) -> None:
        self.decoded, self.owns = [], []
        self._point(job)
        if self.on and self.settings.vae_bridge:
            self.crossing.prepare(job)

    def model_loaded(self, job: Any) -> None:
        self._point(job)
        self.crossing.model_loaded(job)

    def before_sampling(self, job: Any, latents: Any, noise: Any) -> None:
        self.crossing.carry(job, latents, noise)

    def _point(self, job: Any) -> None:
        """Make the proof for the model that is loaded now, once for each."""
        if not (self.on or self.watching):
            return
        own = self.host.vae(job)
        if own.identity == self._at:
            return
        self._at = own.identity
        if own.identity not in self.picks:
            self.picks[own.identity] = self._passes(job, own)
            self.painted = self.picks[own.identity][self.host.pass_of(job)]
        if self.watching or any(pick.codec is not None for pick in self.picks[own.identity].values()):
            self.host.point_vae(job, self._coder(job, own))

    def _passes(self, job: Any, own: HostVae) -> dict[str, Pick]:
        if not self.on:
            return {"first": BUILT_IN, "between": BUILT_IN, "hires": BUILT_IN}
        # What is tried in a plot, and what only the second pass of a checkpoint has, is no choice for the next picture.
        chosen, second = not self.session.cells.on, bool(self.picks)
        first = self.pick(job, own, self.settings.vae_name, self.settings.vae_hash, remember=chosen)
        if self.settings.vae_hires == SAME:
            hires = first
        else:
            hires = self.pick(job, own, self.settings.vae_hires, remember=chosen and second)
        return {"first": first, "between": first, "hires": hires}

    def picker(self) -> Picker:
        return picker()

    def pick(
        self, job: Any, own: HostVae, name: str, weight_hash: str = "", precision: str = "", remember: bool = False
    ) -> Pick:
        """The proved VAE of that name for this generation; the reason is shown where it is not the one asked for.

        precision: where decoding starts; "" as the person said. remember: as in `Picker.pick`.
        """
        chosen = self.settings
        pick = self.picker().pick(
            name,
            own,
            weight_hash=weight_hash,
            allow=chosen.vae_allow,
            precision=precision or chosen.vae_precision,
            told=lambda climb: self.session.tell(job, str(climb)),
            habits=habits(self.host),
            remember=remember,
        )
        if pick.why and name != AUTOMATIC:
            self.session.tell(job, pick.why)
        return pick

    def _coder(self, job: Any, own: HostVae) -> Coder:
        """What the model decodes and encodes by: the codec of the pass that the job is in."""
        picks, owner = self.picks[own.identity], weakref.ref(job)

        def lent(work: Callable[[Autoencoder, str], Any]) -> Any:
            """What the codec of this pass gives; None, for the WebUI's own way, where there is none."""
            where = self.host.pass_of(owner())
            codec = picks[where].codec
            if self.session.error or codec is None:
                return None
            return work(codec, where)

        def decode(raw: Tensor) -> Any:
            seen = self._see(raw)
            if self.host.decoding() is not None:  # a preview, or what comes after, paints nothing
                self.painted = picks[self.host.pass_of(owner())]
            return lent(lambda codec, where: self._decoded(codec, raw, where, seen))

        def computes() -> bool:
            return not self.session.error and picks[self.host.pass_of(owner())].codec is not None

        def failed(error: Exception) -> None:
            self.painted = BUILT_IN
            self.session.fail("vae", error, owner())

        return Coder(decode, lambda images: lent(lambda codec, _: codec.moments(images)), computes, failed)

    def _decoded(self, codec: Autoencoder, raw: Tensor, where: str, seen: bool) -> Tensor:
        """Pictures in -1..1. Faces that may be estimated need what the decode of a result leaves."""
        wanted = self.settings.on("faces") and self.settings.face_estimate
        if not (seen and wanted and where != "between") or codec.circular:
            return codec.decode_raw(raw) + rounding(where)
        images, memories = codec.decode_keeping(raw)
        self.owns[-len(memories) :] = [Own(codec, memory) for memory in memories]
        return images * 2 - 1

    def _see(self, raw: Tensor) -> bool:
        """Note a result that is decoded. The WebUI repeats in another precision what gave NaN: that is the same one."""
        which = self.host.decoding() if self.watching and not self.session.error else None
        if which is None:
            return False
        if which == self._latest and self.decoded:
            self.decoded.pop()
            self.owns.pop()
        self._latest = which
        self.decoded += raw.detach().split(1)
        self.owns += [None] * len(raw)
        return True

    def postprocess(self, job: Any, processed: Any) -> None:
        if not self.host.option("vaeface_vae_stays"):
            self.picker().codecs.leave_device()

    def finals(self, count: int) -> list[Tensor] | None:
        """Raw latents [1,C,h,w] of this iteration's pictures; None where they did not all pass through the decoder."""
        return self.decoded[-count:] if 0 < count <= len(self.decoded) else None

    def found(self, index: int | None = None) -> dict[str, Any]:
        """The VAE that painted: its true name, the hash of its weights, and why it was this one."""
        if not self.picks:
            return {}
        pick = self.painted or [*self.picks.values()][-1]["first"]
        fit = {} if pick.verdict is None else {"fit": pick.verdict.answer}
        why = {"why": pick.why} if pick.why else {}
        carried = {"carried": True} if self.crossing.done else {}
        # "hash" goes with the name that pasting restores; the hires pass may have decoded with another file.
        named = next(iter(self.picks.values()))["first"]
        decoded = {} if pick.weight_hash == named.weight_hash else {"decoded": pick.weight_hash}
        raised = {"raised": NAMES[pick.codec.dtype]} if pick.codec is not None and pick.codec.ladder.raised else {}
        return {"used": pick.name, "hash": named.weight_hash, **decoded, **fit, **why, **raised, **carried}


def rounding(where: str) -> float:
    """A1111 cuts what lies between two passes to whole numbers; half a step makes that a rounding."""
    return HALF_STEP if where == "between" else 0.0


def picker() -> Picker:
    """The one picker of this process, with its files in the WebUI's data folder and the memory that it may use now."""
    webui = host.current()
    found = picker_for(webui)
    found.codecs.most_bytes = int(webui.option(VAE_GIB) * GIB)
    return found


def habits(webui: host.Host) -> Habits:
    """What the settings page says of "Automatic"."""
    return Habits(webui.option(DEFAULT_VAE), webui.option(REMEMBER_VAE))
