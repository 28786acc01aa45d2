"""Infotext on the page: what the paste and "Send to" buttons do. Old name: modules.generation_parameters_copypaste."""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Callable
from typing import Any

import gradio as gr
from PIL import Image

from modules import errors, images, script_callbacks, shared
from modules.infotext_parsing import (  # noqa: F401
    parse_generation_parameters,
    quote,
    re_imagesize,
    re_param,
    re_param_code,
    restore_old_hires_fix_params,
    unquote,
)
from modules.paths_internal import data_path

sys.modules["modules.generation_parameters_copypaste"] = sys.modules[__name__]

type_of_gr_update = type(gr.update())

infotext_to_setting_name_mapping: list[tuple[str, str]] = []
"""Further (infotext key, option key) pairs of old extensions; new ones give OptionInfo an infotext."""


class ParamBinding:
    """A "Send to" button: where it takes text and image from, and the tab it fills."""

    def __init__(
        self,
        paste_button: Any,
        tabname: str,
        source_text_component: Any = None,
        source_image_component: Any = None,
        source_tabname: str | None = None,
        override_settings_component: Any = None,
        paste_field_names: list[str] | None = None,
    ) -> None:
        self.paste_button = paste_button
        self.tabname = tabname
        self.source_text_component = source_text_component
        self.source_image_component = source_image_component
        self.source_tabname = source_tabname
        self.override_settings_component = override_settings_component
        self.paste_field_names = paste_field_names or []


class PasteField(tuple):
    """(component, infotext key) or (component, function of all parsed values); `api` names the request's field.

    Such a function returns a value, a gradio update, or None for no change."""

    def __new__(cls, component: Any, target: str | Callable, *, api: str | None = None) -> PasteField:
        return super().__new__(cls, (component, target))

    def __init__(self, component: Any, target: str | Callable, *, api: str | None = None) -> None:
        super().__init__()
        self.api = api
        self.component = component
        self.label = target if isinstance(target, str) else None
        self.function = target if callable(target) else None


paste_fields: dict[str, dict[str, Any]] = {}
registered_param_bindings: list[ParamBinding] = []


def reset() -> None:
    """Forget fields and buttons, before the page is built anew."""
    paste_fields.clear()
    registered_param_bindings.clear()


def image_from_url_text(filedata: Any) -> Image.Image | None:
    """The image in what a gallery sends: a temporary file, a data address, or a list whose first entry counts."""
    if isinstance(filedata, list):
        filedata = filedata[0] if filedata else None
    if filedata is None:
        return None
    if isinstance(filedata, dict) and filedata.get("is_file", False):
        from modules import ui_tempdir

        filename = filedata["name"]
        assert ui_tempdir.check_tmp_file(shared.demo, filename), "the image file is outside of the allowed folders"
        return images.read(filename.rsplit("?", 1)[0])
    encoded = filedata.removeprefix("data:image/png;base64,")
    return images.read(io.BytesIO(base64.decodebytes(encoded.encode("utf-8"))))


def add_paste_fields(
    tabname: str, init_img: Any, fields: list[Any] | None, override_settings_component: Any = None
) -> None:
    """Say which components of a tab can be filled from infotext; pairs in `fields` become PasteField in place."""
    for index, field in enumerate(fields or []):
        if not isinstance(field, PasteField):
            fields[index] = PasteField(*field)  # type: ignore[index]
    paste_fields[tabname] = {
        "init_img": init_img, "fields": fields, "override_settings_component": override_settings_component
    }
    page = sys.modules.get("modules.ui")
    if page is not None and tabname in ("txt2img", "img2img"):
        setattr(page, f"{tabname}_paste_fields", fields)


def create_buttons(tabs_list: list[str]) -> dict[str, Any]:
    """A "Send to" button for each tab, with the id `<tab>_tab`."""
    return {tab: gr.Button(f"Send to {tab}", elem_id=f"{tab}_tab") for tab in tabs_list}


def bind_buttons(buttons: dict[str, Any], send_image: Any, send_generate_info: Any) -> None:
    """Old form of `register_paste_params_button` for several buttons."""
    is_component = isinstance(send_generate_info, gr.components.Component)
    is_tab = isinstance(send_generate_info, str)
    for tabname, button in buttons.items():
        register_paste_params_button(ParamBinding(
            paste_button=button, tabname=tabname, source_image_component=send_image,
            source_text_component=send_generate_info if is_component else None,
            source_tabname=send_generate_info if is_tab else None,
        ))


def register_paste_params_button(binding: ParamBinding) -> None:
    """Have the button connected when all tabs are built."""
    registered_param_bindings.append(binding)


def connect_paste_params_buttons() -> None:
    """Connect all registered buttons."""
    for binding in registered_param_bindings:
        target = paste_fields[binding.tabname]
        fields = target["fields"]
        _connect_image(binding, target["init_img"], fields)
        if binding.source_text_component is not None and fields is not None:
            override = binding.override_settings_component or target["override_settings_component"]
            connect_paste(binding.paste_button, fields, binding.source_text_component, override, binding.tabname)
        if binding.source_tabname is not None and fields is not None:
            _connect_fields(binding, fields)
        binding.paste_button.click(fn=None, _js=f"switch_to_{binding.tabname}", inputs=None, outputs=None,
                                   show_progress=False)


def _connect_image(binding: ParamBinding, destination: Any, fields: list[Any] | None) -> None:
    source = binding.source_image_component
    if not source or not destination:
        return
    sizes = [next((field for field, name in fields or [] if name == f"Size-{i}"), None) for i in (1, 2)]
    with_size = sizes[0] is not None and binding.tabname != "inpaint"
    from_gallery = isinstance(source, gr.Gallery)
    plain = image_from_url_text if from_gallery else (lambda image: image)
    binding.paste_button.click(
        fn=send_image_and_dimensions if with_size else plain,
        _js="extract_image_from_gallery" if from_gallery else None,
        inputs=[source],
        outputs=[destination, *sizes] if with_size else [destination],
        show_progress=False,
    )


def _connect_fields(binding: ParamBinding, fields: list[Any]) -> None:
    names = ["Prompt", "Negative prompt", "Steps", "Face restoration", *binding.paste_field_names]
    names += ["Seed"] if shared.opts.send_seed else []
    source = paste_fields[binding.source_tabname or ""]["fields"]
    binding.paste_button.click(
        fn=lambda *values: values,
        inputs=[field for field, name in source if name in names],
        outputs=[field for field, name in fields if name in names],
        show_progress=False,
    )


def send_image_and_dimensions(x: Any) -> tuple[Any, Any, Any]:
    """(image, width, height); no size without an image or if the setting send_size is off."""
    image = x if isinstance(x, Image.Image) else image_from_url_text(x)
    if shared.opts.send_size and isinstance(image, Image.Image):
        return image, image.width, image.height
    return image, gr.update(), gr.update()


def _setting_names() -> list[tuple[str, str]]:
    labels = shared.opts.data_labels
    return [(info.infotext, key) for key, info in labels.items() if info.infotext] + infotext_to_setting_name_mapping


def create_override_settings_dict(text_pairs: list[str]) -> dict[str, Any]:
    """["Clip skip: 2", "ENSD: 31337"] as {"CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 31337}; unknown keys
    are left out."""
    pairs = (pair.split(":", maxsplit=1) for pair in text_pairs or [])  # gradio 4 sends None for none
    given = {key: value.strip() for key, value in pairs}
    return {
        setting: shared.opts.cast_value(setting, given[name]) for name, setting in _setting_names() if name in given
    }


def get_override_settings(params: dict[str, Any], *, skip_fields: Any = None) -> list[tuple[str, str, Any]]:
    """(infotext key, option, value) for each parsed value that is an option's and differs from its current value.

    Keys in `skip_fields` are left out, and the checkpoint if the setting disable_weights_auto_swap is on."""
    found = []
    for name, setting in _setting_names():
        value = params.get(name)
        if value is None or name in (skip_fields or {}):
            continue
        if setting == "sd_model_checkpoint" and shared.opts.disable_weights_auto_swap:
            continue
        value = shared.opts.cast_value(setting, value)
        if value != getattr(shared.opts, setting, None):
            found.append((name, setting, value))
    return found


def _last_prompt() -> str:
    """Infotext of the last generation, "" if there is none or flags forbid reading it."""
    if shared.cmd_opts.hide_ui_dir_config or shared.cmd_opts.no_prompt_history:
        return ""
    try:
        with open(os.path.join(data_path, "params.txt"), encoding="utf8") as file:
            return file.read()
    except OSError:
        return ""


def _cast_like(current: Any, value: Any) -> Any:
    kind = str if current is None else type(current)  # gradio 4 has None in a text field that is empty
    if kind is bool and value == "False":
        return False
    return float(value) if kind is int else kind(value)


def pasted_value(component: Any, key: Any, params: dict[str, Any]) -> Any:
    """The gradio update of one component for parsed infotext; no change where the value does not fit its type."""
    if callable(key):
        try:
            value = key(params)
        except Exception:
            errors.report(f"Error executing {key}", exc_info=True)
            value = None
    else:
        value = params.get(key)
    if value is None or isinstance(value, type_of_gr_update):
        return gr.update() if value is None else value
    try:
        return gr.update(value=_cast_like(component.value, value))
    except Exception:
        return gr.update()


def connect_paste(
    button: Any, paste_fields: list[Any], input_comp: Any, override_settings_component: Any, tabname: str
) -> None:
    """Have the button fill a tab's components from the infotext in `input_comp`; options go to the override list."""
    fields = list(paste_fields)
    if override_settings_component is not None:
        handled = {key for _, key in paste_fields}

        def override_list(params: dict[str, Any]) -> Any:
            pairs = [f"{name}: {value}" for name, _, value in get_override_settings(params, skip_fields=handled)]
            return gr.Dropdown.update(value=pairs, choices=pairs, visible=bool(pairs))

        fields.append((override_settings_component, override_list))

    def paste(prompt: str) -> list[Any]:
        prompt = prompt or _last_prompt()
        params = parse_generation_parameters(prompt)
        script_callbacks.infotext_pasted_callback(prompt, params)
        return [pasted_value(component, key, params) for component, key in fields]

    button.click(fn=paste, inputs=[input_comp], outputs=[component for component, _ in fields], show_progress=False)
    button.click(fn=None, _js=f"recalculate_prompts_{tabname}", inputs=[], outputs=[], show_progress=False)
