"""From a request to the flat list of arguments that scripts receive, and from infotext to a request."""

from __future__ import annotations

import typing
from typing import Any

import gradio as gr
from fastapi.exceptions import HTTPException

from modules import infotext_utils


def script_name_to_index(name: str, scripts: list[Any]) -> int:
    """Place of the script with this title, any case. HTTP 422 if there is none."""
    titles = [script.title().lower() for script in scripts]
    if not isinstance(name, str) or name.lower() not in titles:
        raise HTTPException(status_code=422, detail=f"Script '{name}' not found")
    return titles.index(name.lower())


def default_args(runner: Any) -> list[Any]:
    """The controls' values as the page shows them at first. Builds every script's controls twice, as A1111 does."""
    args: list[Any] = [None] * max([1, *(script.args_to or 1 for script in runner.scripts)])
    args[0] = 0
    with gr.Blocks():
        for script in runner.scripts:
            if script.ui(script.is_img2img):
                args[script.args_from:script.args_to] = [c.value for c in script.ui(script.is_img2img)]
    return args


def with_request_args(request: Any, defaults: list[Any], runner: Any, chosen: Any, chosen_index: int | None,
                      from_infotext: dict[int, Any]) -> list[Any]:
    """`defaults` with what infotext, the chosen script and `alwayson_scripts` of the request say.

    Too few arguments of a script leave defaults, too many are dropped. HTTP 422 for a name that is unknown or
    belongs to a script that has to be chosen."""
    args = defaults.copy()
    for index, value in from_infotext.items():
        args[index] = value
    if chosen is not None:
        args[chosen.args_from:chosen.args_to] = request.script_args
        args[0] = chosen_index + 1
    for name, given in (request.alwayson_scripts or {}).items():
        script = runner.scripts[script_name_to_index(name, runner.scripts)]
        if script.alwayson is False:
            raise HTTPException(status_code=422,
                                detail="Cannot have a selectable script in the always on scripts params")
        values = given.get("args", [])[: script.args_to - script.args_from]
        args[script.args_from : script.args_from + len(values)] = values
    return args


def _type_of(field: Any) -> Any:
    """The type of a request's field: pydantic 1 keeps it, 2 keeps Optional[it]."""
    if hasattr(field, "type_"):
        return field.type_
    found = [one for one in typing.get_args(field.annotation) if one is not type(None)]
    return found[0] if found else field.annotation


def _pasted_value(field: Any, params: dict[str, Any], request: Any) -> Any:
    """The field's value in `params`, cast to what the request or the control holds; None if it is not there."""
    value = field.function(params) if field.function else params.get(field.label)
    if value is None:
        return None
    if field.api in request.__fields__:
        wanted = _type_of(request.__fields__[field.api])
    else:
        wanted = type(getattr(field.component, "value", None))
    if wanted is type(None):
        return None
    if isinstance(value, dict) and value.get("__type__") == "generic_update":
        value = value.get("value")
    if value is None or wanted is Any or not isinstance(wanted, type) or isinstance(value, wanted):
        return value
    # As on A1111, the text "False" becomes True here: bool() is a plain call.
    return wanted(value)


def apply_infotext(request: Any, tabname: str, runner: Any) -> dict[int, Any]:
    """Set the fields and override settings that the request does not give from its `infotext`.

    Returns {index: value} for the arguments of scripts that the infotext mentions."""
    if not request.infotext:
        return {}
    fields = infotext_utils.paste_fields[tabname]["fields"]
    given = request.dict(exclude_unset=True)
    params = infotext_utils.parse_generation_parameters(request.infotext)
    for field in fields:
        if field.api and field.api not in given:
            value = _pasted_value(field, params, request)
            if value is not None:
                setattr(request, field.api, value)
    overrides = {name: value for _, name, value in infotext_utils.get_override_settings(params)}
    request.override_settings = {**overrides, **(request.override_settings or {})}
    places = {control: index for index, control in enumerate(runner.inputs) if control is not None}
    values = {places[f.component]: _pasted_value(f, params, request) for f in fields if f.component in places}
    return {index: value for index, value in values.items() if value is not None}
