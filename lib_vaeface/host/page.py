"""What the tab needs of A1111, see `TabHost`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from PIL import Image

from lib_vaeface.host import callbacks, plots, routes
from lib_vaeface.host.tab_protocol import Axis, Tabs
from modules import call_queue, images, sd_hijack, sd_samplers, shared


class Page:
    """Part of the adapter."""

    _build_tabs: Callable[[], Tabs] | None = None
    _axes: tuple[str, Callable[[], Sequence[Axis]]] | None = None
    _route: tuple[str, Callable[[], object]] | None = None

    def show_tabs(self, build: Callable[[], Tabs]) -> None:
        self._build_tabs = build
        callbacks.register("ui_tabs", self._tabs, __file__)

    def _tabs(self) -> Tabs:
        return [] if self._build_tabs is None else self._build_tabs()

    def show_axes(self, prefix: str, build: Callable[[], Sequence[Axis]]) -> None:
        self._axes = prefix, build
        callbacks.register("before_ui", self._add_axes, __file__)
        self._add_axes()  # A1111 without a page rings that after it has built the plot for the API

    def _add_axes(self) -> None:
        if self._axes is not None:
            prefix, build = self._axes
            plots.add(prefix, build())

    def show_route(self, path: str, answer: Callable[[], object]) -> None:
        self._route = path, answer
        callbacks.register("app_started", self._add_route, __file__)

    def _add_route(self, demo: Any, app: Any) -> None:
        if self._route is not None:
            routes.add(app, *self._route)

    def alone(self) -> AbstractContextManager[object]:
        lock: Any = call_queue.queue_lock
        return lock  # type: ignore[no-any-return]

    def samplers(self) -> Sequence[tuple[str, int]]:
        return [(one.name, 2 if one.options.get("second_order") else 1) for one in sd_samplers.visible_samplers()]

    def count_tokens(self, text: str) -> int:
        return int(sd_hijack.model_hijack.get_prompt_lengths(text)[0])

    def picture_folders(self) -> Sequence[Path]:
        opts = shared.opts
        given = (
            [opts.outdir_samples] if opts.outdir_samples else [opts.outdir_txt2img_samples, opts.outdir_img2img_samples]
        )
        return [Path(folder) for folder in given if folder]

    def save_picture(self, image: Image.Image, infotext: str) -> str:
        folder = shared.opts.outdir_grids or shared.opts.outdir_txt2img_grids
        made = images.save_image(
            image, folder, "vae-compare", extension=shared.opts.grid_format, info=infotext or None, grid=True,
            short_filename=not shared.opts.grid_extended_filename,
        )  # fmt: skip
        return os.path.basename(made[0])
