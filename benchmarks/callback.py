"""What our listener adds to a call of the denoiser. `python -m benchmarks callback`.

Whole generations of the pocket WebUI with its trained model. CPU time of the sampling thread, torch on one thread: of
each call of the WebUI's denoiser, and of our on_cfg_denoiser callback within it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import Any

from benchmarks.pocket import ON, our_callback, paint, replaced, start
from benchmarks.tables import code, machine, table
from tests.extension.pocket_run import job

BATCH, SIDE, STEPS = 4, 256, 16
CASES = {
    "nothing changes": ("a woman with red hair", ""),
    "native edit": ("a woman with [red hair:blue hair:0.5]", ""),
    "native alternation": ("a woman with [red|blue] hair", ""),
    "blend over the whole pass": ("a woman with [red hair:blue hair:0,16]", ""),
    "two blends, prompt and negative": ("a [woman:man:0,16] with [red:blue:0,16] hair", "[hat:glasses:0,16]"),
    "cross-fading alternation": ("a woman with [red|blue:3:smooth] hair", ""),
    "weights of AND parts": ("a woman:0.2->1 AND blue hair:1->0.2", ""),
    "noise level": ("a woman with [red hair:blue hair:3s]", ""),
}


def timed(into: list[float]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A wrapper that notes the seconds of each call."""

    def wrap(work: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **keywords: Any) -> Any:
            begin = time.thread_time()
            try:
                return work(*args, **keywords)
            finally:
                into.append(time.thread_time() - begin)

        return measured

    return wrap


def measure(prompt: str, negative: str, steps: int = STEPS, side: int = SIDE) -> tuple[list[float], ...]:
    """Seconds for each call of one generation: our callback, the same a second time in a row, the denoiser."""
    from modules.sd_samplers_cfg_denoiser import CFGDenoiser

    ours: list[float] = []
    again: list[float] = []
    calls: list[float] = []

    def twice(callback: Callable[..., Any]) -> Callable[..., Any]:
        first, second = timed(ours)(callback), timed(again)(callback)
        return lambda params: (first(params), second(params))

    with ExitStack() as stack:
        stack.enter_context(replaced(our_callback(), "callback", twice))
        stack.enter_context(replaced(CFGDenoiser, "forward", timed(calls)))
        paint(job(ON, prompt, steps, negative_prompt=negative, batch_size=BATCH, width=side, height=side))
    return ours, again, calls


def _row(name: str, prompt: str, negative: str) -> list[str]:
    ours, again, calls = measure(prompt, negative)
    share = median(mine / call for mine, call in zip(ours, calls, strict=True))
    written = code(prompt) + (f", negative {code(negative)}" if negative else "")
    cells = [median(ours) * 1e6, max(ours) * 1e6, median(again) * 1e6, median(calls) * 1e3]
    return [name, written, *(f"{cell:,.0f}" for cell in cells), f"{share:.3%}"]


def main() -> None:
    start()
    measure(*CASES["nothing changes"], 2, 64)  # first times are not typical
    print(machine("torch"))
    print(f"\nBatch {BATCH}, {SIDE} px, {STEPS} steps of Euler a, one thread, CPU time; medians over the calls.")
    head = ("case", "prompt", "our callback, µs", "slowest, µs", "again, µs", "denoiser call, ms", "share")
    table(head, (_row(name, *prompts) for name, prompts in CASES.items()), words=2)


if __name__ == "__main__":
    main()
