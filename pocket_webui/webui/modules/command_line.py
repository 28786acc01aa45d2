"""Where the WebUI's command line comes from: a caller inside this process, or the process's own arguments."""

from __future__ import annotations

import os
import shlex
import sys

_given: list[str] | None = None


def use(arguments: list[str]) -> None:
    """Make `arguments` the command line. Must be called before any other module of the WebUI is imported,
    since paths and flags are read once at import, as A1111 does."""
    global _given
    _given = list(arguments)


def arguments() -> list[str]:
    """The flags to parse, without the program's name; `COMMANDLINE_ARGS` from the environment is appended."""
    extra = shlex.split(os.environ.get("COMMANDLINE_ARGS", ""))
    return [*(sys.argv[1:] if _given is None else _given), *extra]
