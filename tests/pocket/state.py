"""Keeps what one test does to extensions, scripts and callbacks from other tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def callback_state() -> Iterator[None]:
    """All registered callbacks are afterwards what they were before."""
    from modules import script_callbacks

    saved = {kind: list(items) for kind, items in script_callbacks.callback_map.items()}
    try:
        yield
    finally:
        script_callbacks.clear_callbacks()
        for kind, items in saved.items():
            script_callbacks.callback_map[kind].extend(items)


@contextmanager
def extension_state() -> Iterator[None]:
    """Extensions, loaded scripts, their runners and callbacks are afterwards what they were before."""
    from modules import extensions, scripts, shared

    held = (extensions.extensions, extensions.extension_paths, extensions.loaded_extensions)
    copies = [container.copy() for container in held]
    lists = [(found, list(found)) for found in (scripts.scripts_data, scripts.postprocessing_scripts_data)]
    runners = {name: getattr(scripts, name) for name in ("scripts_txt2img", "scripts_img2img", "scripts_postproc")}
    given = shared.cmd_opts.extension
    with callback_state():
        try:
            yield
        finally:
            shared.cmd_opts.extension = given
            extensions.extensions[:] = copies[0]
            for table, copy in zip(held[1:], copies[1:], strict=True):
                table.clear()
                table.update(copy)
            for found, copy in lists:
                found[:] = copy
            for name, runner in runners.items():
                setattr(scripts, name, runner)
