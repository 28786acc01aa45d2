"""The pocket WebUI with its trained model and this checkout as an extension, for benchmarks of whole generations."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.tables import ROOT
from tests.extension import pocket_run

MODEL = ROOT / "pocket_webui" / "models" / "pocket.safetensors"
ON, OFF = [True], [False]


def start(*more: str) -> None:
    """Once per process. As in a real WebUI the checkout leaves the import path; what is imported stays."""
    data = tempfile.mkdtemp(prefix="vaeface-benchmark-")
    with contextlib.redirect_stdout(sys.stderr):
        flags = ["--ckpt", str(MODEL), "--extension", str(ROOT), "--disable-console-progressbars"]
        pocket_run.start(data, [*flags, *more])
    our_callback()
    sys.path[:] = [entry for entry in sys.path if Path(entry or os.curdir).resolve() != ROOT]


def paint(p: Any) -> Any:
    """The WebUI's result; ValueError where it or we said that something failed."""
    from modules import processing

    with contextlib.redirect_stdout(sys.stderr):
        done = processing.process_images(p)
    if "failed" in done.comments:
        raise ValueError(done.comments)
    return done


@contextlib.contextmanager
def replaced(owner: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    """The attribute replaced by make(what it was) inside the block; an attribute of the class is uncovered again."""
    own = name in vars(owner)
    before = getattr(owner, name)
    setattr(owner, name, make(before))
    try:
        yield
    finally:
        if own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)


def our_callback() -> Any:
    """The WebUI's entry for our on_cfg_denoiser listener; its `callback` may be replaced. RuntimeError without one."""
    from modules import script_callbacks

    entries = script_callbacks.callback_map["callbacks_cfg_denoiser"]
    for entry in entries:
        if entry.name.endswith("/vaeface"):
            return entry
    raise RuntimeError("the extension did not load; the WebUI's messages above say why")
