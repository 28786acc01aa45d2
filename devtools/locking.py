"""`dev.py lock`: requirements/<name>.in -> requirements/<name>.lock, for every platform and Python 3.10 and up."""

from __future__ import annotations

import tempfile
from pathlib import Path

from devtools import environments, pipsettings
from devtools.console import ROOT, Failed, run, say

HEADER = "# Made by `python dev.py lock` from {name}.in: edit that.\n"


def lock(names: list[str]) -> int:
    """Writes the locks of the environments `names` (all when empty), each after those it takes versions from."""
    uv = environments.uv()
    settings = pipsettings.uv_variables(environments.ENVIRONMENTS["demo"].interpreter)
    settings.pop("UV_FIND_LINKS", None)  # a folder of this machine's own builds must not decide what others get
    for name in names or list(environments.ENVIRONMENTS):
        if name not in environments.ENVIRONMENTS:
            raise Failed(f"No environment is called {name}; there are {', '.join(environments.ENVIRONMENTS)}.")
        target = environments.ENVIRONMENTS[name].lock
        say(f"resolving {target.relative_to(ROOT)}")
        _compile(uv, target, settings)
    return 0


def _compile(uv: Path, target: Path, settings: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # torch is installed beside the lock: see requirements/torch.txt
        excludes = Path(folder, "excludes.txt")
        excludes.write_text(environments.EXCLUDES.read_text(encoding="utf8") + "\ntorch\n", encoding="utf8")
        made = Path(folder, "made.lock")
        if target.exists():
            made.write_bytes(target.read_bytes())  # uv keeps the versions it finds there where they still fit
        command: list[str | Path] = [
            uv, "pip", "compile", target.with_suffix(".in"), "--output-file", made, "--excludes", excludes,
            "--universal", "--python-version", "3.10", "--no-header", "--no-annotate", "--quiet",
        ]  # fmt: skip
        if run(command, settings):
            raise Failed(f"uv could not resolve {target.with_suffix('.in').name}.\n{environments.NETWORK_HELP}")
        body = made.read_text(encoding="utf8")
    target.write_text(HEADER.format(name=target.stem) + body, encoding="utf8", newline="\n")
