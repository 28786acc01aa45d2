"""Many generations in one process with random settings, see child: {"count": 300, "seed": 0}."""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faults_run
import snapshot

SETTLED = 0.3  # of the generations, after which caches are full and nothing may grow
WORDS = ("a cat", "a dog", "[a cat:a dog:0.5]", "a [cat:dog:1,2] hat", "[a|b] hat", "(a:1,1.3) cow", "x AND y :0.6")


def chosen(chance: random.Random) -> dict[str, Any]:
    """Settings as a person might have them, one by one at random."""
    return {
        "timing": chance.choice(("webui", "exact")),
        "vae": chance.random() < 0.7,
        "vae_name": chance.choice(("tuned.safetensors", "same.safetensors", "Built-in", "other.safetensors")),
        "vae_precision": chance.choice(("best", "fp32", "bf16")),
        "faces": chance.random() < 0.7,
        "face_boxes": faults_run.BOXES if chance.random() < 0.8 else "",
        "face_strength": chance.choice((0.0, 0.4)),
        "face_guard": chance.random() < 0.5,
        "face_vae": chance.choice(("Automatic", "Same", "tuned.safetensors")),
        "face_estimate": chance.random() < 0.3,
        "face_return": chance.choice(("nothing", "nothing", "everything")),
        "vae_compare": chance.random() < 0.1,
    }


def level() -> dict[str, float]:
    """What may not grow: bytes of the process and of open VAEs, hooks, callbacks, files, objects of ours."""
    vaes = sys.modules["lib_vaeface.session.vaes"]
    host, codecs = snapshot.host(), vaes.picker().codecs
    ours = [one for one in gc.get_objects() if str(type(one).__module__).startswith("lib_vaeface.session")]
    return {
        "MB of the process": _resident() / 1e6,
        "MB of open VAEs": sum(codec.nbytes for codec in codecs._kept.values()) / 1e6,
        "open VAEs": len(codecs._kept),
        "callbacks": sum(host["callbacks"].values()),
        "hooks on the model": len(host["modules"]) + len(host["model"]),
        "sessions": len(ours),
        "open files": len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0,
    }


def _resident() -> float:
    """Bytes of memory that the process holds now; where the system doesn't tell, 0."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    import resource

    return float(pages * resource.getpagesize())


def work(asked: dict[str, Any], told: Callable[[int, int], None]) -> dict[str, Any]:
    """The first half's random settings come again in the second, so that both take the same work."""
    import vae_run

    from modules import shared

    vae_run.write_files(Path(sys.argv[2]))
    shared.sd_model.image_size = 8
    chance, half = random.Random(asked["seed"]), max(2, asked["count"] // 2)
    jobs = [(chosen(chance), chance.choice(WORDS), chance.choice((1, 1, 2))) for _ in range(half)]
    wrong, levels, seconds = [], [], []
    for number, (settings, prompt, batch) in enumerate(jobs + jobs, 1):
        began = time.process_time()
        faults_run.BASES["endurance"] = settings, {"prompt": prompt, "batch_size": batch}
        seen = faults_run.generate("endurance")
        seconds.append(time.process_time() - began)
        if seen.error is not None:
            wrong.append(f"generation {number}: {type(seen.error).__name__}: {seen.error}")
        if number in (int(2 * half * SETTLED), 2 * half):
            gc.collect()
            levels.append(level())
        told(number, 2 * half)
    del faults_run.BASES["endurance"]
    return {"figures": _figures(seconds, levels), "wrong": [*wrong, *_grown(seconds, levels)]}


def _figures(seconds: list[float], levels: list[dict[str, float]]) -> dict[str, Any]:
    half = len(seconds) // 2
    found: dict[str, Any] = {"generations": len(seconds)}
    found |= {name: f"{levels[0][name]:g} then {value:.4g}" for name, value in levels[-1].items()}
    found["MB of the process"] = f"{levels[0]['MB of the process']:.0f} then {levels[-1]['MB of the process']:.0f}"
    found["MB of open VAEs"] = f"{levels[0]['MB of open VAEs']:.2f} then {levels[-1]['MB of open VAEs']:.2f}"
    found["s of processor per generation, first and second half"] = (
        f"{sum(seconds[:half]) / half:.3f}, {sum(seconds[half:]) / half:.3f}"
    )
    return found


def _grown(seconds: list[float], levels: list[dict[str, float]]) -> list[str]:
    half, (before, after) = len(seconds) // 2, levels
    wrong = [
        f"{name} grew from {before[name]} to {after[name]}"
        for name in ("callbacks", "hooks on the model", "sessions")
        if after[name] > before[name]
    ]
    if after["MB of the process"] > before["MB of the process"] * 1.1 + 20:
        wrong.append(f"memory grew from {before['MB of the process']:.0f} to {after['MB of the process']:.0f} MB")
    if after["open files"] > before["open files"] + 5:
        wrong.append(f"open files grew from {before['open files']} to {after['open files']}")
    if sum(seconds[half:]) > 1.3 * sum(seconds[:half]) + 2:
        wrong.append(f"the second half took {sum(seconds[half:]):.1f} s, the first {sum(seconds[:half]):.1f} s")
    return wrong
