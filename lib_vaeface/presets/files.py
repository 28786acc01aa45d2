"""Files that are whole or not there, whatever dies meanwhile, and one writer at a time among all processes."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WRITING = ".writing"  # the end of a temporary file's name
LOCK = "vaeface.lock"
PATIENCE = 20.0  # seconds to wait for other processes
GAP = 0.003  # seconds between two turns of one process
REPLACE_TRIES = 20  # on Windows
LEFT_BEHIND = 60.0  # seconds after which a temporary file belongs to nobody any more
LIMIT = 2**20  # bytes of one preset


class FileRefused(ValueError):
    """A file that can't be read or written; the message says why and names no folder."""


def read(path: Path, limit: int = LIMIT) -> bytes:
    """FileNotFoundError; FileRefused: a link, no plain file, not to be opened. Longer files: `limit` + 1 bytes."""
    plain(path)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileRefused(f"{path.name} can't be read: {reason(error)}.") from error


def plain(path: Path) -> None:
    """FileNotFoundError: nothing is there. FileRefused: something that is no plain file."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileRefused(f"{path.name} can't be read: {reason(error)}.") from error
    if stat.S_ISLNK(found.st_mode):
        raise FileRefused(f"{path.name} is a link to somewhere else; it was left alone.")
    if not stat.S_ISREG(found.st_mode):
        raise FileRefused(f"{path.name} is no file; it was left alone.")


def write(path: Path, data: bytes) -> None:
    """Take the place of `path` in one step, on the disk when this returns. FileRefused: the old one is as it was."""
    try:
        plain(path)
    except FileNotFoundError:
        pass
    try:
        handle, name = tempfile.mkstemp(suffix=WRITING, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
        settle(path.parent)
    except OSError as error:
        raise FileRefused(f"{path.stem} was not saved: {reason(error)}.") from error


def _replace(name: str, path: Path) -> None:
    """Windows replaces no file that somebody is just reading."""
    for left in reversed(range(REPLACE_TRIES)):
        try:
            os.replace(name, path)
            return
        except PermissionError:
            if sys.platform != "win32" or not left:
                raise
            time.sleep(0.01)


def settle(folder: Path) -> None:
    """Have the folder's own list of names on the disk, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except OSError:
        return  # Windows opens no folders, and needs no such step
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def move(path: Path, folder: Path) -> Path:
    """Move a file into a folder, under its name with a number if that is taken there. FileRefused.

    To be called by whoever holds the lock: a name that is free must stay so.
    """
    try:
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise FileRefused(f"{folder.name} is a link to somewhere else; {path.name} was left alone.")
        target = folder / path.name
        number = 1
        while os.path.lexists(target):
            number += 1
            target = folder / f"{path.stem} {number}{path.suffix}"
        os.rename(path, target)
        settle(folder)
        settle(path.parent)
    except OSError as error:
        raise FileRefused(f"{path.name} can't be moved: {reason(error)}.") from error
    return target


def sweep(folder: Path) -> None:
    """Remove temporary files of processes that died."""
    until = time.time() - LEFT_BEHIND
    try:
        for entry in os.scandir(folder):
            if entry.name.endswith(WRITING) and entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < until:
                os.unlink(entry)
    except OSError:
        pass  # another process was quicker, or the folder is read-only: they do no harm


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time; the system frees the lock of one that dies. FileRefused: it never comes free."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    except OSError as error:
        raise FileRefused(f"The folder of presets can't be written: {reason(error)}.") from error
    try:
        _wait_for(handle)
        yield
    finally:
        os.close(handle)  # which lets go of it, too
        time.sleep(GAP)  # so that whoever waits sees it free, even if this process comes again at once


def _wait_for(handle: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            _take(handle)
            return
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                return  # a file system without locks: what is written is whole even so
        if time.monotonic() > until:
            raise FileRefused("Another program is writing presets and does not finish; try again.")
        time.sleep(GAP / 3)


def _take(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def reason(error: OSError) -> str:
    """The system's words, without the path that it adds to them."""
    words = {errno.ENOSPC: "the disk is full", errno.EROFS: "the disk is read-only"}
    return words.get(error.errno or 0) or (error.strerror or type(error).__name__).lower()
