"""Our sampler callback under watch, in a pocket WebUI with its trained model and a process of its own; prints JSON.

Usage: python -m tests.extension.callback_run. {case: {"waits": [...], "ours": [seconds], "calls": [seconds]}}
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

from benchmarks.callback import CASES, measure
from benchmarks.pocket import ON, our_callback, paint, replaced, start
from tests.extension.pocket_run import job
from tests.extension.waits import Waits


def waits(prompt: str, negative: str) -> list[str]:
    """What in our callback would wait for the device, over one small generation."""
    found: list[str] = []

    def watched(callback: Any) -> Any:
        def call(params: Any) -> None:
            with Waits(found):
                callback(params)

        return call

    with replaced(our_callback(), "callback", watched):
        paint(job(ON, prompt, 6, negative_prompt=negative, batch_size=2))
    return found


def results() -> dict[str, Any]:
    start()
    measure(*CASES["nothing changes"], 2, 64)
    found = {}
    for name, prompts in CASES.items():
        ours, _, calls = measure(*prompts, 4, 128)
        found[name] = {"waits": waits(*prompts), "ours": ours, "calls": calls}
    return found


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        everything = results()
    print(json.dumps(everything))
