"""A machine's pip settings (mirrors, folders of wheels, certificates), said in uv's words: uv does not read pip's."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

from devtools.console import output_of

# pip's name -> uv's variable, for settings that translate word by word
NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "HTTPS_PROXY",
}
# What pip itself prefers: a command's section over [global], the environment over both.
RANKS = {"global": 0, "install": 1, ":env:": 2}
LINE = re.compile(r"^(:env:|global|install)\.([\w-]+)=(.+)$")
COMMA_SEPARATED = ("UV_FIND_LINKS",)


def parse(listing: str) -> dict[str, list[str]]:
    """The values by name from what `pip config list` prints, the strongest source winning."""
    found: dict[str, tuple[int, list[str]]] = {}
    for line in listing.splitlines():
        match = LINE.match(line.strip())
        if not match:
            continue
        section, name, quoted = match.groups()
        name = name.replace("_", "-")
        rank = RANKS[section]
        if rank >= found.get(name, (-1, []))[0]:
            found[name] = (rank, _values(quoted))
    return {name: values for name, (_, values) in found.items()}


def _values(quoted: str) -> list[str]:
    try:
        text = ast.literal_eval(quoted)
    except (SyntaxError, ValueError):
        text = quoted
    return str(text).split()


def for_uv(settings: dict[str, list[str]]) -> dict[str, str]:
    """uv's variables for pip's `settings`; what the person has set for uv already stays."""
    variables = {}
    for name, variable in NAMES.items():
        values = [value for value in settings.get(name, []) if value]
        if values and variable not in os.environ:
            variables[variable] = ("," if variable in COMMA_SEPARATED else " ").join(values)
    if "UV_INDEX" in variables and "UV_INDEX_STRATEGY" not in os.environ:
        variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip treats all its indexes as equals
    if settings.get("no-index", ["0"])[0].lower() in ("1", "true", "yes", "on"):
        variables["UV_NO_INDEX"] = "1"
    return variables


def uv_variables(python: Path) -> dict[str, str]:
    """uv's variables for the pip settings that `python -m pip` would use."""
    return for_uv(parse(output_of([python, "-m", "pip", "config", "list"])))
