"""Where faults can happen in a generation of the pocket WebUI, besides the functions of the extension."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

Place = tuple[str, Any, str]  # name, owner, attribute
WRITERS = ("jsonfile", "latent_files", "hashes", "verdicts", "presets/files")
WRITES_OF_OURS = ("os.replace",)
LATENTS = ("WebUI: denoiser", "WebUI: latents")


def _library(name: str) -> Any:
    return sys.modules[f"lib_vaeface.{name}"]


def _of(what: str, one: Any, name: str) -> list[Place]:
    """The method where it is defined; nothing where there is none."""
    return [(what, kind, name) for kind in type(one).__mro__ if name in vars(kind)][:1]


def models() -> list[Place]:
    """The WebUI's own models, as its own code calls them."""
    from modules import sd_samplers_cfg_denoiser, shared

    model, reads = shared.sd_model, "get_learned_conditioning"
    if hasattr(model, "cond_stage_model"):
        model, reads = model.cond_stage_model, "forward"
    return [
        ("WebUI: denoiser", sd_samplers_cfg_denoiser.CFGDenoiser, "forward"),
        ("WebUI: denoiser", sd_samplers_cfg_denoiser.CFGDenoiser, "forward"),
        *_of("WebUI: text encoder", model, reads),
    ]


def tensors() -> list[Place]:
    """What returns latents or pictures, ours and the WebUI's."""
    import vae_run

    from modules import processing

    codec = _library("vae.codec")
    sample = processing.StableDiffusionProcessingTxt2Img
    own = [(f"VAE: {name}", codec, name) for name in ("decode_keeping", "decode_keeping", "decode_crop", "run_tiled")]
    return [
        *own,
        models()[0],
        ("WebUI: latents", sample, "sample"),
        *_of("WebUI: decoder", vae_run.module(), "decode"),
        ("faces: maps of the detector", _library("face.centerface"), "maps_of"),
    ]


def writes() -> list[Place]:
    from PIL import Image

    from modules import images

    return [
        ("WebUI: save_image", images, "save_image"),
        ("Pillow: save", Image.Image, "save"),
        ("os.replace", os, "replace"),
    ]


def no_detector() -> NoReturn:
    raise FileNotFoundError(2, "No such file or directory: the detector's weights")


@dataclass(frozen=True)
class Foreign:
    """Places of one kind of fault that are not ours, and their share of its faults."""

    share: float
    places: Callable[[], list[Place]]


FOREIGN = {
    "exception": Foreign(0.15, models),
    "memory": Foreign(0.25, models),
    "interrupt": Foreign(0.5, models),
    "skip": Foreign(0.5, models),
    "disk": Foreign(0.6, writes),
}


# What the WebUI calls in the place of its own function: a fault before their first instruction is nobody's to catch.
STAND_INS = ("get_conds_with_caching", "_shadow.<locals>.call", "lend.<locals>.sample", "finished.<locals>.<lambda>")


def fits(kind: str, place: str) -> bool:
    """Whether a fault of this kind can happen at a function of ours."""
    if place.endswith(STAND_INS):
        return kind in ("interrupt", "skip")
    if kind == "disk":
        return any(word in place for word in WRITERS)
    if kind == "detector":
        return place.startswith("face/centerface.py") or place == "face/detect.py:detector"
    return True
