"""Reads the header of a safetensors file: 8 bytes of length (little endian), then JSON, and nothing past it.

Every header is taken for hostile: lengths, numbers, offsets and names are checked before they are used, and what
`read_header` gives is consistent: each tensor lies inside the file, has exactly its shape's bytes, and shares none.
"""

from __future__ import annotations

import json
import math
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from .errors import VaeFileError

# A VAE's header has 25-30 KB, a whole checkpoint's 0.3-1 MB; embedded thumbnails and training logs make it a few MB.
HEADER_LIMIT = 16 * 2**20
MAX_DIMENSIONS = 16
NAME_LIMIT = 512  # characters of a tensor's name
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
    "C64": 64,
}  # fmt: skip
AGAIN = "Download it again or choose another file."
PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
FOREIGN = (
    *(
        (start, "it is a pickle, which can run code and is not opened. Convert it to safetensors once.")
        for start in PICKLE_STARTS
    ),
    (b"version https://git-lfs", "it is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`."),
    (b"GGUF", "it is a GGUF file (quantised weights), which holds no VAE for this WebUI."),
    (b"\x89PNG", "it is a picture (PNG)."),
    (b"\xff\xd8\xff", "it is a picture (JPEG)."),
    (b"RIFF", "it is a picture or sound (RIFF)."),
    (b"<!DOCTYPE", "it is a web page: the download went wrong. " + AGAIN),
    (b"<!doctype", "it is a web page: the download went wrong. " + AGAIN),
    (b"<html", "it is a web page: the download went wrong. " + AGAIN),
    (b"\x1f\x8b", "it is a gzip archive: unpack it first."),
    (b"7z\xbc\xaf", "it is a 7-Zip archive: unpack it first."),
    (b"Rar!", "it is a RAR archive: unpack it first."),
    (b"\x89HDF", "it is an HDF5 file (Keras), not safetensors."),
)


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies: bytes start..end of the file, C order, little endian."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def count(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Identity:
    """One state of one file: a file that was written again has another one."""

    path: str
    size: int
    mtime_ns: int

    def key(self) -> str:
        return json.dumps([self.path, self.size, self.mtime_ns])


@dataclass(frozen=True)
class Header:
    """A safetensors header. `tensors` keeps the file's order of names; `end` is the first byte past the header."""

    identity: Identity
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    end: int


def identity_of(path: Path | str) -> Identity:
    """Size and time of a file. VaeFileError: it is missing, a folder, a pipe, or may not be read."""
    try:
        return _identity(Path(path), os.stat(path))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise VaeFileError(path, _os_cause(error)) from None


def read_header(path: Path | str) -> Header:
    """The checked header of a safetensors file, in time that depends on the header alone.

    VaeFileError names the file, the cause and what to do.
    """
    with open_file(path) as file:
        return header_of(file, Path(path))


def is_pickle(path: Path | str) -> bool:
    """Whether a file starts as PyTorch's pickles do, as a zip or bare. VaeFileError: it can't be read."""
    with open_file(path) as file:
        _identity(Path(path), os.fstat(file.fileno()))
        return file.read(4).startswith(PICKLE_STARTS)


def open_file(path: Path | str) -> BinaryIO:
    """An ordinary file, opened for reading. VaeFileError for everything else; a pipe is not waited for."""
    identity_of(path)
    try:
        # What became a pipe since must not make us wait: `header_of` refuses it.
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        return os.fdopen(os.open(path, flags), "rb", buffering=0)
    except OSError as error:
        raise VaeFileError(path, _os_cause(error)) from None


def identity_in(file: BinaryIO, path: Path) -> Identity:
    """`identity_of` an open file: of the state that is read from it, even if the name moved on."""
    return _identity(path, os.fstat(file.fileno()))


def header_of(file: BinaryIO, path: Path) -> Header:
    """`read_header` of an open file: what is read from `file` later is of the same state, even if the name moved on."""
    identity = identity_in(file, path)
    size = identity.size
    file.seek(0)
    start = file.read(16)
    if not start:
        raise VaeFileError(path, "the file is empty. " + AGAIN)
    for magic, cause in FOREIGN:
        if start.startswith(magic[:16]):
            raise VaeFileError(path, cause)
    if len(start) < 10:
        raise VaeFileError(path, f"{len(start)} bytes are no safetensors file. {AGAIN}")
    length = struct.unpack("<Q", start[:8])[0]
    if start[8:9] not in b"{" or length < 2:
        raise VaeFileError(path, "it does not start as a safetensors file does. " + AGAIN)
    if length > HEADER_LIMIT:
        raise VaeFileError(path, f"its header claims {length:,} bytes; at most {HEADER_LIMIT:,} are read. {AGAIN}")
    if 8 + length > size:
        raise VaeFileError(path, f"it ends within its header ({size:,} bytes of {8 + length:,}). {AGAIN}")
    file.seek(8)
    table = _parse(_read_exactly(file, length, path), path)
    metadata = _metadata(table.pop("__metadata__", {}), path)
    tensors = {name: _tensor(name, value, 8 + length, path) for name, value in table.items()}
    _check_places(tensors, 8 + length, size, path)
    return Header(identity, tensors, metadata, 8 + length)


def read_tensor_bytes(file: BinaryIO, tensor: Tensor, count: int | None = None) -> bytes:
    """The first `count` elements of a tensor (None: all of them) as they lie in the file. EOFError: it got shorter."""
    size = tensor.end - tensor.start
    if count is not None:
        size = min(size, count * BITS[tensor.dtype] // 8)
    file.seek(tensor.start)
    parts = []
    while size:
        part = file.read(size)
        if not part:
            raise EOFError("the file got shorter while it was read")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _identity(path: Path, found: os.stat_result) -> Identity:
    if stat.S_ISDIR(found.st_mode):
        raise VaeFileError(path, "it is a folder. Choose a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise VaeFileError(path, "it is a pipe or device, not a file.")
    return Identity(os.path.abspath(path), found.st_size, found.st_mtime_ns)


def _os_cause(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is missing. Refresh the list."
    if isinstance(error, PermissionError):
        return "this user may not read it. Change its permissions."
    return f"it can't be opened ({getattr(error, 'strerror', None) or error})."


def _read_exactly(file: BinaryIO, length: int, path: Path) -> bytes:
    found = b""
    while len(found) < length:
        part = file.read(length - len(found))
        if not part:
            raise VaeFileError(path, f"it ends within its header. {AGAIN}")
        found += part
    return found


def _parse(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        table = json.loads(
            raw.decode("utf8"), object_pairs_hook=_no_twins, parse_int=_short_int, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        cause = "too deeply nested" if isinstance(error, RecursionError) else str(error)[:120]
        raise VaeFileError(path, f"its header can't be read: {cause}. {AGAIN}") from None
    if not isinstance(table, dict):
        raise VaeFileError(path, f"its header is no table of tensors. {AGAIN}")
    return table


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twin[:80]!r} occurs twice")
    return table


def _short_int(text: str) -> int:
    if len(text) > 20:  # more than 64 bits hold; also, Python's int() is slow on long ones
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number here")


def _metadata(value: Any, path: Path) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise VaeFileError(path, f"its metadata is not a table of texts. {AGAIN}")
    return value


def _tensor(name: str, value: Any, offset: int, path: Path) -> Tensor:
    shown = repr(name[:80])
    if len(name) > NAME_LIMIT:
        raise VaeFileError(path, f"tensor {shown}... has a name of {len(name):,} characters. {AGAIN}")
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise VaeFileError(path, f"tensor {shown} lacks dtype, shape or data_offsets, or has more. {AGAIN}")
    dtype, shape, places = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise VaeFileError(path, f"tensor {shown} has the unknown dtype {str(dtype)[:40]!r}.")
    if not _whole_numbers(shape) or len(shape) > MAX_DIMENSIONS:
        raise VaeFileError(path, f"tensor {shown} has no valid shape. {AGAIN}")
    if not _whole_numbers(places) or len(places) != 2 or places[0] > places[1]:
        raise VaeFileError(path, f"tensor {shown} has no valid data_offsets. {AGAIN}")
    bits = math.prod(shape) * BITS[dtype]
    if bits != 8 * (places[1] - places[0]):
        cause = f"tensor {shown} ({dtype} {shape}) needs {bits / 8:g} bytes and has {places[1] - places[0]}. {AGAIN}"
        raise VaeFileError(path, cause)
    return Tensor(dtype, tuple(shape), offset + places[0], offset + places[1])


def _whole_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)


def _check_places(tensors: dict[str, Tensor], start: int, size: int, path: Path) -> None:
    """As the format demands: the tensors fill the rest of the file, without holes and without sharing a byte."""
    reached, before = start, ""
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.start < reached:
            raise VaeFileError(path, f"tensors {before[:80]!r} and {name[:80]!r} overlap. {AGAIN}")
        if tensor.end > size:
            cause = f"it ends early: tensor {name[:80]!r} needs {tensor.end:,} bytes, the file has {size:,}. {AGAIN}"
            raise VaeFileError(path, cause)
        if tensor.start > reached:
            raise VaeFileError(path, f"there is a hole before tensor {name[:80]!r}. {AGAIN}")
        reached, before = tensor.end, name
    if reached != size:
        raise VaeFileError(path, f"{size - reached:,} bytes follow its last tensor. {AGAIN}")
