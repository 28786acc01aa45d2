"""Upscalers that work on pictures. Extensions add theirs by subclassing `Upscaler`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from PIL import Image

from modules import shared

LANCZOS = Image.Resampling.LANCZOS
NEAREST = Image.Resampling.NEAREST

# How often a fixed-factor model is applied to reach a large scale.
MAX_PASSES = 3


class Upscaler:
    """Base class. A subclass sets `scalers` (a list of UpscalerData) and writes `do_upscale`."""

    name: str | None = None
    model_path: str | None = None
    model_name: str | None = None
    model_url: str | None = None
    enable = True
    filter: Any = None
    model: Any = None
    user_path: str | None = None
    scalers: list[UpscalerData] = []
    tile = True

    def __init__(self, create_dirs: bool = False) -> None:
        self.device = shared.device
        self.scale: float = 1
        self.half = not shared.cmd_opts.no_half
        self.can_tile = False
        self.model_download_path: str | None = None
        if self.model_path is None and self.name:
            self.model_path = os.path.join(shared.models_path, self.name)
        if self.model_path and create_dirs:
            os.makedirs(self.model_path, exist_ok=True)

    def do_upscale(self, img: Image.Image, selected_model: str | None) -> Image.Image:
        """One pass over the picture; returns it enlarged by whatever factor the method has."""
        return img

    def load_model(self, path: str) -> Any:
        """Read a model file; methods without one have nothing to do."""

    def upscale(self, img: Image.Image, scale: float, selected_model: str | None = None) -> Image.Image:
        """`img` enlarged by `scale`, sides cut to a multiple of 8. Passes repeat while the result is too small."""
        self.scale = scale
        target = (int(img.width * scale) // 8 * 8, int(img.height * scale) // 8 * 8)
        for number in range(MAX_PASSES):
            large_enough = img.width >= target[0] and img.height >= target[1]
            if (large_enough and (number > 0 or scale != 1)) or shared.state.interrupted:
                break
            before = img.size
            img = self.do_upscale(img, selected_model)
            if img.size == before:
                break
        return img if img.size == target else img.resize(target, resample=LANCZOS)


class UpscalerData:
    """One entry of the upscaler lists: its name, its model file if it has one, and who applies it."""

    def __init__(self, name: str, path: str | None, upscaler: Upscaler | None = None, scale: int = 4,
                 model: Any = None) -> None:
        self.name = name
        self.data_path = path
        self.local_data_path = path
        self.scaler = upscaler
        self.scale = scale
        self.model = model

    def __repr__(self) -> str:
        return f"<UpscalerData name={self.name} path={self.data_path} scale={self.scale}>"


class UpscalerNone(Upscaler):
    name = "None"

    def __init__(self, dirname: str | None = None) -> None:
        super().__init__(False)
        self.scalers = [UpscalerData("None", None, self)]


class _Resize(Upscaler):
    """Plain resizing; not listed itself."""

    resample = LANCZOS

    def __init__(self, dirname: str | None = None) -> None:
        super().__init__(False)
        self.scalers = [UpscalerData(str(self.name), None, self)]

    def do_upscale(self, img: Image.Image, selected_model: str | None = None) -> Image.Image:
        return img.resize((int(img.width * self.scale), int(img.height * self.scale)), resample=self.resample)


class UpscalerLanczos(_Resize):
    name = "Lanczos"


class UpscalerNearest(_Resize):
    name = "Nearest"
    resample = NEAREST


BUILT_IN = (UpscalerNone, UpscalerLanczos, UpscalerNearest)


def _classes(base: type[Upscaler]) -> Iterator[type[Upscaler]]:
    for kind in base.__subclasses__():
        if kind is not _Resize:
            yield kind
        yield from _classes(kind)


def _order(data: UpscalerData) -> str:
    return "" if isinstance(data.scaler, BUILT_IN) else data.name.lower()


def load_upscalers() -> None:
    """Fill `shared.sd_upscalers`: the built-in ones first, then by name. Of classes of one name, which a reload of
    scripts leaves behind, the newest counts."""
    newest = {str(kind): kind for kind in _classes(Upscaler)}
    found = [data for kind in newest.values() for data in kind(None).scalers]  # type: ignore[arg-type]
    shared.sd_upscalers = sorted(found, key=_order)
