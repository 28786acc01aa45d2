"""The console's second progress bar, over all sampling steps of a job."""

from __future__ import annotations

import tqdm

from modules import shared


class TotalTQDM:
    """Shown from the first `update` of a job until `clear`; the option multiple_tqdm switches it off."""

    def __init__(self) -> None:
        self._tqdm: tqdm.tqdm | None = None

    def _enabled(self) -> bool:
        return shared.opts.multiple_tqdm and not shared.cmd_opts.disable_console_progressbars

    def reset(self) -> None:
        """Start a bar of as many steps as the job announces."""
        total = shared.state.job_count * shared.state.sampling_steps
        self._tqdm = tqdm.tqdm(desc="Total progress", total=total, position=1, file=shared.progress_print_out)

    def update(self) -> None:
        """One step was made."""
        if not self._enabled():
            return
        if self._tqdm is None:
            self.reset()
        self._tqdm.update()

    def updateTotal(self, new_total: int) -> None:
        """The job turned out to have `new_total` steps."""
        if not self._enabled():
            return
        if self._tqdm is None:
            self.reset()
        self._tqdm.total = new_total

    def clear(self) -> None:
        if self._tqdm is not None:
            self._tqdm.refresh()
            self._tqdm.close()
            self._tqdm = None
