"""What callbacks receive. Fields and their order are A1111 1.10.1's; a callback may replace any of them, but only
those that its kind of callback reads back have an effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class ImageSaveParams:
    """`image` is a PIL image, `pnginfo` maps keys to texts, with infotext under "parameters"."""

    image: Any
    p: Any
    filename: str
    pnginfo: dict[str, Any]


@dataclass(eq=False)
class ExtraNoiseParams:
    """Noise, latent and noisy latent before img2img samples, all [batch, 4, h, w]."""

    noise: Any
    x: Any
    xi: Any


@dataclass(eq=False)
class CFGDenoiserParams:
    """Before a model call.

    x: [rows, 4, h, w], all rows of the prompt, then those of the negative prompt. sigma: [rows].
    sampling_step / total_sampling_steps: the host's own counters, which lag by one step.
    text_cond, text_uncond: [batch, tokens, width], or the SDXL dictionary. denoiser: the CFGDenoiser."""

    x: Any
    image_cond: Any
    sigma: Any
    sampling_step: int
    total_sampling_steps: int
    text_cond: Any
    text_uncond: Any
    denoiser: Any = None


@dataclass(eq=False)
class CFGDenoisedParams:
    """After a model call, before guidance; `x` has the shape that the model was called with."""

    x: Any
    sampling_step: int
    total_sampling_steps: int
    inner_model: Any


@dataclass(eq=False)
class AfterCFGCallbackParams:
    """After guidance; `x`: [batch, 4, h, w], read back."""

    x: Any
    sampling_step: int
    total_sampling_steps: int


@dataclass(eq=False)
class UiTrainTabParams:
    txt2img_preview_params: Any


@dataclass(eq=False)
class ImageGridLoopParams:
    """Before a grid is pasted together: PIL images, columns, rows."""

    imgs: list[Any]
    cols: int
    rows: int


@dataclass
class BeforeTokenCounterParams:
    """Before the tokens of a prompt are counted for display."""

    prompt: str
    steps: int
    styles: list[str]
    is_positive: bool = True


@dataclass
class ScriptCallback:
    """A registered callback: file it came from, function, unique name "extension/file/kind[/name][-n]"."""

    script: str
    callback: Any
    name: str = "unnamed"
