"""Executes files of extensions as modules that nobody can import: they are not entered into `sys.modules`."""

from __future__ import annotations

import argparse
import importlib.util
import os
from types import ModuleType

from modules import errors

loaded_scripts: dict[str, ModuleType] = {}


def load_module(path: str) -> ModuleType:
    """Execute the file at `path` and return its module, whose name is the file's name with extension.

    The module is not in `sys.modules`, so pickling its classes fails, and so does `@dataclass` under
    `from __future__ import annotations`: exactly what happens on A1111. Errors of the file are raised."""
    spec = importlib.util.spec_from_file_location(os.path.basename(path), path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file", path=path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded_scripts[path] = module
    return module


def preload_extensions(
    extensions_dir: str, parser: argparse.ArgumentParser, extension_list: list[str] | None = None
) -> None:
    """Let every extension's `preload.py` add flags to `parser`, sorted by folder name; failures are reported."""
    if not os.path.isdir(extensions_dir):
        return
    names = os.listdir(extensions_dir) if extension_list is None else extension_list
    for name in sorted(names):
        path = os.path.join(extensions_dir, name, "preload.py")
        if not os.path.isfile(path):
            continue
        try:
            module = load_module(path)
            if hasattr(module, "preload"):
                module.preload(parser)
        except Exception:
            errors.report(f"Error running preload() for {path}", exc_info=True)
