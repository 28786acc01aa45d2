"""What our listener adds to a call of the denoiser. `python -m benchmarks callback`.

Whole generations with the pocket model, in the pocket WebUI or, with --a1111, in the real A1111. CPU time of the
sampling thread, torch on one thread: of each call of the WebUI's denoiser; of what it does itself within it to select
the conditioning (`reconstruct_multicond_batch` and `reconstruct_cond_batch`); and of our on_cfg_denoiser callback.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks import a1111
from benchmarks.flags import flags
from benchmarks.pocket import ON, our_callback, paint, replaced, start
from benchmarks.summary import found
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


NATIVE = tuple(CASES)[:3]  # what the WebUI can say itself
SHARE = 0.01


@dataclass
class Calls:
    """CPU seconds within one generation: our callback, the same a second time in a row, the WebUI's own selection,
    the whole denoiser; of the first two and the last one each call."""

    ours: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    selection: list[float] = field(default_factory=list)
    denoiser: list[float] = field(default_factory=list)

    @property
    def selected(self) -> float:
        """Of one call: the prompt's and the negative prompt's selection."""
        return median(one + other for one, other in zip(self.selection[::2], self.selection[1::2], strict=True))


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


def watched(stack: ExitStack) -> Calls:
    """All that is measured, while the stack is open."""
    from modules import prompt_parser
    from modules.sd_samplers_cfg_denoiser import CFGDenoiser

    calls = Calls()

    def twice(callback: Callable[..., Any]) -> Callable[..., Any]:
        first, second = timed(calls.ours)(callback), timed(calls.again)(callback)
        return lambda params: (first(params), second(params))

    stack.enter_context(replaced(our_callback(), "callback", twice))
    stack.enter_context(replaced(CFGDenoiser, "forward", timed(calls.denoiser)))
    for name in ("reconstruct_multicond_batch", "reconstruct_cond_batch"):
        stack.enter_context(replaced(prompt_parser, name, timed(calls.selection)))
    return calls


def measure(prompt: str, negative: str, steps: int = STEPS, side: int = SIDE) -> tuple[list[float], ...]:
    """In the pocket: seconds for each call of one generation: our callback, the same again, the denoiser."""
    calls = in_pocket(prompt, negative, steps, side)
    return calls.ours, calls.again, calls.denoiser


def in_pocket(prompt: str, negative: str, steps: int, side: int) -> Calls:
    with ExitStack() as stack:
        calls = watched(stack)
        paint(job(ON, prompt, steps, negative_prompt=negative, batch_size=BATCH, width=side, height=side))
    return calls


def in_a1111(client: Any) -> Callable[[str, str, int, int], Calls]:
    def measured(prompt: str, negative: str, steps: int, side: int) -> Calls:
        body = {"prompt": prompt, "negative_prompt": negative, "steps": steps, "batch_size": BATCH, "seed": 7}
        with ExitStack() as stack:
            calls = watched(stack)
            a1111.paint(client, {**body, "width": side, "height": side, "sampler_name": "Euler a"}, {"enabled": True})
        return calls

    return measured


def rows(run: Callable[[str, str, int, int], Calls], steps: int, side: int, host: str) -> Iterator[list[str]]:
    shares: list[float] = []
    ratios: dict[bool, list[float]] = {True: [], False: []}  # by whether the WebUI can say it itself
    for name, (prompt, negative) in CASES.items():
        calls = run(prompt, negative, steps, side)
        ours, selected = median(calls.ours), calls.selected
        share = median(mine / call for mine, call in zip(calls.ours, calls.denoiser, strict=True))
        shares.append(share)
        ratios[name in NATIVE].append(ours / selected)
        written = code(prompt) + (f", negative {code(negative)}" if negative else "")
        cells = [ours * 1e6, max(calls.ours) * 1e6, median(calls.again) * 1e6, selected * 1e6]
        yield [
            name, written, *(f"{cell:,.0f}" for cell in cells), f"{ours / selected:.2f}",
            f"{median(calls.denoiser) * 1e3:,.0f}", f"{share:.3%}",
        ]  # fmt: skip
    why = "" if max(shares) < SHARE else "the pocket model's call is a small one"
    found("callback", f"{max(shares):.2%} of a denoiser call at most", max(shares) < SHARE, host, why)
    native, beyond = max(ratios[True]), max(ratios[False])
    slower = "" if native <= 1 else "it also looks whose job this is and records what the call got"
    text = f"{native:.2f} x the selection at most; {beyond:.2f} x where it writes mixtures, which the WebUI can't make"
    found("callback", text, native <= 1, f"{host}, native prompts", slower)


def main() -> None:
    asked = flags()
    if asked.a1111 and a1111.elsewhere(asked, "callback"):
        return
    if asked.a1111:
        run, host = in_a1111(a1111.start(asked.a1111, a1111.data_folder())), "A1111"
    else:
        start()
        run, host = in_pocket, "pocket WebUI, whose selection is ours"
    steps, side = (4, 64) if asked.quick else (STEPS, SIDE)
    run(*CASES["nothing changes"], 2, 64)  # first times are not typical
    print(machine("torch"))
    print(f"\nBatch {BATCH}, {side} px, {steps} steps of Euler a, one thread, CPU time; medians over the calls.")
    head = (
        "case", "prompt", "our callback, µs", "slowest, µs", "again, µs", "the WebUI's selection, µs",
        "callback / selection", "denoiser call, ms", "share",
    )  # fmt: skip
    table(head, rows(run, steps, side, host), words=2)


if __name__ == "__main__":
    main()
