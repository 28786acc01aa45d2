"""Where a generation with everything on spends its time: `python -m benchmarks whole_generation`.

The pocket WebUI paints a group with a schedule, a VAE of its own, faces decoded and painted again with the guard, under
Python's profiler. Times are those of the parts named with all that they call.
"""

from __future__ import annotations

import contextlib
import cProfile
import pstats
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.flags import flags
from benchmarks.pocket import MODEL, paint, replaced, start
from benchmarks.summary import found
from benchmarks.tables import machine, table
from tests.extension.pocket_run import job, ours

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
    ("the picture decoded", "the WebUI, by the picked VAE", "processing/decode.py", "decode_latent_batch"),
    ("prompts read and encoded", "ours, with the WebUI's encoder", "schedule/passes.py", "answer"),
    ("callback at every call of the denoiser", "ours", "session/hooks.py", "on_model_call"),
)
REASONS = {
    FACES: "it is a second, third, ... sampling, as large as the person asks for: strength, steps and number of faces",
    "guard: painted faces looked at": "every painted face is looked at in three sizes, before and after",
    "faces decoded again": "a full pass of the VAE where the picture was not decoded by it in fp32 already",
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
    steps = 2 if asked.quick else STEPS
    make = lambda: job([settings], PROMPT, steps, width=WIDTH, height=HEIGHT)  # noqa: E731
    paint(make())
    profile = cProfile.Profile()
    with sampling() as taken:
        profile.enable()
        done = paint(make())
        profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = max(row[3] for row in stats.values())
    parts = {(label, who): cumulative(stats, file, name) for label, who, file, name in PARTS}
    print(machine("torch"))
    print(f"\n{WIDTH}x{HEIGHT} px, {steps} steps, the second of two generations, under Python's profiler.")
    rows: list[tuple[str, str, float]] = [(SAMPLED, "the model", sum(taken))]
    rows += [(label, who, seconds) for (label, who), seconds in parts.items()]
    rows.append(("everything else", "the WebUI", max(0.0, total - sum(row[2] for row in rows))))
    rows.sort(key=lambda row: -row[2])
    table(
        ("part", "whose", "seconds", "of the generation"),
        [(label, who, f"{s:.3f}", f"{s / total:.1%}") for label, who, s in rows],
        words=2,
    )
    told = ours(done.infotexts[0])
    faces = [face["done"] for face in told.get("VAE Face faces", {}).get("found", [])]
    print(f"Faces: {', '.join(faces) or 'none'}. VAE: {told.get('VAE Face VAE', {}).get('name', '-')}.")
    judged([row for row in rows if row[0] != SAMPLED], total)


@contextlib.contextmanager
def sampling() -> Iterator[list[float]]:
    """Seconds of the denoiser's calls for the picture itself, not for its faces, one by one."""
    from modules.sd_samplers_cfg_denoiser import CFGDenoiser

    taken: list[float] = []
    painting: list[bool] = []

    def timed(work: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **keywords: Any) -> Any:
            begin = time.perf_counter()
            result = work(*args, **keywords)
            if not painting:
                taken.append(time.perf_counter() - begin)
            return result

        return measured

    def marked(work: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **keywords: Any) -> Any:
            painting.append(True)
            try:
                return work(*args, **keywords)
            finally:
                painting.pop()

        return measured

    resampler = sys.modules["lib_vaeface.host.resample"].A1111Resampler
    with replaced(CFGDenoiser, "forward", timed), replaced(resampler, "_paint", marked):
        yield taken


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
