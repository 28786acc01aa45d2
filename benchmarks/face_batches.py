"""Eight faces painted again: ours, one by one and together, against one img2img per face as ADetailer starts them.

`python -m benchmarks face_batches`. In the pocket WebUI, whose img2img is written after A1111's: "only masked", at the
model's size, once per face. Boxes are given, so nobody's search is in the times; ours have the same strength and steps,
with and without the guard that looks at every painted face. With --a1111 the real ADetailer is the baseline, in the
real A1111: `benchmarks/adetailer.py`.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from PIL import Image, ImageDraw

from benchmarks import a1111, adetailer
from benchmarks.flags import flags
from benchmarks.plots import chart
from benchmarks.pocket import OFF, paint, replaced, start
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import Times, in_turn, process_once, wall_once
from tests.extension.pocket_run import job

STEPS, STRENGTH, WIDTH, HEIGHT, NATIVE = 12, 0.4, 1024, 512, 256
PROMPT = "group photo of people"
OURS, GUARDED = "ours, one by one", "ours, with the guard"
TOGETHER, EACH = "ours, eight at once", "one img2img per face"
NOISE, LINEAR = 1.03, 1.05


def boxes(count: int) -> list[tuple[float, float, float, float]]:
    """Faces of 64 px in shares of the picture, in rows of eight."""
    places = [(n % 8 * 0.12 + 0.03, n // 8 * 0.24 + 0.05) for n in range(count)]
    return [(x, y, x + 64 / WIDTH, y + 64 / HEIGHT) for x, y in places]


def told(count: int) -> str:
    return "; ".join(",".join(f"{value:.4f}" for value in box) for box in boxes(count))


@contextlib.contextmanager
def together(most: int) -> Iterator[None]:
    """So many faces at once."""
    with replaced(sys.modules["lib_vaeface.session.faces"], "at_once", lambda _: lambda device: most):
        yield


def only_faces(once: Callable[[Callable[[], Any]], float], count: int, most: int, guard: bool) -> float:
    """Seconds of painting, looking and putting back within one generation; decoding again is another feature."""
    taken: list[float] = []

    def timed(work: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **keywords: Any) -> Any:
            kept: list[Any] = []
            taken.append(once(lambda: kept.append(work(*args, **keywords))))
            return kept[0]

        return measured

    asked = {
        "faces": True, "face_boxes": told(count), "face_strength": STRENGTH, "face_adaptive": False,
        "face_guard": guard, "face_steps": STEPS,
    }  # fmt: skip
    with together(most), replaced(sys.modules["lib_vaeface.face.refine"].Refiner, "run", timed):
        paint(job([asked], PROMPT, 1, width=WIDTH, height=HEIGHT))
    return taken[0]


def img2img(picture: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    """What ADetailer starts for one face."""
    mask = Image.new("L", picture.size)
    left, top, right, bottom = (value * (WIDTH, HEIGHT)[n % 2] for n, value in enumerate(box))
    ImageDraw.Draw(mask).rectangle((left, top, right, bottom), fill=255)
    values: dict[str, Any] = {
        "init_images": [picture], "mask": mask, "mask_blur": 4, "inpainting_fill": 1, "inpaint_full_res": True,
        "inpaint_full_res_padding": 32, "denoising_strength": STRENGTH, "width": NATIVE, "height": NATIVE,
    }  # fmt: skip
    done: Image.Image = paint(job(OFF, PROMPT, STEPS, **values)).images[0]
    return done


def each(picture: Image.Image, count: int) -> None:
    for box in boxes(count):
        picture = img2img(picture, box)


def main() -> None:
    asked = flags()
    if asked.a1111:
        if not a1111.elsewhere(asked, "face_batches"):
            adetailer.run(asked)
        return
    if asked.device == "cpu":
        torch.set_num_threads(1)
    once = wall_once if asked.device == "cuda" else process_once
    start(*(["--use-cpu", "nothing"] if asked.device == "cuda" else []))
    count, runs = (2, 1) if asked.quick else (8, 5)
    picture = paint(job(OFF, PROMPT, 1, width=WIDTH, height=HEIGHT)).images[0]
    only_faces(once, 1, 1, True)
    ways: dict[str, list[float]] = {OURS: [], GUARDED: [], TOGETHER: [], EACH: []}
    for _ in range(runs):
        ways[OURS].append(only_faces(once, count, 1, False))
        ways[GUARDED].append(only_faces(once, count, 1, True))
        ways[TOGETHER].append(only_faces(once, count, count, False))
        ways[EACH].append(in_turn({EACH: lambda: each(picture, count)}, 1, once)[EACH].median)
    times = {name: Times(tuple(seconds)) for name, seconds in ways.items()}
    print(machine("torch", device=asked.device))
    print(
        f"\n{count} faces of 64 px painted again at {NATIVE} px, strength {STRENGTH}, {STEPS} steps, medians of {runs}."
        " Decoding faces again from the picture's latent is not in the times: ADetailer does not do it."
    )
    base = times[EACH].median
    rows = [(name, f"{one.median:.2f}", f"{one.median / base:.2f}", one.spread) for name, one in times.items()]
    table(("way", "seconds", "to one img2img per face", "ms, least to most"), rows)
    product = GUARDED if asked.device == "cpu" else TOGETHER
    ratio = times[product].median / base
    met = ratio <= NOISE if asked.device == "cpu" else ratio <= 1 / 3
    found("refine", f"{ratio:.2f} x the time of one img2img per face ({product})", met, f"pocket, {asked.device}",
          "" if met else "the guard looks at every painted face; see the table")  # fmt: skip
    by_faces(once, asked.quick, asked.device)


def by_faces(once: Callable[[Callable[[], Any]], float], quick: bool, device: str) -> None:
    counts = [1, 2] if quick else [1, 2, 4, 8, 16, 32]
    most = 1 if device == "cpu" else 8
    seconds = [only_faces(once, count, most, True) for count in counts]
    slope = chart(
        "growth-faces-painted", "Faces painted again in one picture", "faces", "seconds",
        {"ours, with the guard": ([float(count) for count in counts], seconds)},
    )["ours, with the guard"]  # fmt: skip
    met = slope <= LINEAR
    found("growth", f"exponent {slope:.2f}", met, "faces painted again", "" if met else "see the chart")


if __name__ == "__main__":
    main()
