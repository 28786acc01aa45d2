"""What the tab "VAE Face" asks of a WebUI beyond what every generation does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from lib_vaeface.host.protocol import Host

Tabs = Sequence[tuple[Any, str, str]]
"""(gradio Blocks, title, id) of each tab."""


@dataclass(frozen=True)
class Axis:
    """One kind of axis of the X/Y/Z plot.

    kind: int and float have the plot's ranges; str for all else. apply(job, value, all values of the axis) puts a
    value into the job of one cell. confirm(values) raises ValueError before anything is painted. choices: None for free
    input. cost: what is dear changes seldom. shown(value): the cell's label.
    """

    label: str
    kind: type
    apply: Callable[[Any, Any, Any], None]
    confirm: Callable[[Sequence[Any]], None]
    choices: Callable[[], list[str]] | None
    cost: float
    shown: Callable[[Any], str]


class TabHost(Host, Protocol):
    """A WebUI whose page has tabs."""

    def show_tabs(self, build: Callable[[], Tabs]) -> None:
        """Ask `build` for tabs whenever the page is built. Calling it again replaces the earlier one."""

    def show_axes(self, prefix: str, build: Callable[[], Sequence[Axis]]) -> None:
        """Add axes to the X/Y/Z plot whenever the page is built. Calling it again replaces the earlier ones.

        prefix: what the labels begin with, and no one else's.
        """

    def show_route(self, path: str, answer: Callable[[], object]) -> None:
        """Answer GET requests for `path` with JSON, for whom the WebUI's own API answers; nowhere without that API."""

    def alone(self) -> AbstractContextManager[object]:
        """Within it no generation runs; it waits for one that does."""

    def samplers(self) -> Sequence[tuple[str, int]]:
        """(name, model calls per step) of the samplers on the page."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text in the loaded model's encoder. Any error: it can't be told."""

    def picture_folders(self) -> Sequence[Path]:
        """Where generated pictures are saved, and latents beside them."""

    def save_picture(self, image: Image.Image, infotext: str) -> str:
        """Save among the grids, as the person's settings say. The name of the file, without its folder."""
