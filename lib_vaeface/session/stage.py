"""One part of a generation: the schedule, the VAE or the faces. The session rings them in that order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .generation import Session


class Stage:
    """Overrides what it needs; `group` is its group in the table of settings."""

    group = ""

    def __init__(self, session: Session) -> None:
        self.session, self.settings, self.host = session, session.settings, session.host

    @property
    def on(self) -> bool:
        return self.settings.on(self.group)

    def before_process(self, job: Any) -> None:
        """The job's own settings are still open: nothing is parsed, no override in force."""

    def process(self, job: Any) -> None:
        """The WebUI's overrides are in force now, and nothing has been encoded yet."""

    def before_process_batch(self, job: Any) -> None:
        """Another iteration begins."""

    def model_loaded(self, job: Any) -> None:
        """A checkpoint for the hires pass or a refiner has taken over."""

    def before_sampling(self, job: Any, latents: Any, noise: Any) -> None:
        """A pass is about to sample. latents, noise: [B,C,h,w] that it starts from, to be written in place."""

    def postprocess_batch_list(self, job: Any, pictures: Any) -> None:
        """pictures.images: [3,H,W] in 0..1 each, before the WebUI's face restoration, colour correction and overlay."""

    def postprocess(self, job: Any, processed: Any) -> None:
        """The result is there; nothing of ours acts after this."""

    def found(self, index: int | None = None) -> dict[str, Any]:
        """What happened so far, as JSON values for the infotext."""
        return {}
