"""Our functions among the WebUI's callbacks, each once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from modules import script_callbacks

NAME = "vaeface"


def register(kind: str, callback: Callable[..., Any], filename: str) -> None:
    """As `script_callbacks.on_KIND(callback, name="vaeface")` called in the file, in the place of an earlier one.

    A1111 looks for the calling file through all modules for each frame of the stack, which takes longer than all the
    rest of our start; where it can be told the file it is.
    """
    script_callbacks.remove_callbacks_for_function(callback)
    callbacks = script_callbacks.callback_map.get(f"callbacks_{kind}")
    if callbacks is None or "filename" not in inspect.signature(script_callbacks.add_callback).parameters:
        getattr(script_callbacks, f"on_{kind}")(callback, name=NAME)
        return
    script_callbacks.add_callback(callbacks, callback, name=NAME, category=kind, filename=filename)
