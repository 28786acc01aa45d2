"""SHA-256 of model files, kept between starts."""

from __future__ import annotations

import hashlib
import os
from typing import BinaryIO

from modules import shared
from modules.cache import cache, dump_cache

_BLOCK = 1024 * 1024


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def calculate_sha256(filename: str) -> str:
    """Hexadecimal SHA-256 of the whole file."""
    with open(filename, "rb") as file:
        return _digest(file)


def _section(use_addnet_hash: bool) -> dict:
    return cache("hashes-addnet" if use_addnet_hash else "hashes")


def sha256_from_cache(filename: str, title: str, use_addnet_hash: bool = False) -> str | None:
    """The kept hash, None if there is none, the file is newer or it is gone."""
    try:
        modified = os.path.getmtime(filename)
    except FileNotFoundError:
        return None
    entry = _section(use_addnet_hash).get(title, {})
    return entry.get("sha256") if modified <= entry.get("mtime", 0) else None


def sha256(filename: str, title: str, use_addnet_hash: bool = False) -> str | None:
    """The hash of the file, kept under `title` ("checkpoint/<name>", "vae/<name>"); None under --no-hashing."""
    known = sha256_from_cache(filename, title, use_addnet_hash)
    if known is not None or shared.cmd_opts.no_hashing:
        return known
    with open(filename, "rb") as file:
        value = addnet_hash_safetensors(file) if use_addnet_hash else _digest(file)
    _section(use_addnet_hash)[title] = {"mtime": os.path.getmtime(filename), "sha256": value}
    dump_cache()
    return value


def addnet_hash_safetensors(b: BinaryIO) -> str:
    """SHA-256 of a safetensors file without its header, so that metadata may change."""
    b.seek(0)
    header = int.from_bytes(b.read(8), "little")
    b.seek(8 + header)
    return _digest(b)
