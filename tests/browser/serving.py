"""Starting a pocket WebUI for the browser."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 400


@dataclass
class Server:
    """`log` has the lines printed so far."""

    address: str
    process: subprocess.Popen
    log: list[str] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """The folder with its user data and models."""
        flags = list(self.process.args)
        return Path(flags[flags.index("--data-dir") + 1])

    @property
    def vae_folder(self) -> Path:
        folder = self.data / "models" / "VAE"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def model(self) -> Path:
        """The tiny checkpoint it was started with."""
        return self.data / "models" / "Stable-diffusion" / "tiny.safetensors"

    def read_log(self) -> None:
        for line in self.process.stdout or ():
            self.log.append(line)

    def wait_until_up(self) -> None:
        """RuntimeError with the log if it does not come up."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.address}internal/ping", timeout=5):
                return
            time.sleep(0.5)
        raise RuntimeError("the pocket WebUI did not start:\n" + "".join(self.log))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def host_mode() -> str:
    """Under gradio 4, which is Forge's, the WebUI behaves as Forge."""
    return "forge" if metadata.version("gradio").startswith("4.") else "a1111"


def write_model(path: Path) -> None:
    """A tiny random checkpoint; made in a process of its own, so that the test process needs no torch."""
    code = "import sys; from pocket_webui.nets import checkpoint; checkpoint.random_checkpoint(sys.argv[1])"
    path.parent.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=True)


@contextlib.contextmanager
def serve(data: Path) -> Iterator[Server]:
    """A WebUI with a tiny model and this checkout as its extension; user data in `data`."""
    model, port = data / "models" / "Stable-diffusion" / "tiny.safetensors", free_port()
    write_model(model)
    command = [sys.executable, "-m", "pocket_webui", "serve", "--port", str(port), "--data-dir", str(data),
               "--extension", str(ROOT), "--ckpt", str(model), "--use-cpu", "all", "--host-mode", host_mode()]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1"})
    server = Server(f"http://127.0.0.1:{port}/", process)
    threading.Thread(target=server.read_log, daemon=True).start()
    try:
        server.wait_until_up()
        yield server
    finally:
        process.terminate()
        process.wait(timeout=60)


def open_page(page: object, server: Server, theme: str = "light") -> None:
    """Open the page and wait until it has read the settings."""
    page.goto(f"{server.address}?__theme={theme}")
    page.wait_for_selector("#txt2img_prompt textarea")
    page.wait_for_function("Object.keys(opts).length > 0")
