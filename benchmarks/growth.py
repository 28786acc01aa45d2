"""Cost against the number of pictures in a batch. `python -m benchmarks growth`.

Our part of a generation in the pocket WebUI: the callback at each model call; conditioning for a pass (reading the
prompts, the encodings known); decoding with a picked VAE. Each picture has a prompt of its own. Items of a prompt and
VAEs are measured by `schedule` and `vae_compare`, faces and pixels where they are decoded.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from statistics import median
from typing import Any

import torch

from benchmarks.callback import timed
from benchmarks.flags import flags
from benchmarks.plots import chart
from benchmarks.pocket import ON, our_callback, paint, replaced, start
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import cpu_seconds, last_exponent
from lib_vaeface.vae.autoencoder import load
from tests.extension.pocket_run import job
from tests.fixtures import kin

LINEAR, STEPS, SIDE = 1.1, 8, 64
BATCHES = [1, 2, 4, 8, 16, 32]
KINDS = {"callback": "callback, µs a model call", "answer": "conditioning for a pass, ms", "decode": "decode, ms"}


def generation(batch: int) -> dict[str, float]:
    """CPU seconds of our parts of one generation of pictures that all differ and all blend."""
    prompts = [f"a woman with [red hair:blue hair:0,{STEPS}], {number}" for number in range(batch)]
    calls: list[float] = []
    answers: list[float] = []
    stage: Any = sys.modules["lib_vaeface.session.scheduling"].ScheduleStage
    for again in (False, True):  # the second finds its encodings
        calls.clear()
        answers.clear()
        with ExitStack() as stack:
            stack.enter_context(replaced(our_callback(), "callback", timed(calls)))
            stack.enter_context(replaced(stage, "conditioning", timed(answers)))
            values = {"steps": STEPS, "batch_size": batch, "width": SIDE, "height": SIDE, "seed": 7 + again}
            paint(job(ON, prompts, **values))
    return {"callback": median(calls), "answer": sum(answers)}


def measured(batches: list[int], runs: int) -> dict[str, list[float]]:
    codec = load(kin.POCKET)
    series: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for batch in batches:
        done = [generation(batch) for _ in range(runs)]
        for kind in ("callback", "answer"):
            series[kind].append(median(one[kind] for one in done))
        latents = torch.randn(batch, 4, 16, 16, generator=torch.Generator().manual_seed(batch))
        codec.decode(latents)
        series["decode"].append(cpu_seconds(lambda x=latents: codec.decode(x), runs))
    return series


def main() -> None:
    quick = flags().quick
    start()
    generation(1)
    batches = BATCHES[:2] if quick else BATCHES
    series = measured(batches, 1 if quick else 3)
    print(machine("torch"))
    print(f"\n{SIDE} px for callback and conditioning, 128 px for decodes; CPU time, medians.")
    slopes = {kind: last_exponent(batches, seconds) for kind, seconds in series.items()}
    rows = []
    for kind, words in KINDS.items():
        unit = 1e6 if kind == "callback" else 1e3
        rows.append([words, *(f"{one * unit:,.1f}" for one in series[kind]), f"{slopes[kind]:.2f}"])
    table(("pictures in a batch", *map(str, batches), "exponent, larger half"), rows)
    lines = {words.split(",")[0]: (batches, [one * 1e3 for one in series[kind]]) for kind, words in KINDS.items()}
    chart("growth-batch", "Our part of a generation", "pictures in a batch", "CPU time, ms", lines, fit=False)
    worst = max(slopes.values())
    why = "" if worst < LINEAR else f"{max(slopes, key=lambda kind: slopes[kind])} came out steeper in this run"
    found("growth", f"exponent {worst:.2f} at most", worst < LINEAR, "pictures in a batch", why)


if __name__ == "__main__":
    main()
