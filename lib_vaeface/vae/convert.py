"""Turns a pickled VAE (.pt, .ckpt) into safetensors, once, in a process of its own; the pickle runs no code there.

    python -m lib_vaeface.vae.convert model.vae.pt model.vae.safetensors

The process is thrown away afterwards, has limits on memory and time, and prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .errors import VaeFileError
from .header import BITS, Header, Tensor, identity_of
from .inspect import VaeInfo, examine
from .layouts import Naming
from .layouts import read as read_layout
from .others import describe

TIME = 600.0  # seconds
MEMORY = 2 * 2**30  # bytes beyond three times the file's size, where the system can limit them
ROOT = Path(__file__).resolve().parents[2]
NAMES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3",
         "float8_e5m2": "F8_E5M2", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8",
         "bool": "BOOL"}  # fmt: skip


def convert(path: Path | str, target: Path | str | None = None) -> Path:
    """Writes the VAE in a pickle as safetensors beside it, or to `target`; the pickle stays. Returns the new file.

    Only the VAE's tensors are taken (no optimiser, no loss, no diffusion model), as they are stored. VaeFileError: the
    target exists, or the pickle is damaged, asks for code, or holds no VAE.
    """
    path = Path(path)
    target = Path(target) if target is not None else path.with_suffix(".safetensors")
    if target.exists():
        raise VaeFileError(
            target, f"it is there already, perhaps converted from {path.name} before. Choose it instead."
        )
    _child(path, [str(target.resolve())])
    return target


def inspect_pickle(path: Path | str) -> VaeInfo:
    """What a pickle holds, for a person who agreed to have it opened; it can be used only once it is converted."""
    path = Path(path)
    table = _child(path, [])["tensors"]
    tensors = {name: Tensor(dtype, tuple(shape), 0, 0) for name, (dtype, shape) in table.items() if dtype in BITS}
    info = examine(Header(identity_of(path), tensors, {}, 0)).info
    what = f"a pickle with {info.what}"
    return replace(info, kind="pickle", what=what, problem=info.problem or "Convert it to safetensors once, to use it.")


def _child(path: Path, more: list[str]) -> dict[str, Any]:
    identity_of(path)  # a clear error, before a process is started, where there is no file
    command = [sys.executable, "-m", __name__, str(path.resolve()), *more]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        found = subprocess.run(command, capture_output=True, timeout=TIME, env=variables, cwd=ROOT, check=False)
    except subprocess.TimeoutExpired:
        raise VaeFileError(path, f"converting took longer than {TIME:.0f} s and was stopped.") from None
    try:
        answer = json.loads(found.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = found.stderr.decode("utf8", "replace").strip().splitlines()[-1:] or [f"exit code {found.returncode}"]
        raise VaeFileError(path, f"the process that converts it died ({last[0][:200]}).") from None
    if "error" in answer:
        raise VaeFileError(path, f"{answer['error']}.")
    return dict(answer)


def main(arguments: Sequence[str]) -> dict[str, Any]:
    """In the process of its own: source, and the target, or none for a look at names and shapes."""
    from .pickles import PickleError, read_pickle

    source = Path(arguments[0])
    try:
        _limit_memory(MEMORY + 3 * source.stat().st_size)
        pickled = read_pickle(source)
        table = {name: (NAMES.get(str(place.dtype)[6:], "?"), place.shape) for name, place in pickled.places.items()}
        if len(arguments) == 1:
            return {"tensors": table}
        naming = read_layout(list(table))
        if naming is None:
            return {"error": f"it holds no VAE: it is {describe(list(table))}"}
        _write(source, pickled, naming, Path(arguments[1]))
        return {"tensors": {}}
    except PickleError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "there is not enough memory to convert it"}
    except OSError as error:
        return {"error": f"it can't be converted here ({error.strerror or error})"}


def _write(source: Path, pickled: Any, naming: Naming, target: Path) -> None:
    """Whole or not at all: written under another name first."""
    from safetensors.torch import save_file

    state = {theirs: pickled.tensor(theirs) for theirs in naming.names.values()}
    handle, name = tempfile.mkstemp(prefix=target.stem, suffix=".new", dir=target.parent)
    os.close(handle)
    try:
        save_file(state, name, metadata={"format": "pt", "converted_from": source.name})
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _limit_memory(more: int) -> None:
    """A hostile pickle must not take the machine's memory. Only Linux tells how much is in use already."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return
    import resource

    used = int(statm.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more, used + more))


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
