"""Face detectors at 1024 px, four pictures at once: faces found, false alarms and time, ours against its peers.

    python -m benchmarks face_looks
    VAEFACE_PHOTOS=FOLDER VAEFACE_YUNET=FILE python -m benchmarks face_looks

Photographs are those of `benchmarks.detectors`, brought to 1024 px, where VAEFACE_PHOTOS says where they are; else
rendered groups alone. `benchmarks/face_peers.py` says which peers there are and how to have them in the run. Each has
its own thresholds; because a detector that takes everything for a face misses none, the table also says how many faces
are left when its lowest score is raised until it has no more false alarms than ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F

from benchmarks.detectors import HIT, Case, counted, photographs, rendered, told
from benchmarks.face_peers import YOLO, YUNET, peers, there, without_weights
from benchmarks.flags import Flags, flags
from benchmarks.plots import chart
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import process_once, wall_once
from lib_vaeface.face.centerface import CenterFace
from lib_vaeface.face.detect import Setup, detector
from lib_vaeface.face.protocol import Detector, Face
from lib_vaeface.face.search import Search

SIDE, BATCH, SCORE = 1024, 4, 0.35
OURS, WHOLE = "ours", "ours, one look at everything"
GPU_MS = 10.0
NOT_RUN = (
    "What ADetailer's default finds was not measured: its weights, `face_yolov8n.pt`, come by download alone. Its"
    " author's model card (Bingsu/adetailer on Hugging Face, and ADetailer's README) says mAP50 0.660, mAP50-95 0.366."
)
AS_LONG = (
    " Its time is that of ultralytics' YOLOv8n with random weights, called as ADetailer calls it, at 640 px; that"
    " ADetailer opens the file anew for every picture is not in it."
)


def detectors(device: str) -> Iterator[tuple[str, Detector]]:
    where = torch.device(device)
    yield OURS, detector("centerface", Setup(where, SCORE))
    yield WHOLE, Search(CenterFace(where, SCORE))
    yield from peers(device)


def sized(case: Case, side: int = SIDE) -> Case:
    """The longer side brought to so many pixels."""
    scale = side / max(case.picture.shape[1:])
    size = [max(1, round(length * scale)) for length in case.picture.shape[1:]]
    picture = F.interpolate(case.picture[None], size=size, mode="bilinear", antialias=scale < 1)[0].clamp(0, 1)
    return Case(picture, tuple(tuple(value * scale for value in box) for box in case.boxes))  # type: ignore[misc]


def small_faces(cases: list[Case], height: float) -> list[Case]:
    """Four pictures side by side, so that faces are about this many pixels high, and twice, three and four times."""
    made = []
    for first in range(0, max(1, len(cases) - 3), 2):
        canvas, boxes = torch.full((3, SIDE, SIDE), 0.4), []
        for place in range(4):
            case = cases[(first + place) % len(cases)]
            least = min(box[3] - box[1] for box in case.boxes)
            part = sized(case, round(min(height * (1 + place) / least * max(case.picture.shape[1:]), SIDE / 2 - 8)))
            x, y = place % 2 * SIDE // 2, place // 2 * SIDE // 2
            canvas[:, y : y + part.picture.shape[1], x : x + part.picture.shape[2]] = part.picture
            boxes += [(b[0] + x, b[1] + y, b[2] + x, b[3] + y) for b in part.boxes]
        made.append(Case(canvas, tuple(boxes)))
    return made


def sets(quick: bool) -> dict[str, list[Case]]:
    folder = os.environ.get("VAEFACE_PHOTOS")
    groups = [sized(case) for case in rendered("group", 4 if quick else 12, 384, 256)]
    made = {"rendered groups": groups}
    photos = photographs(Path(folder)) if folder and not quick else []
    if photos:
        made = {"photographs": [sized(case) for case in photos], **made}
        made["small faces of photographs, from 16 px"] = small_faces(photos, 16)
    return made


def timed(used: dict[str, Detector], cases: list[Case], device: str, runs: int) -> dict[str, float]:
    """Milliseconds a picture: each detector looks at four pictures again and again, the next one at the same four, ...

    torch keeps the kernels that it has compiled for about a thousand layers and sizes. Going round detectors and
    photographs that all differ in size would time its compiler, which pictures of one size in a WebUI meet once.
    """
    pictures = [case.picture.to(device) for case in cases]
    once = wall_once if device == "cuda" else process_once
    taken = dict.fromkeys(used, 0.0)
    for start in range(0, len(pictures), BATCH):
        for name, one in used.items():
            look = partial(one.detect, pictures[start : start + BATCH])
            look()
            taken[name] += median(once(look) for _ in range(runs))
    return {name: 1e3 * seconds / len(pictures) for name, seconds in taken.items()}


@dataclass(frozen=True)
class Recall:
    """Faces found at the detector's own threshold, and at the one with no more false alarms than ours."""

    right: int
    wrong: int
    careful: int
    cases: list[Case]

    def __str__(self) -> str:
        return told(self.right, self.wrong, self.cases)


def recall(seen: list[list[Face]], cases: list[Case], most: int | None = None) -> Recall:
    """most: false alarms that are allowed; None: all that there are."""
    right, wrong = counted(seen, cases, HIT)
    careful, left = right, wrong
    scores = sorted({face.score for faces in seen for face in faces})
    for score in scores if most is not None else ():
        if left <= most:
            break
        careful, left = counted([[face for face in faces if face.score > score] for faces in seen], cases, HIT)
    return Recall(right, wrong, careful, cases)


def judged(name: str, recalls: dict[str, Recall], times: dict[str, float], device: str) -> None:
    ours = recalls[OURS]
    if device == "cuda":
        met = times[OURS] < GPU_MS
        found("detect", f"{times[OURS]:.1f} ms, {ours}", met, f"{name}, GPU", "" if met else "see the table")
        return
    text = f"{times[OURS]:.0f} ms, {ours}"
    if YUNET not in times:
        found("detect", text, None, name, "YuNet was not there: it is in no package")
        return
    equal, theirs = ours.right >= recalls[YUNET].careful, recalls[YUNET]
    met = equal and times[OURS] <= times[YUNET]
    why = "" if met else "small faces cost us a second look" if equal else "faces of under 20 px: the search thorough"
    careful = f" ({theirs.careful} where no more are false)" if theirs.wrong > ours.wrong else ""
    found("detect", f"{text}; YuNet {times[YUNET]:.0f} ms, {theirs}{careful}", met, name, why)


def by_pixels(used: Detector, device: str, quick: bool) -> None:
    """The whole search of one group picture, enlarged."""
    group = rendered("group", 1, 384, 256)[0]
    sides = [256, 512] if quick else [256, 512, 1024, 2048, 4096]
    times = [timed({OURS: used}, [sized(group, side)], device, 3)[OURS] for side in sides]
    slope = chart(
        "growth-faces-found", "Finding faces by pixels (longest side 256 to 4096)", "pixels", "ms",
        {"ours": ([round(2 / 3 * side * side) for side in sides], times)},
    )["ours"]  # fmt: skip
    found("growth", f"exponent {slope:.2f}", slope <= 1.05, "pixels, faces found", "" if slope <= 1.05 else "see there")


def looks(name: str, used: dict[str, Detector], cases: list[Case], asked: Flags) -> Iterator[list[str]]:
    """The table's rows for one set of pictures."""
    pictures = [case.picture.to(asked.device) for case in cases]
    seen = {key: one.detect(pictures) for key, one in used.items()}
    most = counted(seen[OURS], cases, HIT)[1]
    recalls = {key: recall(faces, cases, most) for key, faces in seen.items()}
    times = timed(used, cases, asked.device, 1 if asked.quick else 5)
    for key, one in recalls.items():
        known = ["not run", "not run"] if without_weights(key) else [str(one), str(one.careful)]
        yield [name, key, *known, f"{times[key]:.1f}", f"{times[key] / times[OURS]:.2f}"]
    judged(name, recalls, times, asked.device)


def main() -> None:
    asked = flags()
    if asked.device == "cpu":
        torch.set_num_threads(1)
    used = dict(detectors(asked.device))
    rows = [row for name, cases in sets(asked.quick).items() for row in looks(name, used, cases, asked)]
    print(machine("torch", *there(), device=asked.device))
    print("\nMedian milliseconds of a picture of 1024 px, four at once; all threads' CPU time (on a GPU by the clock).")
    head = ("pictures", "detector", "faces found", "with no more false than ours", "ms", "to ours")
    table(head, rows, words=3)
    if without_weights(YOLO):
        print(NOT_RUN + (AS_LONG if YOLO in used else ""))
    by_pixels(used[OURS], asked.device, asked.quick)


if __name__ == "__main__":
    main()
