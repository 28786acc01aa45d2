"""Detectors that are not ours: the WebUI's RetinaFace, mediapipe, a YOLO model of the person's.

Their packages are imported when one is used, never before, and none is required. RetinaFace's file is read by torch's
reader for weights alone, which runs nothing. A YOLO model is a pickle: only ultralytics opens it, and only where the
person has said so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .overlap import distinct
from .protocol import Face, Point

RETINAFACE_FILE = "detection_Resnet50_Final.pth"  # the name under which facexlib looks for it
FAR = 1  # mediapipe's model for faces up to 5 m away; the other is for selfies


def installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _frames(images: Sequence[Tensor]) -> Iterator[Any]:
    """Each image as a numpy array [H,W,3] of RGB bytes."""
    for image in images:
        yield (image.float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().contiguous().numpy()


def without_retinaface(folders: Sequence[Path]) -> str:
    if not installed("facexlib"):
        return "facexlib is not installed in this WebUI"
    if retinaface_file(folders) is None:
        return (
            f"{RETINAFACE_FILE} is not on disk: the WebUI fetches it when face restoration is used for the first time"
        )
    return ""


def retinaface_file(folders: Sequence[Path]) -> Path | None:
    """RetinaFace's file in one of the folders, or in facexlib's own."""
    spec = find_spec("facexlib") if installed("facexlib") else None
    places = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    inside = [Path(place) / "weights" for place in places]
    return next((path for folder in (*folders, *inside) if (path := folder / RETINAFACE_FILE).is_file()), None)


class RetinaFace:
    """facexlib's RetinaFace (ResNet-50), as the WebUI's face restoration uses it."""

    name = "retinaface"

    def __init__(self, folders: Sequence[Path], device: torch.device, score: float) -> None:
        path = retinaface_file(folders)
        if path is None:
            raise FileNotFoundError(without_retinaface(folders))
        net = _placed(import_module("facexlib.detection.retinaface"), device)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        net.load_state_dict({name.removeprefix("module."): tensor for name, tensor in tensors.items()})
        self._net, self._score = net.eval().to(device), score

    @torch.no_grad()
    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        """See `Detector`."""
        return [self._faces(frame[:, :, ::-1]) for frame in _frames(images)]

    def _faces(self, bgr: Any) -> list[Face]:
        rows = self._net.detect_faces(bgr, conf_threshold=self._score)
        return distinct([_of_row([float(value) for value in row]) for row in rows])


def _placed(module: Any, device: torch.device) -> Any:
    """The network without weights. Older facexlibs take the device from a variable of the module."""
    if "device" in signature(module.RetinaFace).parameters:
        return module.RetinaFace(network_name="resnet50", half=False, device=device)
    module.device = device
    return module.RetinaFace(network_name="resnet50", half=False)


def _of_row(row: Sequence[float]) -> Face:
    """Box, score and five points as facexlib has them."""
    return Face((row[0], row[1], row[2], row[3]), row[4], tuple(zip(row[5:15:2], row[6:15:2], strict=True)))


def without_mediapipe() -> str:
    if not installed("mediapipe"):
        return "mediapipe is not installed in this WebUI"
    if _solutions() is None:
        return "this mediapipe comes without its face models; 0.10.21 is the last that has them"
    return ""


def _solutions() -> Callable[..., Any] | None:
    try:
        found: Callable[..., Any] = import_module("mediapipe.python.solutions.face_detection").FaceDetection
    except (ImportError, AttributeError):
        return None
    return found


class MediaPipe:
    """BlazeFace as mediapipe has it, on the CPU. It sees faces of about a tenth of the picture and more."""

    name = "mediapipe"

    def __init__(self, score: float) -> None:
        make = _solutions()
        if make is None:
            raise ImportError(without_mediapipe())
        self._net = make(model_selection=FAR, min_detection_confidence=score)

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        """See `Detector`. Both corners of the mouth are given as its middle, which is all that mediapipe has."""
        return [distinct(self._faces(frame)) for frame in _frames(images)]

    def _faces(self, frame: Any) -> list[Face]:
        height, width = frame.shape[:2]
        found = []
        for one in self._net.process(frame).detections or ():
            box, points = one.location_data.relative_bounding_box, one.location_data.relative_keypoints
            corners = (box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height)
            left, right = (min(max(corners[n], 0.0), 1.0) * width for n in (0, 2))
            top, bottom = (min(max(corners[n], 0.0), 1.0) * height for n in (1, 3))
            marks: list[Point] = [(points[n].x * width, points[n].y * height) for n in (0, 1, 2, 3, 3)]
            if right > left and bottom > top:
                found.append(Face((left, top, right, bottom), float(one.score[0]), tuple(marks)))
        return found


def without_yolo(path: Path | None, allow_pickle: bool) -> str:
    if path is None or not path.is_file():
        return "no YOLO model was chosen" if path is None else f"{path.name} is not there"
    if not installed("ultralytics"):
        return "ultralytics is not installed in this WebUI"
    if not allow_pickle:
        return (
            f"{path.name} is a file that can run programs when it is opened; allow that first if you trust its origin"
        )
    return ""


class Yolo:
    """A YOLO model of the person's: faces, or whatever else it finds. No landmarks."""

    name = "yolo"

    def __init__(self, path: Path | None, allow_pickle: bool, device: torch.device, score: float) -> None:
        reason = without_yolo(path, allow_pickle)
        if reason:
            raise ValueError(reason)
        self._net, self._device, self._score = import_module("ultralytics").YOLO(str(path)), device, score

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        """See `Detector`."""
        return [self._faces(frame[:, :, ::-1].copy()) for frame in _frames(images)]

    def _faces(self, bgr: Any) -> list[Face]:
        (result,) = self._net(bgr, conf=self._score, device=str(self._device), verbose=False)
        rows = zip(result.boxes.xyxy.tolist(), result.boxes.conf.tolist(), strict=True)
        return distinct([Face((box[0], box[1], box[2], box[3]), float(score)) for box, score in rows])
