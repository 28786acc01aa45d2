"""Where a generation with everything on spends its time: `python -m benchmarks whole_generation`.

The pocket WebUI paints a group with a schedule, a VAE of its own, faces decoded and painted again with the guard, under
Python's profiler. Times are cumulative for the parts named; parts of the denoiser's calls for faces are counted there.
"""

from __future__ import annotations

import cProfile
import pstats
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.flags import flags
from benchmarks.pocket import MODEL, paint, start
from benchmarks.summary import found
from benchmarks.tables import machine, table
from tests.extension.pocket_run import job

STEPS, WIDTH, HEIGHT = 16, 384, 256
PROMPT = "group photo of two people, a woman with [red hair:blue hair:0.5] and a man with (beard:0.8->1.2)"
FACES = "faces painted again (img2img of the WebUI)"
SAMPLED = "sampling the picture"
# label, who, end of the file's path, function; the first that a call is inside of counts it
PARTS = (
    (FACES, "the model, because it was asked for", "host/resample.py", "_paint"),
    ("guard: painted faces looked at", "ours", "face/guard.py", "guard"),
    ("finding faces", "ours", "face/improve.py", "_found"),
    ("faces decoded again", "ours", "face/improve.py", "_decode"),
    ("painted faces put back", "ours", "face/refine.py", "_keep"),
    ("the VAE proved and opened", "ours", "vae/picked.py", "pick"),
    ("the picture decoded, features kept", "ours", "vae/codec.py", "decode_keeping"),
    ("the picture decoded", "ours", "vae/codec.py", "decode_raw"),
    ("prompts read and encoded", "ours, with the WebUI's encoder", "schedule/passes.py", "answer"),
    ("callback at every call of the denoiser", "ours", "session/hooks.py", "on_model_call"),
)
REASONS = {
    FACES: "it is a second, third, ... sampling, as large as the person asks for: strength, steps and number of faces",
    "guard: painted faces looked at": "every painted face is looked at in three sizes, before and after",
    "faces decoded again": "the picture's own VAE once more in full precision where nothing was kept",
}


def cumulative(stats: Mapping[Any, Any], file: str, function: str) -> float:
    """Seconds in a function and what it calls."""
    rows = ((path.replace("\\", "/"), name, row[3]) for (path, _, name), row in stats.items())
    return float(sum(seconds for path, name, seconds in rows if path.endswith(file) and name == function))


def main() -> None:
    asked = flags()
    torch.set_num_threads(1)
    start()
    vae = MODEL.with_name("pocket-ema.safetensors")
    settings = {
        "schedule": True, "vae": True, "vae_name": vae.name, "faces": True, "face_strength": 0.4, "face_score": 0.2,
    }  # fmt: skip
    from modules import sd_vae, shared

    folder = Path(shared.cmd_opts.data_dir) / "models" / "VAE"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(vae, folder)
    sd_vae.refresh_vae_list()
    make = lambda: job([settings], PROMPT, 2 if asked.quick else STEPS, width=WIDTH, height=HEIGHT)  # noqa: E731
    paint(make())
    profile = cProfile.Profile()
    profile.enable()
    done = paint(make())
    profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = max(row[3] for row in stats.values())
    denoiser = cumulative(stats, "sd_samplers_cfg_denoiser.py", "forward")
    parts = {(label, who): cumulative(stats, file, name) for label, who, file, name in PARTS}
    faces = parts[FACES, PARTS[0][1]]
    sampled = max(0.0, denoiser - _inside(stats, denoiser, faces))
    print(machine("torch"))
    print(f"\n{WIDTH}x{HEIGHT} px, {STEPS} steps, the second of two generations, under Python's profiler.")
    rows: list[tuple[str, str, float]] = [(SAMPLED, "the model", sampled)]
    rows += [(label, who, seconds) for (label, who), seconds in parts.items()]
    rows.append(("everything else", "the WebUI", max(0.0, total - sum(row[2] for row in rows))))
    rows.sort(key=lambda row: -row[2])
    table(
        ("part", "whose", "seconds", "of the generation"),
        [(label, who, f"{s:.3f}", f"{s / total:.1%}") for label, who, s in rows],
        words=2,
    )
    print(f"Faces painted again: {done.infotexts[0].count('refined')}.")
    judged([row for row in rows if row[0] != SAMPLED], total)


def _inside(stats: Mapping[Any, Any], denoiser: float, faces: float) -> float:
    """Denoiser seconds of the faces' jobs: all but what is called below the picture's own sampling."""
    for (path, _, name), row in stats.items():
        if path.endswith("host/resample.py") and name == "sample":
            return float(min(denoiser, row[3]))
    return min(denoiser, faces)


def judged(rows: list[tuple[str, str, float]], total: float) -> None:
    label, whose, seconds = rows[0]
    reason = REASONS.get(label, "")
    if reason:
        print(f"The largest part beyond sampling is {label}: {reason}.")
    met = bool(reason) or not whose.startswith("ours")
    text = f"largest beyond sampling: {label}, {seconds / total:.0%}"
    found("profile", text, met, "pocket", "" if met else "a reason is to be found")


if __name__ == "__main__":
    main()
