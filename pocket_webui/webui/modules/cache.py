"""Small facts about files that are expensive to find out, kept between starts as JSON in the data folder."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import Any

from modules import errors
from modules.paths_internal import data_path

cache_filename = os.environ.get("SD_WEBUI_CACHE_FILE", os.path.join(data_path, "cache.json"))
cache_lock = threading.Lock()
cache_data: dict[str, dict[str, Any]] | None = None


def _read() -> dict[str, dict[str, Any]]:
    try:
        with open(cache_filename, encoding="utf8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}
    except Exception:
        errors.report(f"{cache_filename} cannot be read; starting with an empty cache", exc_info=True)
        return {}


def cache(subsection: str) -> dict[str, Any]:
    """The dictionary of a subsection; call `dump_cache` after changing it."""
    global cache_data
    with cache_lock:
        if cache_data is None:
            cache_data = _read()
        return cache_data.setdefault(subsection, {})


def dump_cache() -> None:
    """Write everything to disk; the file is replaced as a whole."""
    with cache_lock:
        os.makedirs(os.path.dirname(cache_filename), exist_ok=True)
        partial = f"{cache_filename}.{os.getpid()}.tmp"
        with open(partial, "w", encoding="utf8") as file:
            json.dump(cache_data or {}, file, indent=4, ensure_ascii=False)
        os.replace(partial, cache_filename)


def cached_data_for_file(subsection: str, title: str, filename: str, func: Callable[[], Any]) -> Any:
    """The kept value for `title`, or `func()` if there is none or the file is newer; None is not kept.

    FileNotFoundError if the file does not exist."""
    entries, modified = cache(subsection), os.path.getmtime(filename)
    entry = entries.get(title)
    if entry and "value" in entry and modified <= entry.get("mtime", 0):
        return entry["value"]
    value = func()
    if value is not None:
        entries[title] = {"mtime": modified, "value": value}
        dump_cache()
    return value
