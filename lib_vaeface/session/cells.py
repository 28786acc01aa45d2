"""Cells of an X/Y/Z plot that differ only in what comes after sampling: they are painted from latents that were kept.

The WebUI's own sampling is left out where a cell before gave the same latents; all that follows (decoding, faces, other
extensions' hooks) runs as ever. Whatever may change latents is compared, and where that can't be told the cell samples.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lib_vaeface.schedule.trace import Trace
from lib_vaeface.settings import FIELDS, PLOT, Settings

from .stage import Stage

if TYPE_CHECKING:
    from .generation import Session

MOST_BYTES = 128 * 2**20
TITLE = "VAE Face"  # of our script
AFTER = tuple(field.name for field in FIELDS if field.group in ("vae", "faces"))
"""Settings that change nothing in the latents of a txt2img job without a second pass."""


@dataclass(frozen=True)
class Sampled:
    """Latents [B,C,h,w] on the CPU, what sampling left on its job, and what the schedule saw."""

    latents: Tensor
    left: Any
    traces: Mapping[str, Trace]


@dataclass
class Kept:
    """Of one plot at a time, the last used ones."""

    plot: object = None
    found: OrderedDict[str, Sampled] = field(default_factory=OrderedDict)

    def of(self, plot: object) -> OrderedDict[str, Sampled]:
        """Those of this plot; those of another are let go. None: a job that is no cell."""
        if plot is not self.plot:
            self.plot, self.found = plot, OrderedDict()
        return self.found

    def put(self, key: str, sampled: Sampled) -> None:
        self.found[key] = sampled
        while sum(one.latents.nbytes for one in self.found.values()) > MOST_BYTES:
            self.found.popitem(last=False)


KEPT = Kept()


class CellStage(Stage):
    """Has no group in the table: it follows the plot."""

    def __init__(self, session: Session, job: Any) -> None:
        super().__init__(session)
        self._plot = getattr(job, PLOT, None)
        self.reused = False

    @property
    def on(self) -> bool:
        return self._plot is not None

    def before_process_batch(self, job: Any) -> None:
        self.reused = False
        self.host.lend_sampling(job, lambda own: self._sample(job, own))

    def _sample(self, job: Any, own: Callable[[], Any]) -> Any:
        """The latents that `own` would give. What goes wrong with keeping them costs nothing but time."""
        key = self._key(job)
        if key is None:
            return own()
        latents = self._again(job, key)
        if latents is not None:
            return latents
        latents, left = self.host.watch_sampling(job, own)
        if left is not None and isinstance(latents, Tensor) and not self.host.stopped() and not self.session.error:
            KEPT.put(key, Sampled(latents.detach().cpu().clone(), left, dict(self.session.schedule.traces)))
        return latents

    def _again(self, job: Any, key: str) -> Tensor | None:
        """What was kept, None where nothing was."""
        kept = KEPT.of(self._plot).get(key)
        if kept is None:
            return None
        try:
            latents = self.host.as_sampled(job, kept.latents, kept.left)
        except Exception as error:
            self.session.fail("cells", error, job)
            return None
        self.reused = True
        self.session.schedule.traces = dict(kept.traces)
        return latents

    def _key(self, job: Any) -> str | None:
        if self.session.error or self.host.stopped():
            return None
        try:
            told = self.host.sampling_key(job, TITLE)
        except Exception as error:
            self.host.report_error(f"VAE Face: the cell is sampled ({type(error).__name__}: {error})"[:300])
            return None
        return f"{told} {_before(self.settings)}" if told else None

    def postprocess(self, job: Any, processed: Any) -> None:
        self.host.take_sampling_back(job)


def _before(settings: Settings) -> str:
    """The settings that act before or while sampling."""
    return repr({name: value for name, value in dataclasses.asdict(settings).items() if name not in AFTER})
