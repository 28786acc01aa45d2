"""Refuses pickled files that could run code, wherever `torch.load` is called in this process.

As on A1111: `torch.load` is replaced at import; a refused file gives None and a report, no exception."""

from __future__ import annotations

import _codecs
import collections
import pickle
import re
import zipfile
from collections.abc import Callable
from typing import Any

import numpy
import torch

from modules import errors

Handler = Callable[[str, str], Any]

_ALLOWED: dict[str, set[str]] = {
    "collections": {"OrderedDict"},
    "torch._utils": {"_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_device_tensor_from_numpy"},
    "torch": {"FloatStorage", "HalfStorage", "IntStorage", "LongStorage", "DoubleStorage", "ByteStorage",
              "BFloat16Storage", "BoolStorage", "float32"},
    "torch.nn.modules.container": {"ParameterDict"},
    "numpy.core.multiarray": {"scalar", "_reconstruct"},
    "numpy": {"dtype", "ndarray"},
    "_codecs": {"encode"},
}
_MODULES: dict[str, Any] = {
    "collections": collections,
    "torch._utils": torch._utils,
    "torch": torch,
    "torch.nn.modules.container": torch.nn.modules.container,
    "numpy": numpy,
    "_codecs": _codecs,
}

# What torch itself writes; the two dotted markers come from torch 2.6 and later.
_MEMBER = re.compile(
    r"^[^/]+/(data/\d+|version|byteorder|\.data/serialization_id|\.format_version|\.storage_alignment|data\.pkl)$"
)
_LEGACY_PICKLES = 5


class RestrictedUnpickler(pickle.Unpickler):
    """Knows the classes of a state dict and refuses every other global."""

    extra_handler: Handler | None = None

    def persistent_load(self, saved_id: tuple) -> Any:
        if saved_id[0] != "storage":
            raise pickle.UnpicklingError(f"unknown kind of stored object: {saved_id[0]}")
        return torch.storage.TypedStorage(_internal=True)

    def find_class(self, module: str, name: str) -> Any:
        if self.extra_handler is not None:
            found = self.extra_handler(module, name)
            if found is not None:
                return found
        if (module, name) == ("__builtin__", "set"):
            return set
        if name in _ALLOWED.get(module, ()):
            owner = numpy.core.multiarray if module == "numpy.core.multiarray" else _MODULES[module]
            return getattr(owner, name)
        raise Exception(f"global '{module}/{name}' is forbidden")


def _check_pickle(file: Any, extra_handler: Handler | None, count: int = 1) -> None:
    unpickler = RestrictedUnpickler(file)
    unpickler.extra_handler = extra_handler
    for _ in range(count):
        unpickler.load()


def check_zip_filenames(filename: object, names: list[str]) -> None:
    """Raises if the archive holds anything torch would not have written."""
    for name in names:
        if not _MEMBER.match(name):
            raise Exception(f"bad file inside {filename}: {name}")


def check_pt(filename: Any, extra_handler: Handler | None) -> None:
    """Unpickle `filename` with the restricted classes only; raises if it asks for more."""
    try:
        with zipfile.ZipFile(filename) as archive:
            check_zip_filenames(filename, archive.namelist())
            pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise Exception(f"{filename} holds {len(pickles)} files named data.pkl, expected one")
            with archive.open(pickles[0]) as file:
                _check_pickle(file, extra_handler)
    except zipfile.BadZipFile:
        with open(filename, "rb") as file:
            _check_pickle(file, extra_handler, _LEGACY_PICKLES)


def load(filename: Any, *args: Any, **kwargs: Any) -> Any:
    """Replaces torch.load: the loaded object, or None if the file was refused."""
    return load_with_extra(filename, *args, extra_handler=global_extra_handler, **kwargs)


def load_with_extra(filename: Any, extra_handler: Handler | None = None, *args: Any, **kwargs: Any) -> Any:
    """`load`, where `extra_handler(module, name)` may allow further classes by returning them."""
    from modules import shared

    try:
        if shared.cmd_opts is None or not shared.cmd_opts.disable_safe_unpickle:
            check_pt(filename, extra_handler)
    except pickle.UnpicklingError:
        errors.report(f"{filename} is corrupted and was not loaded", exc_info=True)
        return None
    except Exception:
        errors.report(f"{filename} may run code when loaded, so it was refused; use a .safetensors file "
                      "or, if you trust it, --disable-safe-unpickle", exc_info=True)
        return None
    if hasattr(filename, "seek"):
        filename.seek(0)
    return unsafe_torch_load(filename, *args, **kwargs)


class Extra:
    """Allows further classes inside a `with` block, for code that calls `torch.load` itself."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler

    def __enter__(self) -> None:
        global global_extra_handler
        if global_extra_handler is not None:
            raise RuntimeError("safe.Extra blocks cannot be nested")
        global_extra_handler = self.handler

    def __exit__(self, *exc_info: object) -> None:
        global global_extra_handler
        global_extra_handler = None


unsafe_torch_load = torch.load
torch.load = load
global_extra_handler: Handler | None = None
