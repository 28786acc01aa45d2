"""A small table in a JSON file that several processes may write: never half-written, never the other's entry lost."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LIMIT = 64 * 2**20
PATIENCE = 5.0  # seconds to wait for another process
STALE = 30.0  # seconds after which a lock was left behind by one that died


class JsonFile:
    """name -> JSON value. `path` None keeps everything in memory. Damage is put aside, not overwritten."""

    def __init__(self, path: Path | str | None, limit: int = 2000) -> None:
        """limit: entries that are kept; the oldest go first."""
        self.path = Path(path) if path is not None else None
        self.limit = limit
        self._table: dict[str, Any] = {}
        self._seen: tuple[int, int] | None = None

    def get(self, name: str) -> Any:
        """The entry as it is in the file now; None where there is none."""
        self._refresh()
        return self._table.get(name)

    def items(self) -> Mapping[str, Any]:
        self._refresh()
        return dict(self._table)

    def put(self, name: str, value: Any) -> None:
        """Adds or replaces an entry (None removes it). OSError where it can't be written; memory has it even so."""
        if self.path is None:
            self._set(name, value)
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self.path):
                self._refresh()
                self._set(name, value)
                self._write(self.path)
        except OSError:
            self._set(name, value)
            raise

    def clear(self) -> None:
        """Removes all entries; nothing is written where there are none. OSError as in `put`."""
        if not self.items():
            return
        if self.path is None:
            self._table = {}
            return
        try:
            with _locked(self.path):
                self._table = {}
                self._write(self.path)
        except OSError:
            self._table = {}
            raise

    def _set(self, name: str, value: Any) -> None:
        self._table.pop(name, None)
        if value is not None:
            self._table[name] = value
        for old in list(self._table)[: max(0, len(self._table) - self.limit)]:
            del self._table[old]

    def _refresh(self) -> None:
        if self.path is None:
            return
        try:
            found = os.stat(self.path)
        except OSError:
            return
        seen = (found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            self._table = self._read(self.path)
            self._seen = seen

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            with open(path, "rb") as file:
                table = json.loads(file.read(LIMIT))
            if isinstance(table, dict):
                return table
        except OSError:
            return {}  # not ours to read; what is put stays in memory
        except (ValueError, RecursionError):
            pass
        try:
            os.replace(path, path.with_name(path.name + ".damaged"))
        except OSError:
            pass  # a folder that can't be written keeps the damage where it is
        return {}

    def _write(self, path: Path) -> None:
        handle, name = tempfile.mkstemp(prefix=path.name, suffix=".new", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf8") as file:
                json.dump(self._table, file, ensure_ascii=False, indent=0)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
        found = os.stat(path)
        self._seen = (found.st_mtime_ns, found.st_size)


class Texts(MutableMapping[str, str]):
    """Such a table as a plain mapping of texts; what can't be written is kept in memory."""

    def __init__(self, table: JsonFile) -> None:
        self._table = table

    def __getitem__(self, name: str) -> str:
        found = self._table.get(name)
        if not isinstance(found, str):
            raise KeyError(name)
        return found

    def __setitem__(self, name: str, text: str) -> None:
        self._put(name, text)

    def __delitem__(self, name: str) -> None:
        self._put(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.items())

    def __len__(self) -> int:
        return len(self._table.items())

    def _put(self, name: str, text: str | None) -> None:
        try:
            self._table.put(name, text)
        except OSError:
            pass


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time, by a file that only one can create. TimeoutError (an OSError) where it never comes free."""
    lock = path.with_name(path.name + ".lock")
    until = time.monotonic() + PATIENCE
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            _break_stale(lock)
            if time.monotonic() > until:
                raise TimeoutError(f"{path.name} is being written by another process") from None
            time.sleep(0.01)
    try:
        yield
    finally:
        try:
            os.unlink(lock)
        except OSError:
            pass  # another took it for stale; its own is gone with it


def _break_stale(lock: Path) -> None:
    try:
        if time.time() - os.stat(lock).st_mtime > STALE:
            os.unlink(lock)
    except OSError:
        pass  # its owner was quicker
