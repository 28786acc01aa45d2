"""What the running job is doing: read by the progress bar, by live previews and by extensions."""

from __future__ import annotations

import datetime
import logging
import threading
import time
from typing import Any

from modules import devices, errors, shared

log = logging.getLogger(__name__)


class State:
    """One instance, `shared.state`. Flags are set by the page or the API from another thread and read by samplers."""

    skipped = False
    interrupted = False
    stopping_generation = False
    job: str = ""
    job_no = 0
    job_count = 0
    processing_has_refined_job_count = False
    job_timestamp = "0"
    sampling_step = 0
    sampling_steps = 0
    current_latent: Any = None
    current_image: Any = None
    current_image_sampling_step = 0
    id_live_preview = 0
    textinfo: str | None = None
    time_start: float | None = None
    server_start: float | None = None

    def __init__(self) -> None:
        self.server_start = time.time()
        self._server_command: str | None = None
        self._server_command_signal = threading.Event()

    @property
    def need_restart(self) -> bool:
        return self.server_command == "restart"

    @need_restart.setter
    def need_restart(self, value: bool) -> None:
        if value:
            self.server_command = "restart"

    @property
    def server_command(self) -> str | None:
        """What the main thread shall do next: "restart", "stop" or None."""
        return self._server_command

    @server_command.setter
    def server_command(self, value: str | None) -> None:
        self._server_command = value
        self._server_command_signal.set()

    def wait_for_server_command(self, timeout: float | None = None) -> str | None:
        """Wait up to `timeout` seconds for a command; return and clear it, None if none came."""
        if not self._server_command_signal.wait(timeout):
            return None
        self._server_command_signal.clear()
        command, self._server_command = self._server_command, None
        return command

    def request_restart(self) -> None:
        """Interrupt the job and reload the page."""
        self.interrupt()
        self.server_command = "restart"

    def skip(self) -> None:
        """Stop the current batch; the next one goes on."""
        self.skipped = True
        log.info("Received skip request")

    def interrupt(self) -> None:
        """Stop the whole job now."""
        self.interrupted = True
        log.info("Received interrupt request")

    def stop_generating(self) -> None:
        """Stop the job after the current batch."""
        self.stopping_generation = True
        log.info("Received stop generating request")

    def nextjob(self) -> None:
        """A batch (or the first pass of one) is finished."""
        if shared.opts.live_previews_enable and shared.opts.show_progress_every_n_steps == -1:
            self.do_set_current_image()
        self.job_no += 1
        self.sampling_step = 0
        self.current_image_sampling_step = 0

    def dict(self) -> dict[str, Any]:
        """The counters and flags, as the API's progress endpoint shows them."""
        names = ("skipped", "interrupted", "stopping_generation", "job", "job_count", "job_timestamp", "job_no",
                 "sampling_step", "sampling_steps")
        return {name: getattr(self, name) for name in names}

    def begin(self, job: str = "(unknown)") -> None:
        """A job starts: all counters and flags are reset; job_count is -1 until the job knows it."""
        self.time_start = time.time()
        self.job_timestamp = datetime.datetime.now().strftime("%Y%m%d%H%M%S")
        self.job = job
        self.job_no = 0
        self.job_count = -1
        self.processing_has_refined_job_count = False
        self.sampling_step = 0
        self.current_latent = None
        self.current_image = None
        self.current_image_sampling_step = 0
        self.id_live_preview = 0
        self.skipped = self.interrupted = self.stopping_generation = False
        self.textinfo = None
        devices.torch_gc()
        log.info("Starting job %s", job)

    def end(self) -> None:
        """The job is over. Flags stay as they are, so that a caller can still see an interrupt."""
        log.info("Ending job %s (%.2f seconds)", self.job, time.time() - (self.time_start or time.time()))
        self.job = ""
        self.job_count = 0
        devices.torch_gc()

    def set_current_image(self) -> None:
        """Decode a preview if enough steps were made since the last one; called from the progress endpoint."""
        every = shared.opts.show_progress_every_n_steps
        due = self.sampling_step - self.current_image_sampling_step >= every and every != -1
        if shared.parallel_processing_allowed and shared.opts.live_previews_enable and due:
            self.do_set_current_image()

    def do_set_current_image(self) -> None:
        """Decode `current_latent` ([batch, 4, h, w]) into `current_image` and count `id_live_preview` up."""
        if self.current_latent is None:
            return
        from modules import sd_samplers

        grid = shared.opts.show_progress_grid
        decode = sd_samplers.samples_to_image_grid if grid else sd_samplers.sample_to_image
        try:
            self.assign_current_image(decode(self.current_latent))
            self.current_image_sampling_step = self.sampling_step
        except Exception:
            # The model may be changing on the other thread right now; a missing preview is not worth an error.
            errors.record_exception()

    def assign_current_image(self, image: Any) -> None:
        """Make `image` (PIL) the preview."""
        if shared.opts.live_previews_image_format == "jpeg" and image.mode in ("RGBA", "P"):
            image = image.convert("RGB")
        self.current_image = image
        self.id_live_preview += 1
