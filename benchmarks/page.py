"""What the extension adds to a WebUI's start and to its page. `python -m benchmarks page`.

Starts of the pocket WebUI, or with --a1111 of the real A1111, with the extension and without it in turn, each in a
process of its own up to the built page; the model is not loaded. All find the extension at one path, so that Python
compiles it once. Python's garbage collector rests: one look of its at all that a WebUI has loaded takes longer than our
part, and falls into one phase or another. CPU time of the starting thread: what a busy machine
adds is left out. Scripts are those that the WebUI puts into its page.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import a1111
from benchmarks.flags import ROOT, Flags, flags
from benchmarks.pocket import MODEL
from benchmarks.summary import found
from benchmarks.tables import machine, table

SECONDS, SCRIPT = 0.3, 30_000
CHILD, WITH = "--one-start", "--with-extension"
PHASES = {
    "scripts": "scripts loaded", "own": "our files among them", "page": "page built", "app": "routes added",
    "all": "whole start",
}  # fmt: skip
Start = dict[str, Any]


def one_start(asked: Flags, data: Path, extension: bool) -> Start:
    """In this process: CPU seconds by phase, and the scripts of ours that are in the page."""
    gc.disable()
    begin = time.thread_time()
    _enter(asked, data, extension)
    from modules import initialize

    initialize.imports()
    from fastapi import FastAPI

    from modules import script_callbacks, script_loading, scripts, ui

    taken: dict[str, float] = {"own": 0.0}
    script_loading.load_module = _of_ours(taken, script_loading.load_module)
    scripts.load_scripts = _timed(taken, "scripts", scripts.load_scripts)
    initialize.initialize()
    _timed(taken, "page", lambda: (script_callbacks.before_ui_callback(), ui.create_ui()))()
    _timed(taken, "app", lambda: script_callbacks.app_started_callback(None, FastAPI()))()
    loaded = [file.path for kind in (".js", ".mjs") for file in scripts.list_scripts("javascript", kind)]
    real = [Path(os.path.realpath(path)) for path in loaded]
    files = {path.name: path.stat().st_size for path in real if path.is_relative_to(ROOT / "javascript")}
    return {**taken, "all": time.thread_time() - begin, "files": files}


def _enter(asked: Flags, data: Path, extension: bool) -> None:
    if asked.a1111:
        a1111.enter(asked.a1111, data, "--skip-load-model-at-start")
        return
    import pocket_webui  # noqa: F401  (sets up the process)

    sys.path.insert(0, str(ROOT / "pocket_webui" / "webui"))
    from modules import initialize

    more = ["--extension", str(ROOT)] if extension else []
    plain = ["--data-dir", str(data), "--ckpt", str(MODEL), "--skip-install", "--use-cpu", "all", "--no-half", "--api"]
    initialize._apply_arguments([*plain, "--skip-load-model-at-start", *more])


def _timed(into: dict[str, float], name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    def measured(*args: Any, **keywords: Any) -> Any:
        begin = time.thread_time()
        done = work(*args, **keywords)
        into[name] = time.thread_time() - begin
        return done

    return measured


def _of_ours(into: dict[str, float], load: Callable[..., Any]) -> Callable[..., Any]:
    def measured(path: str) -> Any:
        if not Path(os.path.realpath(path)).is_relative_to(ROOT / "scripts"):
            return load(path)
        one: dict[str, float] = {}
        loaded = _timed(one, "own", load)(path)
        into["own"] += one["own"]
        return loaded

    return measured


def started(asked: Flags, folder: Path, extension: bool) -> Start:
    """In a process of its own. folder: for data folders and for compiled Python, of which nothing is left elsewhere."""
    data = folder / ("with" if extension else "without")
    if not data.exists():
        data.mkdir()
        if asked.a1111:
            a1111.furnish(data, extension)
    words = ["a1111"] if asked.a1111 else []
    python = asked.a1111_python if asked.a1111 else sys.executable
    child = [CHILD, str(data), *([WITH] if extension else [])]
    command = [python, "-m", "benchmarks.page", *child, *asked.for_place(words)]
    environment = {**os.environ, **a1111.OFFLINE, "PYTHONWARNINGS": "ignore", "PYTHONHASHSEED": "0"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, encoding="utf8", check=True)
    made: Start = json.loads(done.stdout.splitlines()[-1])
    return made


def main() -> None:
    asked = flags()
    if CHILD in sys.argv:
        with contextlib.redirect_stdout(sys.stderr):
            made = one_start(asked, Path(sys.argv[sys.argv.index(CHILD) + 1]), WITH in sys.argv)
        print(json.dumps(made), flush=True)
        os._exit(0)  # without waiting for threads of the WebUI
    host = "A1111" if asked.a1111 else "pocket WebUI"
    print(machine("torch", "gradio"))
    with tempfile.TemporaryDirectory(prefix="vaeface-benchmark-") as name:
        folder, count = Path(name), 1 if asked.quick else 7
        first = [started(asked, folder, extension) for extension in (False, True)]
        pairs = [(started(asked, folder, False), started(asked, folder, True)) for _ in range(count)]
    print(f"\n{host}, {count} starts each way in turn; medians of CPU seconds, and of the differences in a pair.")
    once = first[1]["own"] - median(ours["own"] for _, ours in pairs)
    print(f"Python has compiled everything by then; in the very first start that adds {once:.2f} s.")
    rows, added = [], {}
    for name, words in PHASES.items():
        differences = [ours[name] - plain[name] for plain, ours in pairs]
        added[name] = median(differences)
        cells = [median(one[name] for one in column) for column in zip(*pairs, strict=True)]
        spread = f"{min(differences):.2f} .. {max(differences):.2f}"
        rows.append([words, *(f"{cell:.2f}" for cell in cells), f"{added[name]:.2f}", spread])
    table(("phase", "without", "with", "added", "least .. most"), rows)
    parts = [sum(ours[name] - plain[name] for name in ("scripts", "page", "app")) for plain, ours in pairs]
    _judge(host, added, f"{min(parts):.2f} .. {max(parts):.2f}", pairs[0][1]["files"])


def _judge(host: str, added: dict[str, float], spread: str, files: dict[str, int]) -> None:
    # A WebUI's own loading of scripts varies by more than ours takes; a difference below our own time is no saving.
    seconds = max(added["scripts"], added["own"]) + added["page"] + added["app"]
    size = sum(files.values())
    late = sum(path.stat().st_size for path in (ROOT / "javascript" / "parts").iterdir())
    table(("script loaded with the page", "bytes"), [*files.items(), ["all", f"{size:,}"]])
    print(f"Loaded on demand, when the tab is opened or a prompt has our syntax: {late:,} bytes.")
    why = "" if seconds < SECONDS else f"single pairs differ by {spread} s: the WebUI's own start varies too"
    found("page", f"{seconds:.2f} s", seconds < SECONDS, host, why)
    if host != "A1111":
        more = "" if size < SCRIPT else "see the table of files"
        found(
            "page", f"{size / 1e3:.1f} KB with the page, {late / 1e3:.1f} KB on demand", size < SCRIPT, "script", more
        )


if __name__ == "__main__":
    main()
