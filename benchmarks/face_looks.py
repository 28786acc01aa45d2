"""Face detectors at 1024 px, four pictures at once: faces found, false alarms and time, ours against its peers.

    python -m benchmarks face_looks
    VAEFACE_PHOTOS=FOLDER VAEFACE_YUNET=FILE python -m benchmarks face_looks

Photographs are those of `benchmarks.detectors`, brought to 1024 px, where VAEFACE_PHOTOS says where they are; else
rendered groups alone. YuNet is its author's own program (libfacedetection, C++ with AVX-512), built as a library with
one function, `int yunet(unsigned char *bgr, int width, int height, int step, short *faces)`, which copies what
`facedetect_cnn` found; VAEFACE_YUNET names that library, or an ONNX file for OpenCV's FaceDetectorYN. mediapipe and
MTCNN are measured where they are installed.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.detectors import HIT, Case, Mtcnn, _bytes, photographs, rendered, tally
from benchmarks.flags import flags
from benchmarks.plots import chart
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import process_once, wall_once
from lib_vaeface.face.centerface import CenterFace
from lib_vaeface.face.detect import Setup, detector
from lib_vaeface.face.guests import MediaPipe, installed, without_mediapipe
from lib_vaeface.face.protocol import Detector, Face
from lib_vaeface.face.search import Search

SIDE, BATCH, SCORE, STRIDE = 1024, 4, 0.35, 16
OURS, WHOLE, YUNET = "ours", "ours, one look at everything", "YuNet"
GPU_MS = 10.0


class Library:
    """libfacedetection's YuNet with its own thresholds."""

    name = YUNET

    def __init__(self, file: str) -> None:
        self._call = ctypes.CDLL(file).yunet

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        return [self._faces(image) for image in images]

    def _faces(self, image: Tensor) -> list[Face]:
        height, width = image.shape[1:]
        bgr = _bytes(image.flip(0)).tobytes()
        room = (ctypes.c_short * (1024 * STRIDE))()
        count = self._call(bgr, width, height, 3 * width, room)
        rows = [room[n * STRIDE : n * STRIDE + 5] for n in range(count)]
        return [Face((x, y, x + w, y + h), score / 100) for score, x, y, w, h in rows]


class Onnx:
    """OpenCV's FaceDetectorYN."""

    name = YUNET

    def __init__(self, file: str) -> None:
        import cv2

        self._net: Any = cv2.FaceDetectorYN.create(file, "", (SIDE, SIDE))

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        return [self._faces(image) for image in images]

    def _faces(self, image: Tensor) -> list[Face]:
        self._net.setInputSize((image.shape[2], image.shape[1]))
        rows = self._net.detect(_bytes(image.flip(0)))[1]
        boxes = [] if rows is None else [[float(value) for value in row] for row in rows]
        return [Face((b[0], b[1], b[0] + b[2], b[1] + b[3]), b[14]) for b in boxes]


def detectors(device: str) -> Iterator[tuple[str, Detector]]:
    where = torch.device(device)
    yield OURS, detector("centerface", Setup(where, SCORE))
    yield WHOLE, Search(CenterFace(where, SCORE))
    file = os.environ.get("VAEFACE_YUNET")
    if file:
        yield YUNET, Onnx(file) if file.endswith(".onnx") else Library(file)
    if not without_mediapipe():
        yield "mediapipe (full range)", MediaPipe(SCORE)
    if installed("facenet_pytorch"):
        yield "MTCNN", Mtcnn()


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
    """Milliseconds a picture, medians: the detectors take turns at all pictures, four at once."""
    pictures = [case.picture.to(device) for case in cases]
    groups = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
    once = wall_once if device == "cuda" else process_once
    taken: dict[str, list[float]] = {name: [] for name in used}
    for _ in range(runs):
        for name, one in used.items():
            taken[name].append(once(lambda one=one: [one.detect(group) for group in groups]))  # type: ignore[misc]
    return {name: 1e3 * median(seconds) / len(pictures) for name, seconds in taken.items()}


def judged(name: str, recall: dict[str, str], times: dict[str, float], device: str) -> None:
    if device == "cuda":
        met = times[OURS] < GPU_MS
        found("detect", f"{times[OURS]:.1f} ms, {recall[OURS]}", met, f"{name}, GPU", "" if met else "see the table")
        return
    text = f"{times[OURS]:.0f} ms, {recall[OURS]}"
    if YUNET not in times:
        found("detect", text, None, name, "YuNet was not there: it is in no package")
        return
    equal = _right(recall[OURS]) >= _right(recall[YUNET])
    met = equal and times[OURS] <= times[YUNET]
    why = "" if met else "faces of under 20 px are for the search thorough" if not equal else "see the table"
    found("detect", f"{text}; YuNet {times[YUNET]:.0f} ms, {recall[YUNET]}", met, name, why)


def _right(told: str) -> int:
    return int(told.split()[0])


def by_pixels(used: Detector, device: str, quick: bool) -> None:
    """The whole search of one group picture, enlarged."""
    group = rendered("group", 1, 384, 256)[0]
    sides = [256, 512] if quick else [256, 512, 1024, 2048, 4096]
    times = [timed({OURS: used}, [sized(group, side)], device, 3)[OURS] for side in sides]
    slope = chart(
        "growth-faces-found", "Finding faces by pixels (longest side 256 to 4096)", "pixels", "ms",
        {"ours": ([2 / 3 * side * side for side in sides], times)},
    )["ours"]  # fmt: skip
    found("growth", f"exponent {slope:.2f}", slope <= 1.05, "pixels, faces found", "" if slope <= 1.05 else "see there")


def main() -> None:
    asked = flags()
    if asked.device == "cpu":
        torch.set_num_threads(1)
    used = dict(detectors(asked.device))
    rows = []
    for name, cases in sets(asked.quick).items():
        recall = {key: tally(one, cases, HIT) for key, one in used.items()}
        times = timed(used, cases, asked.device, 1 if asked.quick else 5)
        rows += [[name, key, recall[key], f"{times[key]:.1f}", f"{times[key] / times[OURS]:.2f}"] for key in used]
        judged(name, recall, times, asked.device)
    print(machine("torch", device=asked.device))
    print("\nMedian milliseconds of a picture of 1024 px, four at once; all threads' CPU time (on a GPU by the clock).")
    table(("pictures", "detector", "faces found", "ms", "to ours"), rows, words=3)
    print("ADetailer's default, `face_yolov8n.pt`, comes by download alone and was not run.")
    by_pixels(used[OURS], asked.device, asked.quick)


if __name__ == "__main__":
    main()
