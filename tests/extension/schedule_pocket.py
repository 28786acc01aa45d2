"""Two pocket WebUIs for the tests of the schedule, one without the extension, each started once: see schedule_run."""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
RUN = Path(__file__).with_name("schedule_run.py")
XL, OTHER = "tiny_xl", "tiny_other"
HIRES = {"enable_hr": True, "hr_scale": 1, "hr_upscaler": "Latent", "denoising_strength": 0.7}


class Pocket:
    """A process that plays scenes."""

    def __init__(self, *flags: str):
        self.folder = tempfile.TemporaryDirectory()
        self.errors = Path(self.folder.name, "errors.txt")
        command = [sys.executable, str(RUN), self.folder.name, *flags]
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=self.folder.name
            )
        atexit.register(self.close)

    def play(self, scene: str, **arguments):
        self.process.stdin.write(json.dumps({"do": scene, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.errors.read_text()[-4000:]
        result = json.loads(line)
        assert not (isinstance(result, dict) and "error" in result), result["error"]
        return result

    def close(self):
        self.process.kill()  # it keeps nothing, and would take seconds to put its libraries away
        self.process.communicate()
        self.folder.cleanup()


@functools.cache
def native() -> Pocket:
    """The WebUI without the extension, started once for all tests."""
    return Pocket()


@functools.cache
def ours() -> Pocket:
    return Pocket("--extension", str(CHECKOUT))
