"""Weights that change over time: mixing few encodings against encoding each step anew. `python -m benchmarks ramps`.

The yardstick encodes every step's weight by itself. Conditionings are compared by relative L2, pictures of the pocket
model by their mean absolute difference in 8 bits.
"""

from __future__ import annotations

import functools
import re
import sys
from contextlib import ExitStack
from statistics import mean
from typing import Any

import numpy as np
import torch

from benchmarks.flags import flags
from benchmarks.pocket import ON, paint, replaced, start
from benchmarks.tables import machine, table
from tests.extension.pocket_run import job

QUICK = flags().quick
STEPS, SEEDS, SIDE = (4, 1, 64) if QUICK else (12, 2, 256)
PROMPTS = (
    "a woman with (red hair:0.5->1.5)",
    "a man with a beard, (green background:0.2,1.4,0.2)",
    "a woman with (blue:1.6->0.4) hair and a (yellow shirt:0.4->1.6)",
)[: 1 if QUICK else None]
FINE = 1e-3
WAYS: dict[str, float | None] = {
    "at the weights written": None,
    "at multiples of 0.25": 0.25,
    "at multiples of 0.1": 0.1,
}


def encodings(prompt: str, weight_step: float | None) -> tuple[torch.Tensor, int]:
    """(conditioning at each step [STEPS, tokens, width], texts encoded)."""
    from modules import shared

    compile_prompt: Any = sys.modules["lib_vaeface.schedule.compile"].compile_prompt
    (line,) = compile_prompt(prompt, STEPS, weight_step=weight_step)
    conds = {text: shared.sd_model.get_learned_conditioning([text])[0] for text in line.texts()}
    rows = [sum(conds[text] * weight for text, weight in line.at(call)[0].items()) for call in range(STEPS)]
    return torch.stack(rows), len(conds)


def pictures(prompt: str, weight_step: float | None) -> np.ndarray:
    """[SEEDS, SIDE, SIDE, 3], 0 .. 255, with weights over time encoded as asked for."""
    passes: Any = sys.modules["lib_vaeface.schedule.passes"]
    values = {"steps": STEPS, "batch_size": SEEDS, "width": SIDE, "height": SIDE}
    with ExitStack() as stack:
        stack.enter_context(
            replaced(passes, "compile_prompt", lambda made: functools.partial(made, weight_step=weight_step))
        )
        done = paint(job(ON, prompt, **values))
    return np.stack([np.asarray(image.convert("RGB"), float) for image in done.images[-SEEDS:]])


def _relative(found: torch.Tensor, wanted: torch.Tensor) -> list[float]:
    return ((found - wanted).flatten(1).norm(dim=1) / wanted.flatten(1).norm(dim=1)).tolist()


def _compared(name: str, weight_step: float | None, wanted: dict[str, Any], constant: bool = False) -> list[str]:
    texts, errors, differences = [], [], []
    for prompt, (conds, painted) in wanted.items():
        written = without_weights(prompt) if constant else prompt
        found, count = encodings(written, weight_step)
        errors += _relative(found, conds)
        texts.append(count)
        differences.append(np.abs(pictures(written, weight_step) - painted))
    gaps = np.concatenate(differences)
    worst = gaps.mean(axis=(1, 2, 3)).max()
    shown = [f"{mean(errors):.3%}", f"{max(errors):.3%}", f"{gaps.mean():.3f}", f"{worst:.3f}", f"{gaps.max():.0f}"]
    return [name, f"{mean(texts):.1f}", *shown]


def without_weights(prompt: str) -> str:
    """The same words: how much their weights matter at all."""
    return re.sub(r"\(([^:()]+):[^()]*\)", r"\1", prompt)


def _worst_without_norm() -> float:
    """The largest relative L2 error of mixing at the written weights in the WebUI's emphasis mode "No norm"."""
    from modules import shared

    with replaced(shared.opts, "data", lambda data: {**data, "emphasis": "No norm"}):
        pairs = [(encodings(prompt, None)[0], encodings(prompt, FINE)[0]) for prompt in PROMPTS]
    return max(error for found, wanted in pairs for error in _relative(found, wanted))


def main() -> None:
    start()
    print(machine("torch"))
    print(
        f"\n{len(PROMPTS)} prompts such as `{PROMPTS[0]}`, {SEEDS} seeds each, {SIDE} px, {STEPS} steps. Conditioning:"
        " relative L2 error against encoding each step's weight by itself. Pictures: mean absolute difference, of 255."
    )
    wanted = {prompt: (encodings(prompt, FINE)[0], pictures(prompt, FINE)) for prompt in PROMPTS}
    anew = mean(len(conds.flatten(1).unique(dim=0)) for conds, _ in wanted.values())
    head = ("encoded", "texts", "conditioning, mean", "worst step", "picture, mean", "worst picture", "worst pixel")
    rows = [_compared(name, step, wanted) for name, step in WAYS.items()]
    exact = ["each step anew", f"{anew:.1f}", "0", "0", "0", "0", "0"]
    table(head, [*rows, exact, _compared("the words without weights", None, wanted, constant=True)])
    print(
        'That is with the emphasis mode "Original", which rescales each encoding to its mean, so that it is not quite'
        f' linear in the weight. With "No norm" the worst step at the weights written is {_worst_without_norm():.0e}.'
    )


if __name__ == "__main__":
    main()
