"""Eight faces painted again in the real A1111: ours against the real ADetailer. `face_batches --a1111` runs it.

ADetailer is not ours and in no package: it is a clone of Bing-su/adetailer as `extensions/adetailer` of the checkout of
A1111, and A1111's Python has the packages that its installer asks for; of these mediapipe (0.10.13 to 0.10.15) with
the protobuf that mediapipe asks for (with an older one it finds faces several times), rich and huggingface_hub are used
here. Its model is `mediapipe_face_full`, whose weights come with mediapipe.

Both get the same picture of eight rendered portraits in one process, find the faces themselves, and paint them with the
same prompt, sampler, steps and strength at the same size. The run fails if they do not paint the same eight faces.
"""

from __future__ import annotations

import base64
import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from PIL import Image

from benchmarks import a1111
from benchmarks.detectors import HIT
from benchmarks.flags import Flags
from benchmarks.pocket import replaced
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import process_once
from lib_vaeface.face.guard import overlap
from pocket_webui.portraits import render, sample

STEPS, STRENGTH, NATIVE = 12, 0.4, 256
SMALL, COLUMNS, ROWS = 128, 4, 2  # pixels of a portrait, and how they stand
FACES, PROMPT, MODEL = COLUMNS * ROWS, "photo of a person", "mediapipe_face_full"
KEEP = 0.01  # denoising of the picture itself, which stays as it is
SLOWER = 1.03  # by so much two runs of the same thing may differ
OURS, UNGUARDED, THEIRS = "ours, with the guard", "ours, without it", "ADetailer"
SEARCH, CALLS, ALL = "faces found", "denoiser", "everything"
Call = Callable[..., Any]


@dataclass
class Done:
    """Of one request: the boxes of the faces painted, CPU seconds of its parts, calls of the denoiser for faces."""

    boxes: list[Any] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)
    calls: int = 0
    painting: bool = False

    def timed(self, part: str) -> Callable[[Call], Call]:
        """A wrapper that adds the seconds to the part."""

        def wrap(work: Call) -> Call:
            def measured(*args: Any, **keywords: Any) -> Any:
                kept: list[Any] = []
                taken = process_once(lambda: kept.append(work(*args, **keywords)))
                self.parts[part] = self.parts.get(part, 0.0) + taken
                return kept[0]

            return measured

        return wrap

    def faces(self, boxes_of: Call) -> Callable[[Call], Call]:
        """A wrapper that notes the faces which the arguments name."""

        def wrap(work: Call) -> Call:
            def noted(*args: Any) -> Any:
                self.boxes += boxes_of(*args)
                return work(*args)

            return noted

        return wrap

    def counting(self, work: Call) -> Call:
        """What the denoiser is called for within is faces."""

        def counted(*args: Any, **keywords: Any) -> Any:
            self.painting = True
            try:
                return work(*args, **keywords)
            finally:
                self.painting = False

        return counted

    def call(self, work: Call) -> Call:
        timed = self.timed(CALLS)(work)

        def counted(*args: Any, **keywords: Any) -> Any:
            self.calls += self.painting
            return (timed if self.painting else work)(*args, **keywords)

        return counted


@contextlib.contextmanager
def watched() -> Iterator[Done]:
    """What is done with faces while the block is open, by whom it may be."""
    from modules import scripts
    from modules.sd_samplers_cfg_denoiser import CFGDenoiser

    theirs: Any = type(next(one for one in scripts.scripts_img2img.alwayson_scripts if one.title() == "ADetailer"))
    names = theirs.fix_p2.__globals__
    ours = sys.modules["lib_vaeface.session.faces"].FaceStage
    refiner, stage = (sys.modules[f"lib_vaeface.face.{name}"] for name in ("refine", "improve"))
    done = Done()
    wraps: tuple[tuple[Any, str, Callable[[Call], Call]], ...] = (
        (CFGDenoiser, "forward", done.call),
        (theirs, "fix_p2", done.faces(lambda script, p, job, pp, args, found, n: [found.bboxes[n]])),
        (theirs, "postprocess_image", done.counting),
        (theirs, "postprocess_image", done.timed(ALL)),
        (refiner.Refiner, "run", done.faces(lambda refiner, jobs: [job.face.box for job in jobs])),
        (refiner.Refiner, "run", done.counting),
        (stage._Stage, "_found", done.timed(SEARCH)),
        (ours, "_improve", done.timed(ALL)),
    )
    with ExitStack() as stack, patch.dict(names, mediapipe_predict=done.timed(SEARCH)(names["mediapipe_predict"])):
        for owner, name, wrap in wraps:
            stack.enter_context(replaced(owner, name, wrap))
        yield done


def group() -> str:
    """Eight rendered portraits in two rows, as the API takes a picture."""
    made = Image.new("RGB", (COLUMNS * SMALL, ROWS * SMALL))
    for number, one in enumerate(render(sample(31, FACES, "closeup", NATIVE, NATIVE))):
        portrait = Image.fromarray(one.permute(1, 2, 0).contiguous().numpy())
        small = portrait.resize((SMALL, SMALL), Image.Resampling.LANCZOS)
        made.paste(small, (number % COLUMNS * SMALL, number // COLUMNS * SMALL))
    file = io.BytesIO()
    made.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")


def asked_of(way: str) -> dict[str, Any]:
    """The arguments of both extensions."""
    faces = {
        "enabled": True, "schedule": False, "faces": True, "face_strength": STRENGTH, "face_adaptive": False,
        "face_steps": STEPS, "face_guard": way == OURS,
    }  # fmt: skip
    tab = {
        "ad_model": MODEL, "ad_denoising_strength": STRENGTH, "ad_use_steps": True, "ad_steps": STEPS,
        "ad_use_inpaint_width_height": True, "ad_inpaint_width": NATIVE, "ad_inpaint_height": NATIVE,
    }  # fmt: skip
    return {
        "VAE Face": {"args": [False if way == THEIRS else faces]},
        "ADetailer": {"args": [way == THEIRS, False, tab]},
    }


def painted(client: Any, picture: str, way: str) -> Done:
    """RuntimeError: no picture came, or not all eight faces were painted."""
    body = {
        "init_images": [picture], "prompt": PROMPT, "steps": STEPS, "sampler_name": "Euler a", "seed": 7,
        "denoising_strength": KEEP, "width": COLUMNS * SMALL, "height": ROWS * SMALL,
        "alwayson_scripts": asked_of(way),
    }  # fmt: skip
    with watched() as done, contextlib.redirect_stdout(sys.stderr):
        answer = client.post("/sdapi/v1/img2img", json=body)
    if answer.status_code != 200:
        raise RuntimeError(answer.text[:1000])
    if len(done.boxes) != FACES:
        raise RuntimeError(f"{way}: {len(done.boxes)} faces were painted instead of {FACES}")
    return done


def same_faces(ours: Done, theirs: Done) -> None:
    """RuntimeError: one of them painted a face that the other did not."""
    for box in ours.boxes:
        if not any(overlap(box, other) >= HIT for other in theirs.boxes):
            raise RuntimeError(f"a face at {box} was painted by ours alone")


def beside(folder: Path, data: Path) -> bool:
    """Put ADetailer beside ours, if the checkout has it."""
    source = folder / "extensions" / "adetailer"
    if not source.is_dir():
        return False
    (data / "extensions" / "adetailer").symlink_to(source.resolve())
    return True


def run(asked: Flags) -> None:
    """Print the table and its finding."""
    assert asked.a1111 is not None
    data = a1111.data_folder()
    if not beside(asked.a1111, data):
        print("Not run: the checkout of A1111 has no `extensions/adetailer`.")
        found("refine", "-", None, "A1111", "ADetailer was not there: `benchmarks/adetailer.py` says how to have it")
        return
    client, picture = a1111.start(asked.a1111, data), group()
    first = {way: painted(client, picture, way) for way in (OURS, UNGUARDED, THEIRS)}
    same_faces(first[OURS], first[THEIRS])
    taken: dict[str, list[Done]] = {way: [] for way in first}
    for _ in range(1 if asked.quick else 5):
        for way, runs in taken.items():
            runs.append(painted(client, picture, way))
    report(taken)


def report(taken: dict[str, list[Done]]) -> None:
    version = sys.modules["adetailer"].__version__
    side = [box[3] - box[1] for box in taken[THEIRS][0].boxes]
    print(machine("torch", "mediapipe"))
    print(
        f"\n{FACES} faces of {min(side):.0f} to {max(side):.0f} px, found and painted again at {NATIVE} px, strength"
        f" {STRENGTH}, {STEPS} steps of Euler a, in one picture of {COLUMNS * SMALL}x{ROWS * SMALL} px that both get."
        f" CPU seconds of all threads, medians of {len(taken[THEIRS])} in turn. *Everything*: from the decoded picture"
        f" to the one with its faces painted again. ADetailer {version} with `{MODEL}`."
    )
    ratios = {way: middle(runs, ALL) / middle(taken[THEIRS], ALL) for way, runs in taken.items()}
    parts = (CALLS, SEARCH, ALL)
    head = ("way", "calls of the denoiser", *(f"{part}, s" for part in parts), "to ADetailer", "s, least to most")
    table(head, ([way, *cells(runs, parts), f"{ratios[way]:.2f}", spread(runs)] for way, runs in taken.items()))
    met = ratios[OURS] <= SLOWER
    text = f"{ratios[OURS]:.2f} x the time of ADetailer {version} ({OURS})"
    found("refine", text, met, "A1111, cpu", "" if met else "the guard looks at every painted face; see the table")


def cells(runs: list[Done], parts: tuple[str, ...]) -> list[str]:
    return [str(runs[0].calls), *(f"{middle(runs, part):.2f}" for part in parts)]


def middle(runs: list[Done], part: str) -> float:
    return median(one.parts[part] for one in runs)


def spread(runs: list[Done]) -> str:
    taken = [one.parts[ALL] for one in runs]
    return f"{min(taken):.2f} .. {max(taken):.2f}"
