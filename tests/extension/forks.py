"""Runs files of scenes, each in a process of its own that has the libraries imported from the start.

One process imports them, seconds of work, and forks for each file; where there is no fork, a new interpreter runs it.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

LIBRARIES = ("torch", "safetensors.torch", "gradio", "fastapi.testclient", "lark", "torchdiffeq", "torchsde",
             "transformers.models.clip.modeling_clip")  # fmt: skip
CHECKOUT = Path(__file__).resolve().parents[2]


def play(script: Path, scenes: str, data: Path, *flags: str, timeout: int = 900) -> dict:
    """What the scenes tell, by name, and "console"; data: folder of the WebUI. timeout: in seconds."""
    job = {"script": str(script), "arguments": [scenes, str(data), *flags], "folder": str(data), "timeout": timeout}
    with tempfile.TemporaryDirectory() as folder:
        places = [str(Path(folder, name)) for name in ("told", "console")]
        code = _forked({**job, "places": places}) if hasattr(os, "fork") else _started(job, places)
        told, console = (Path(place).read_text(encoding="utf8", errors="replace") for place in places)
    assert code == 0, console[-4000:]
    return {**json.loads(told), "console": console}


def _started(job: dict, places: list[str]) -> int:
    with open(places[0], "w") as told, open(places[1], "w") as console:
        command = [sys.executable, job["script"], *job["arguments"]]
        return subprocess.run(
            command, stdout=told, stderr=console, cwd=job["folder"], timeout=job["timeout"], check=False
        ).returncode


def _forked(job: dict) -> int:
    server = _server()
    server.stdin.write(json.dumps(job) + "\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())


@functools.cache
def _server() -> subprocess.Popen:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "GRADIO_ANALYTICS_ENABLED": "False"}
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, cwd=CHECKOUT
    )
    atexit.register(server.communicate)  # which closes its input, and so ends it
    return server


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for name in LIBRARIES:
        importlib.import_module(name)
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _become(job: dict) -> None:
    """The file as a program, as if Python had just been started with it."""
    code = 1
    try:
        signal.alarm(job["timeout"])
        os.chdir(job["folder"])
        for number, place in enumerate(job["places"], 1):
            os.dup2(os.open(place, os.O_WRONLY | os.O_CREAT, 0o600), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv, sys.path[0] = [job["script"], *job["arguments"]], str(Path(job["script"]).parent)
        runpy.run_path(job["script"], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
