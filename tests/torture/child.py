"""The pocket WebUI in a process of its own, in which parts of the torture work, and what it says of its progress.

`run` starts it as `python child.py '{"faults": {"count": 9, "seed": 0}}' DATA_DIR --extension DIR`: of each part that
is named, `work` of the file faults_run.py is called. It prints a line of JSON for every step, and a last one.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

EXTENSION = Path(__file__).resolve().parents[1] / "extension"
CHECKOUT = EXTENSION.parents[1]
SILENT = 900  # seconds without a word after which a process is taken for dead


def run(asked: dict[str, dict[str, Any]], told: Callable[[int, int], None], *flags: str) -> dict[str, Any]:
    """What each part gives, by its name. RuntimeError: the process ended early; the text has the end of its console."""
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryFile("w+", encoding="utf8") as console:
        command = [sys.executable, __file__, json.dumps(asked), data]
        process = subprocess.Popen(
            [*command, "--extension", str(CHECKOUT), *flags],
            cwd=data,
            stdout=subprocess.PIPE,
            stderr=console,
            text=True,
        )
        result = None
        try:
            for line in _lines(process):
                said = json.loads(line)
                result = said.get("result", result)
                if "done" in said:
                    told(*said["done"])
        finally:
            process.kill() if sys.exc_info()[0] else None
            process.wait()
        if result is None or process.returncode:
            console.seek(0)
            raise RuntimeError(
                f"{', '.join(asked)}: the process ended with {process.returncode}: {console.read()[-3000:]}"
            )
        found: dict[str, Any] = result
        return found


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """What a process prints; one that says nothing for too long is ended."""
    assert process.stdout is not None
    while True:
        dead = threading.Timer(SILENT, process.kill)
        dead.start()
        try:
            line = process.stdout.readline()
        finally:
            dead.cancel()
        if not line:
            return
        yield line


def main() -> None:
    """Start the pocket WebUI as the command line says and do the work in it."""
    sys.path.insert(0, str(EXTENSION))
    out = sys.stdout

    def say(**what: Any) -> None:
        print(json.dumps(what), file=out, flush=True)

    with contextlib.redirect_stdout(sys.stderr):
        import pocket_run

        asked, data, *flags = sys.argv[1:]
        sys.argv = [sys.argv[0], "", data, *flags]  # as the scenes of tests/extension expect it
        pocket_run.start(data, ["--disable-console-progressbars", *flags])
        result = {}
        for name, arguments in json.loads(asked).items():
            work = importlib.import_module(f"{name}_run").work
            result[name] = work(arguments, lambda done, total: say(done=[done, total]))
        say(result=result)


if __name__ == "__main__":
    main()
