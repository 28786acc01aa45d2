"""What the tab "VAE Face" asks of a WebUI beyond what every generation does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from lib_vaeface.host.protocol import Host

Tabs = Sequence[tuple[Any, str, str]]
"""(gradio Blocks, title, id) of each tab."""


class TabHost(Host, Protocol):
    """A WebUI whose page has tabs."""

    def show_tabs(self, build: Callable[[], Tabs]) -> None:
        """Ask `build` for tabs whenever the page is built. Calling it again replaces the earlier one."""

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
