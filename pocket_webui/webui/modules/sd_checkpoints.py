"""Which checkpoint files there are, and how they are named. Its names are read through modules.sd_models."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import sys
from typing import Any

from modules import cache, errors, hashes, paths, shared

model_dir = "Stable-diffusion"
model_path = os.path.abspath(os.path.join(paths.models_path, model_dir))
default_checkpoint = "pocket.safetensors"

checkpoints_list: dict[str, CheckpointInfo] = {}
checkpoint_aliases: dict[str, CheckpointInfo] = {}

_HASH_AT_END = re.compile(r"\s*\[[^]]+]\s*$")
_UNET_PREFIX = "model.diffusion_model."
_VAE_ENDINGS = ("-vae", "-ema", "-mse", ".vae")


def _header(filename: str) -> dict[str, Any]:
    """The JSON header of a safetensors file. Raises ValueError if it is none."""
    with open(filename, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 < length <= max(0, os.path.getsize(filename) - 8):
            raise ValueError(f"{filename} is not a safetensors file")
        return json.loads(file.read(length))


def read_metadata_from_safetensors(filename: str) -> dict[str, Any]:
    """The file's metadata; JSON objects in it are parsed. Raises ValueError if it is no safetensors file."""
    metadata = _header(filename).get("__metadata__", {})
    return {key: _parsed(value) for key, value in metadata.items()}


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and value.startswith("{") else value
    except ValueError:
        return value


def is_vae_file(filename: str) -> bool:
    """True for a file that holds a VAE and no U-Net; an unreadable one is judged by its name."""
    try:
        return not any(key.startswith(_UNET_PREFIX) for key in _header(filename))
    except (OSError, ValueError):
        return os.path.splitext(filename)[0].endswith(_VAE_ENDINGS)


def model_hash(filename: str) -> str:
    """The WebUI's old short hash, of 64 KiB at 1 MiB; "NOFILE" if there is no such file."""
    try:
        with open(filename, "rb") as file:
            file.seek(0x100000)
            return hashlib.sha256(file.read(0x10000)).hexdigest()[:8]
    except FileNotFoundError:
        return "NOFILE"


def _name_of(filename: str) -> str:
    """Path below the checkpoint folder it is in, else the bare file name."""
    path = os.path.abspath(filename)
    for folder in (shared.cmd_opts.ckpt_dir, model_path):
        if folder and path.startswith(os.path.abspath(folder) + os.sep):
            return os.path.relpath(path, folder)
    return os.path.basename(filename)


class CheckpointInfo:
    """A checkpoint file and the names it answers to (ids): file name, stem, title with hash, hashes."""

    def __init__(self, filename: str) -> None:
        self.filename = filename
        self.is_safetensors = os.path.splitext(filename)[1].lower() == ".safetensors"
        self.name = _name_of(filename)
        self.name_for_extra = os.path.splitext(os.path.basename(filename))[0]
        self.model_name = os.path.splitext(self.name.replace("/", "_").replace("\\", "_"))[0]
        self.hash = model_hash(filename)
        self.modelspec_thumbnail: Any = None
        self.metadata: dict[str, Any] = self._read_metadata() if self.is_safetensors else {}
        self.ids = [self.hash, self.model_name, self.name, self.name_for_extra, f"{self.name} [{self.hash}]"]
        self.sha256: str | None = None
        self.shorthash: str | None = None
        self.title, self.short_title = self.name, self.name_for_extra
        self._take_hash(hashes.sha256_from_cache(filename, f"checkpoint/{self.name}"))

    def register(self) -> None:
        checkpoints_list[self.title] = self
        checkpoint_aliases.update(dict.fromkeys(self.ids, self))

    def calculate_shorthash(self) -> str | None:
        """First ten characters of the file's sha256, computed if need be; the title then carries it."""
        old_title, known = self.title, self.shorthash
        self._take_hash(hashes.sha256(self.filename, f"checkpoint/{self.name}"))
        if self.shorthash != known:
            self._retitle(old_title)
        return self.shorthash

    def _read_metadata(self) -> dict[str, Any]:
        def read() -> dict[str, Any]:
            return read_metadata_from_safetensors(self.filename)

        try:
            found = cache.cached_data_for_file("safetensors-metadata", f"checkpoint/{self.name}", self.filename, read)
        except Exception as error:
            errors.display(error, f"reading metadata for {self.filename}")
            return {}
        self.modelspec_thumbnail = found.pop("modelspec.thumbnail", None)
        return found

    def _take_hash(self, sha256: str | None) -> None:
        if sha256 is None:
            return
        self.sha256, self.shorthash = sha256, sha256[:10]
        self.title = f"{self.name} [{self.shorthash}]"
        self.short_title = f"{self.name_for_extra} [{self.shorthash}]"
        new = [self.shorthash, sha256, self.title, self.short_title]
        self.ids += [name for name in new if name not in self.ids]

    def _retitle(self, old_title: str) -> None:
        """Registers under the new title at the old place in the list, and keeps all names."""
        listed = {self.title if title == old_title else title: info for title, info in checkpoints_list.items()}
        checkpoints_list.clear()
        checkpoints_list.update(listed)
        self.register()


def _below(folder: str | None) -> list[str]:
    if not folder:
        return []
    found = glob.glob(os.path.join(glob.escape(folder), "**", "*.safetensors"), recursive=True)
    return sorted((x for x in found if not x.endswith(".vae.safetensors")), key=shared.natural_sort_key)


def _shipped() -> list[str]:
    files = [path for path in _below(paths.shipped_models_path) if not is_vae_file(path)]
    return sorted(files, key=lambda path: os.path.basename(path) != default_checkpoint)


def list_models() -> None:
    """Looks for checkpoints: those that ship with the pocket WebUI, the data folder's, --ckpt-dir's, and --ckpt."""
    checkpoints_list.clear()
    checkpoint_aliases.clear()
    chosen = shared.cmd_opts.ckpt
    if chosen is not None and os.path.exists(chosen):
        info = CheckpointInfo(chosen)
        info.register()
        shared.opts.data["sd_model_checkpoint"] = info.title
    elif chosen is not None:
        print(f"--ckpt: there is no file {chosen}; the first checkpoint found is used", file=sys.stderr)
    for path in [*_shipped(), *_below(model_path), *_below(shared.cmd_opts.ckpt_dir)]:
        CheckpointInfo(path).register()


def checkpoint_tiles(use_short: bool = False) -> list[str]:
    return [info.short_title if use_short else info.title for info in checkpoints_list.values()]


def get_closet_checkpoint_match(search_string: str | None) -> CheckpointInfo | None:
    """The checkpoint of that name, hash or title; else the shortest title that contains the text, its hash aside."""
    if not search_string:
        return None
    if search_string in checkpoint_aliases:
        return checkpoint_aliases[search_string]
    for text in (search_string, _HASH_AT_END.sub("", search_string)):
        found = [info for info in checkpoints_list.values() if text in info.title]
        if found:
            return min(found, key=lambda info: len(info.title))
    return None


def select_checkpoint() -> CheckpointInfo:
    """The setting's checkpoint, else the first one found. Raises FileNotFoundError if there is none."""
    wanted = shared.opts.sd_model_checkpoint
    if wanted in checkpoint_aliases:
        return checkpoint_aliases[wanted]
    if not checkpoints_list:
        folders = [paths.shipped_models_path, model_path, *filter(None, [shared.cmd_opts.ckpt_dir])]
        listed = "".join(f"\n - {folder}" for folder in folders)
        raise FileNotFoundError(f"No checkpoint found. Put a .safetensors file and its .yaml into one of:{listed}")
    info = next(iter(checkpoints_list.values()))
    if wanted is not None:
        print(f"Checkpoint {wanted} not found; loading fallback {info.title}", file=sys.stderr)
    return info
