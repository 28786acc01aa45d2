"""Reads the tensors out of a PyTorch pickle without running anything in it.

A pickle is a program. This reader lets it build plain tables and say where tensors lie, and nothing more: every class
and function it asks for is replaced by an inert stand-in of ours, and one that has no business in a checkpoint ends the
reading. That holds on every version of torch; `torch.load` is not used. Meant for a process of its own (see convert).
"""

from __future__ import annotations

import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

PROGRAM_LIMIT = 64 * 2**20  # bytes of the pickle itself, without the tensors
MAGIC = 0x1950A86A20F9469CFC6C  # of PyTorch's older format, before zip
# Modules that checkpoints name for things other than tensors (callbacks, settings, numbers of numpy).
HARMLESS = ("torch", "numpy", "collections", "pytorch_lightning", "lightning", "lightning_fabric", "omegaconf",
            "typing", "argparse", "_codecs", "copy_reg", "copyreg", "pathlib", "datetime")  # fmt: skip
HARMLESS_BUILTINS = ("set", "frozenset", "dict", "list", "tuple", "int", "float", "complex", "bool", "str", "bytes",
                     "bytearray", "slice", "range", "object")  # fmt: skip
STORAGES = {
    "DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}  # fmt: skip


class PickleError(ValueError):
    """The pickle can't be read, or asks for what a checkpoint does not need; the text says which."""


class Table(dict[Any, Any]):
    """A dictionary that takes no attributes."""

    def __setstate__(self, state: Any) -> None:
        pass


class Inert:
    """Stands for any object: takes everything, does nothing."""

    def __new__(cls, *arguments: Any, **named: Any) -> Inert:
        return object.__new__(cls)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        pass

    def ignore(self, *arguments: Any) -> None:
        pass

    __setstate__ = __setitem__ = append = extend = add = ignore


@dataclass(frozen=True)
class Storage:
    """A run of numbers somewhere in the file."""

    key: str
    dtype: torch.dtype
    count: int


@dataclass(frozen=True)
class Place:
    """A tensor: its storage, and which of its numbers, all counted in elements."""

    storage: Storage
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class Pickled:
    """The tensors of a file by name. `read` gives the bytes of a storage."""

    places: Mapping[str, Place]
    read: Callable[[Storage], bytes]

    def tensor(self, name: str) -> torch.Tensor:
        """One tensor, contiguous. PickleError: it does not lie in its storage, or that is damaged."""
        place = self.places[name]
        try:
            raw = bytearray(self.read(place.storage))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise PickleError(f"the numbers of {name[:80]!r} can't be read ({str(error)[:120]})") from None
        if len(raw) != place.storage.count * place.storage.dtype.itemsize:
            raise PickleError(f"it ends within {name[:80]!r}")
        flat = torch.frombuffer(raw, dtype=place.dtype) if raw else torch.empty(0, dtype=place.dtype)
        last = place.offset + sum((size - 1) * step for size, step in zip(place.shape, place.stride, strict=True))
        empty = 0 in place.shape
        if min((place.offset, *place.shape, *place.stride)) < 0 or (not empty and last >= len(flat)):
            raise PickleError(f"tensor {name[:80]!r} lies outside its storage")
        return torch.as_strided(flat, place.shape, place.stride, place.offset).contiguous()


def read_pickle(path: Path) -> Pickled:
    """The tensors of a .pt or .ckpt file, in either of PyTorch's formats. The file must stay until they are read.

    PickleError: it is damaged, too old, or asks for code.
    """
    try:
        return _read_zip(path) if zipfile.is_zipfile(path) else _read_plain(path)
    except PickleError:
        raise
    except Exception as error:  # a damaged pickle raises anything at all
        raise PickleError(f"it is damaged ({type(error).__name__}: {str(error)[:120]})") from None


def _read_zip(path: Path) -> Pickled:
    archive = zipfile.ZipFile(path)
    programs = [info for info in archive.infolist() if info.filename.endswith("/data.pkl")]
    if len(programs) != 1:
        raise PickleError("it is a zip archive, but no PyTorch file")
    root = programs[0].filename.removesuffix("data.pkl")
    if programs[0].file_size > PROGRAM_LIMIT:
        raise PickleError("its pickle is too large")
    order = root + "byteorder"
    if order in archive.namelist() and archive.read(order).strip() != b"little":
        raise PickleError("its numbers are in big-endian order")

    def read(storage: Storage) -> bytes:
        info = archive.getinfo(f"{root}data/{storage.key}")
        if info.file_size != storage.count * storage.dtype.itemsize:
            raise ValueError(f"{info.file_size} bytes")  # before an archive may unpack to anything
        return archive.read(info)

    with archive.open(programs[0]) as program:
        return Pickled(dict(_tensors(_Reader(program).load())), read)


def _read_plain(path: Path) -> Pickled:
    """PyTorch's format before 1.6: magic, version, machine, the object, the keys of storages, then their bytes."""
    with open(path, "rb") as file:
        if _Reader(file).load() != MAGIC:
            raise PickleError("it is a pickle, but no PyTorch file")
        _Reader(file).load()  # version of the format
        machine = _Reader(file).load()
        if not machine.get("little_endian", True):
            raise PickleError("its numbers are in big-endian order")
        reader = _Reader(file)
        places = dict(_tensors(reader.load()))
        starts = {}
        for key in _Reader(file).load():
            (count,) = struct.unpack("<q", file.read(8))
            starts[str(key)] = file.tell()
            file.seek(count * reader.storages[str(key)].dtype.itemsize, 1)

    def read(storage: Storage) -> bytes:
        with open(path, "rb") as file:
            file.seek(starts[storage.key])
            return file.read(storage.count * storage.dtype.itemsize)

    return Pickled(places, read)


class _Reader(pickle.Unpickler):
    """An unpickler that finds nothing but stand-ins."""

    def __init__(self, file: BinaryIO | Any) -> None:
        super().__init__(file)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        top = module.partition(".")[0]
        if module == "collections" and name in ("OrderedDict", "defaultdict"):
            return Table if name == "OrderedDict" else Inert
        if module == "torch._utils" and name in REBUILD:
            return REBUILD[name]
        if module in ("torch", "torch.storage") and name in STORAGES:
            return STORAGES[name]
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        if top in ("builtins", "__builtin__") and name in HARMLESS_BUILTINS:
            return Inert
        if top in HARMLESS:
            return Inert
        raise PickleError(
            f"it asks for {module}.{name}"[:120] + ", which no VAE needs: it may be harmful. Don't use it"
        )

    def persistent_load(self, saved: Any) -> Storage:
        kind, dtype, key, _, count = saved[:5]
        if kind != "storage" or not isinstance(dtype, torch.dtype) or not isinstance(count, int) or count < 0:
            raise PickleError("it has a storage of an unknown kind")
        if len(saved) > 5 and saved[5] is not None:
            raise PickleError("its format is too old (views of storages)")
        self.storages[str(key)] = Storage(str(key), dtype, count)
        return self.storages[str(key)]


def _rebuild(storage: Storage, offset: int, shape: Any, stride: Any, *rest: Any) -> Place:
    numbers = (offset, *shape, *stride)
    if not isinstance(storage, Storage) or not all(isinstance(number, int) for number in numbers):
        raise PickleError("it has a tensor of an unknown kind")
    return Place(storage, storage.dtype, offset, tuple(shape), tuple(stride))


def _rebuild_typed(storage: Storage, offset: int, shape: Any, stride: Any, *rest: Any) -> Place:
    """Newer dtypes: the storage is bytes, the dtype is the third of what follows."""
    place = _rebuild(storage, offset, shape, stride)
    return Place(storage, rest[2], place.offset, place.shape, place.stride)


def _parameter(place: Any, *rest: Any) -> Any:
    return place


REBUILD: dict[str, Callable[..., Any]] = {
    "_rebuild_tensor": _rebuild, "_rebuild_tensor_v2": _rebuild, "_rebuild_tensor_v3": _rebuild_typed,
    "_rebuild_parameter": _parameter,
}  # fmt: skip


def _tensors(found: Any) -> Iterator[tuple[str, Place]]:
    """The tensors of the state dict, which may lie one table deeper."""
    if not isinstance(found, dict):
        raise PickleError("it holds no table of tensors")
    inner = found.get("state_dict", found)
    for name, value in (inner if isinstance(inner, dict) else found).items():
        if isinstance(name, str) and isinstance(value, Place):
            yield name, value
