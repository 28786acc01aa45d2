"""Small helpers about files and order, used all over the WebUI."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping

from modules.paths_internal import cwd, script_path

_DIGITS = re.compile(r"([0-9]+)")


def natural_sort_key(s: str, regex: re.Pattern[str] = _DIGITS) -> list[int | str]:
    """Sort key under which "a10" follows "a9"."""
    return [int(part) if part.isdigit() else part.lower() for part in regex.split(s)]


def listfiles(dirname: str) -> list[str]:
    """Paths of the files in `dirname` that are not hidden, in natural order."""
    names = sorted((name for name in os.listdir(dirname) if not name.startswith(".")), key=natural_sort_key)
    return [path for path in (os.path.join(dirname, name) for name in names) if os.path.isfile(path)]


def html_path(filename: str) -> str:
    return os.path.join(script_path, "html", filename)


def html(filename: str) -> str:
    """Text of a file in the html folder, "" if it cannot be read."""
    try:
        with open(html_path(filename), encoding="utf8") as file:
            return file.read()
    except OSError:
        return ""


def walk_files(path: str, allowed_extensions: Iterable[str] | None = None) -> Iterator[str]:
    """Paths of all files below `path`, links followed, in natural order; extensions are like ".pt", lower case."""
    from modules import shared

    allowed = None if allowed_extensions is None else set(allowed_extensions)
    for root, _, files in sorted(os.walk(path, followlinks=True), key=lambda item: natural_sort_key(item[0])):
        if not shared.opts.list_hidden_files and ("/." in root or "\\." in root):
            continue
        for name in sorted(files, key=natural_sort_key):
            if allowed is None or os.path.splitext(name)[1].lower() in allowed:
                yield os.path.join(root, name)


def ldm_print(*args: object, **kwargs: object) -> None:
    """`print`, unless the option hide_ldm_prints silences it."""
    from modules import shared

    if not shared.opts.hide_ldm_prints:
        print(*args, **kwargs)  # type: ignore[call-overload]


def truncate_path(target_path: str, base_path: str = cwd) -> str:
    """`target_path` relative to `base_path` where it lies below it, else absolute."""
    target, base = os.path.abspath(target_path), os.path.abspath(base_path)
    try:
        inside = os.path.commonpath([target, base]) == base
    except ValueError:  # different drives
        inside = False
    return os.path.relpath(target, base) if inside else target


def topological_sort(dependencies: Mapping[str, Iterable[str]]) -> list[str]:
    """Names ordered so that each follows what it depends on; otherwise the given order is kept.

    Unknown dependencies are ignored, and in a circle the link that closes it."""
    seen: set[str] = set()
    result: list[str] = []

    def visit(name: str) -> None:
        seen.add(name)
        for needed in dependencies.get(name, ()):
            if needed in dependencies and needed not in seen:
                visit(needed)
        result.append(name)

    for name in dependencies:
        if name not in seen:
            visit(name)
    return result


class MassFileLister:
    """Answers whether files exist and how old they are, reading each folder only once."""

    def __init__(self) -> None:
        self.cached_dirs: dict[str, dict[str, tuple[str, float, float]]] = {}

    def _entries(self, dirname: str) -> dict[str, tuple[str, float, float]]:
        if dirname not in self.cached_dirs:
            stats = [(entry.name, entry.stat(follow_symlinks=False)) for entry in os.scandir(dirname)]
            self.cached_dirs[dirname] = {name: (name, stat.st_mtime, stat.st_ctime) for name, stat in stats}
        return self.cached_dirs[dirname]

    def find(self, path: str) -> tuple[str, float, float] | None:
        """(name, modification time, creation time), or None if there is no such file."""
        dirname, filename = os.path.split(path)
        return self._entries(dirname).get(filename)

    def exists(self, path: str) -> bool:
        return self.find(path) is not None

    def mctime(self, path: str) -> tuple[float, float]:
        """Modification and creation time, (0, 0) if there is no such file."""
        found = self.find(path)
        return (0, 0) if found is None else found[1:]

    def reset(self) -> None:
        self.cached_dirs.clear()

    def update_file_entry(self, path: str) -> None:
        """Make a file known that was written after its folder was read."""
        dirname, filename = os.path.split(path)
        if dirname in self.cached_dirs and os.path.exists(path):
            stat = os.stat(path)
            self.cached_dirs[dirname][filename] = (filename, stat.st_mtime, stat.st_ctime)


def open_folder(path: str) -> None:
    """Show a folder in the system's file manager. What is no folder, and a system without one, are said on the page."""
    import gradio as gr

    opener = {"win32": "explorer", "darwin": "open"}.get(sys.platform, "xdg-open")
    if not os.path.isdir(path):
        gr.Warning(f'There is no folder "{path}" yet: it is made when the first picture is saved.')
    elif shutil.which(opener) is None:
        gr.Warning(f'No program here opens folders; the pictures are in "{os.path.abspath(path)}".')
    else:
        subprocess.Popen([opener, os.path.normpath(path)])
