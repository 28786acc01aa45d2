"""Hashes of VAE files, kept between runs by path, size and time.

sha256 is of the file, as other programs print it. The weight hash is of the VAE in it: fp32 and fp16 copies, other
layouts, other names and a whole checkpoint with the same VAE have the same one. bf16 and fp8 copies are other weights.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import torch

from .errors import VaeFileError
from .header import Header, Identity, identity_of, open_file, read_tensor_bytes
from .inspect import Opened, require
from .jsonfile import JsonFile
from .layouts import Naming
from .lineage import TORCH

CHUNK = 2**22
LENGTH = 10  # characters that are shown, as A1111 does


class Hashes:
    """The cache. path: a JSON file of ours, or None for memory only. What can't be kept is computed again."""

    def __init__(self, path: Path | str | None = None) -> None:
        self._file = JsonFile(path)

    def known(self, identity: Identity, kind: str) -> str:
        """A hash that was computed for this state of the file; "" otherwise. kind: "sha256" or "weights"."""
        found = self._file.get(identity.key())
        return str(found.get(kind, "")) if isinstance(found, dict) else ""

    def sha256(self, path: Path | str) -> str:
        """Of the whole file; seconds for a large one the first time. VaeFileError: it can't be read."""
        return self._computed(identity_of(path), "sha256", lambda: file_sha256(path))

    def weights(self, path: Path | str) -> str:
        """The weight hash of the VAE in a file. VaeFileError: there is none."""
        identity = identity_of(path)
        return self._computed(identity, "weights", lambda: weight_hash(require(path)))

    def _computed(self, identity: Identity, kind: str, compute: Callable[[], str]) -> str:
        found = self.known(identity, kind)
        if not found:
            found = compute()
            if identity_of(identity.path) == identity:  # else it was written meanwhile
                self._keep(identity, kind, found)
        return found

    def _keep(self, identity: Identity, kind: str, value: str) -> None:
        before = self._file.get(identity.key())
        entry = {**(before if isinstance(before, dict) else {}), kind: value}
        try:
            self._file.put(identity.key(), entry)
        except OSError:
            pass  # a read-only or full disk costs time, not the answer; memory has it


def file_sha256(path: Path | str) -> str:
    """sha256 of a file's bytes."""
    found = sha256()
    with open_file(path) as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def weight_hash(opened: Opened) -> str:
    """sha256 over the VAE's canonical names and values rounded to fp16. VaeFileError: the file changed meanwhile."""
    if opened.naming is None:
        raise VaeFileError(opened.info.path, opened.info.problem)
    return _weight_hash(opened.info.path, opened.header, opened.naming)


def _weight_hash(path: Path, header: Header, naming: Naming) -> str:
    found = sha256()
    with open_file(path) as file:
        for name in sorted(naming.names):
            place = header.tensors[naming.names[name]]
            if place.dtype not in TORCH:
                raise VaeFileError(path, f"weights stored as {place.dtype} can't be read here.")
            try:
                raw = bytearray(read_tensor_bytes(file, place))
            except EOFError as error:
                raise VaeFileError(path, f"{error}.") from None
            found.update(f"{name}:{place.count}:".encode())
            if raw:
                found.update(torch.frombuffer(raw, dtype=TORCH[place.dtype]).to(torch.float16).numpy().data)
    if identity_of(path) != header.identity:
        raise VaeFileError(path, "it was written again while it was read. Try again.")
    return found.hexdigest()
