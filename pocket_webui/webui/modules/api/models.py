"""Requests and answers of the API. The two big requests are made from the fields of the processing classes."""

from __future__ import annotations

import inspect
import typing
from typing import Any, Optional

from pydantic import BaseModel, Field, create_model

from modules.processing import StableDiffusionProcessingImg2Img, StableDiffusionProcessingTxt2Img
from modules.shared import opts, parser

API_NOT_ALLOWED = {
    "self", "kwargs", "sd_model", "outpath_samples", "outpath_grids", "sampler_index", "extra_generation_params",
    "overlay_images", "do_not_reload_embeddings", "seed_enable_extras", "prompt_for_display",
    "sampler_noise_scheduler_override", "ddim_discretize",
}

_SCRIPT_FIELDS: dict[str, tuple[Any, Any]] = {
    "sampler_index": (str, "Euler"),
    "script_name": (str, None),
    "script_args": (list, []),
    "send_images": (bool, True),
    "save_images": (bool, False),
    "alwayson_scripts": (dict, {}),
    "force_task_id": (str, None),
    "infotext": (str, None),
}
_IMG2IMG_FIELDS: dict[str, tuple[Any, Any]] = {
    "init_images": (list, None),
    "denoising_strength": (float, 0.75),
    "mask": (str, None),
    "include_init_images": (bool, False),
}
_JSON_TYPES = (str, int, float, bool, list, dict)


def _json_type(hint: Any) -> Any:
    """What a field of type `hint` is in JSON: pictures are base64 text, anything unusual is left unchecked."""
    origin = typing.get_origin(hint) or hint
    if getattr(origin, "__name__", "") == "Image":
        return str
    return hint if origin in _JSON_TYPES else Any


def _field_types(cls: type) -> dict[str, tuple[Any, Any]]:
    """(type, default) of every field that `cls(...)` takes and the API offers.

    As on A1111, where a class and its base both have a field, the base's default is the API's."""
    hints = typing.get_type_hints(cls)
    parameters: dict[str, inspect.Parameter] = {}
    for owner in cls.__mro__[:-1]:
        parameters.update(inspect.signature(owner).parameters)
    fields = {}
    for name, parameter in parameters.items():
        if name in API_NOT_ALLOWED or parameter.kind is parameter.VAR_KEYWORD:
            continue
        default = None if isinstance(parameter.default, property) else parameter.default
        fields[name] = (_json_type(hints.get(name, Any)), default)
    return fields


def _request_model(name: str, cls: type, extra: dict[str, tuple[Any, Any]]) -> Any:
    fields = {**_field_types(cls), **extra}
    given: Any = {k: (Optional[t], Field(default=d)) for k, (t, d) in fields.items()}  # noqa: UP045
    model: Any = create_model(name, **given)
    if not hasattr(model, "model_config"):  # pydantic 1; 2 (gradio 4's) has no aliases to get around
        model.__config__.allow_population_by_field_name = True
        model.__config__.allow_mutation = True
    return model


StableDiffusionTxt2ImgProcessingAPI: Any = _request_model(
    "StableDiffusionProcessingTxt2Img", StableDiffusionProcessingTxt2Img, _SCRIPT_FIELDS)
StableDiffusionImg2ImgProcessingAPI: Any = _request_model(
    "StableDiffusionProcessingImg2Img", StableDiffusionProcessingImg2Img, {**_IMG2IMG_FIELDS, **_SCRIPT_FIELDS})


class TextToImageResponse(BaseModel):
    images: list[str] = Field(default=None, description="The pictures, each base64.")
    parameters: dict
    info: str


class ImageToImageResponse(TextToImageResponse):
    pass


class PNGInfoRequest(BaseModel):
    image: str = Field(description="The picture in base64.")


class PNGInfoResponse(BaseModel):
    info: str = Field(description="The infotext, empty if there is none.")
    items: dict = Field(description="Everything else stored in the picture.")
    parameters: dict = Field(description="The infotext, parsed.")


class ProgressRequest(BaseModel):
    skip_current_image: bool = Field(default=False, description="Do not send the preview.")


class ProgressResponse(BaseModel):
    progress: float = Field(description="0 to 1.")
    eta_relative: float = Field(description="Seconds left.")
    state: dict
    current_image: Optional[str] = Field(default=None, description="The preview in base64.")  # noqa: UP045
    textinfo: Optional[str] = Field(default=None)  # noqa: UP045
    current_task: Optional[str] = Field(default=None)  # noqa: UP045


def _options_model() -> Any:
    fields: dict[str, Any] = {}
    for key, info in opts.data_labels.items():
        kind = opts.typemap.get(type(info.default), type(info.default)) if info.default else Any
        fields[key] = (Optional[kind], Field(default=info.default, description=info.label))  # noqa: UP045
    return create_model("Options", **fields)


def _flags_model() -> Any:
    fields: dict[str, Any] = {}
    for action in parser._actions:
        if action.dest != "help":
            fields[action.dest] = (Any, Field(default=action.default, description=action.help))
    return create_model("Flags", **fields)


OptionsModel: Any = _options_model()
FlagsModel: Any = _flags_model()


class SamplerItem(BaseModel):
    name: str
    aliases: list[str]
    options: dict[str, str]


class SchedulerItem(BaseModel):
    name: str
    label: str
    aliases: Optional[list[str]]  # noqa: UP045  (pydantic 1 reads this in Python 3.9 too)
    default_rho: Optional[float]  # noqa: UP045
    need_inner_model: Optional[bool]  # noqa: UP045


class UpscalerItem(BaseModel):
    name: str
    model_name: Optional[str]  # noqa: UP045
    model_path: Optional[str]  # noqa: UP045
    model_url: Optional[str]  # noqa: UP045
    scale: Optional[float]  # noqa: UP045


class LatentUpscalerModeItem(BaseModel):
    name: str


class SDModelItem(BaseModel):
    title: str
    model_name: str
    hash: Optional[str]  # noqa: UP045
    sha256: Optional[str]  # noqa: UP045
    filename: str
    config: Optional[str]  # noqa: UP045


class SDVaeItem(BaseModel):
    model_name: str
    filename: str


class PromptStyleItem(BaseModel):
    name: str
    prompt: Optional[str]  # noqa: UP045
    negative_prompt: Optional[str]  # noqa: UP045


class EmbeddingsResponse(BaseModel):
    loaded: dict
    skipped: dict


class MemoryResponse(BaseModel):
    ram: dict
    cuda: dict


class ScriptsList(BaseModel):
    txt2img: list = Field(default=None, description="Names of scripts of txt2img.")
    img2img: list = Field(default=None, description="Names of scripts of img2img.")


class ScriptArg(BaseModel):
    """One control of a script."""

    label: str = Field(default=None)
    value: Optional[Any] = Field(default=None)  # noqa: UP045
    minimum: Optional[Any] = Field(default=None)  # noqa: UP045
    maximum: Optional[Any] = Field(default=None)  # noqa: UP045
    step: Optional[Any] = Field(default=None)  # noqa: UP045
    choices: Optional[list[str]] = Field(default=None)  # noqa: UP045


class ScriptInfo(BaseModel):
    name: str = Field(default=None)
    is_alwayson: bool = Field(default=None)
    is_img2img: bool = Field(default=None)
    args: list[ScriptArg]


class ExtensionItem(BaseModel):
    name: str
    remote: str
    branch: str
    commit_hash: str
    version: str
    commit_date: str
    enabled: bool
