"""The face detectors that ours are measured beside, each as its own program or package runs it, where it is there.

YuNet is its author's own program (libfacedetection, C++ with AVX-512), built as a library with one function,
`int yunet(unsigned char *bgr, int width, int height, int step, short *faces)`, which copies what `facedetect_cnn`
found; VAEFACE_YUNET names that library, or an ONNX file for OpenCV's FaceDetectorYN. MTCNN is the package
facenet-pytorch (installed without its requirements, which hold torch back) with torchvision; mediapipe is 0.10.21, the
last with models in its package. ADetailer offers two of mediapipe's. Its default, `face_yolov8n.pt`, is in no package:
VAEFACE_YOLO names the file; without it the package ultralytics runs the same network with random weights, whose time is
the same and which finds nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from benchmarks.detectors import Mtcnn, _bytes
from lib_vaeface.face.guests import MediaPipe, _solutions, installed, without_mediapipe
from lib_vaeface.face.protocol import Detector, Face

YUNET, YOLO = "YuNet", "ADetailer's default (YOLOv8n)"
SCORE, STRIDE, SIDE = 0.3, 16, 1024  # lowest score as ADetailer's page has it; of a face in YuNet's answer; pixels
NEAR = 0  # mediapipe's model for faces within 2 m


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


class Short(MediaPipe):
    """mediapipe's model for selfies."""

    def __init__(self, score: float) -> None:
        make = _solutions()
        assert make is not None
        self._net = make(model_selection=NEAR, min_detection_confidence=score)


class Yolov8n:
    """ultralytics' YOLOv8n for one class, called as ADetailer calls it: at 640 px, picture by picture."""

    name = YOLO

    def __init__(self, file: str | None, device: str) -> None:
        threads = torch.get_num_threads()
        with contextlib.redirect_stdout(sys.stderr):  # where its messages go from now on
            from ultralytics import YOLO as Model  # type: ignore[import-not-found]
            from ultralytics.nn.tasks import DetectionModel  # type: ignore[import-not-found]

            self._net, self._device = Model(file or "yolov8n.yaml", task="detect"), device
            if not file:
                self._net.model = DetectionModel("yolov8n.yaml", nc=1, verbose=False)
            self._faces(torch.zeros(3, 64, 64))
        torch.set_num_threads(threads)  # its first call takes as many as it likes

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        return [self._faces(image) for image in images]

    def _faces(self, image: Tensor) -> list[Face]:
        (result,) = self._net(Image.fromarray(_bytes(image)), conf=SCORE, device=self._device, verbose=False)
        rows = zip(result.boxes.xyxy.tolist(), result.boxes.conf.tolist(), strict=True)
        return [Face((box[0], box[1], box[2], box[3]), score) for box, score in rows]


def peers(device: str) -> Iterator[tuple[str, Detector]]:
    """Those that are there, by the names that the table has."""
    if file := os.environ.get("VAEFACE_YUNET"):
        yield YUNET, Onnx(file) if file.endswith(".onnx") else Library(file)
    if not without_mediapipe():
        yield "mediapipe, full range", MediaPipe(SCORE)
        yield "mediapipe, short range", Short(SCORE)
    if installed("facenet_pytorch"):
        yield "MTCNN", Mtcnn(device)
    if installed("ultralytics"):
        yield YOLO, Yolov8n(os.environ.get("VAEFACE_YOLO"), device)


def without_weights(name: str) -> bool:
    """Whether the detector of this name only shows how long it takes."""
    return name == YOLO and not os.environ.get("VAEFACE_YOLO")


def there() -> list[str]:
    """Packages of theirs that are installed."""
    return [name for name in ("mediapipe", "facenet-pytorch", "ultralytics") if installed(name.replace("-", "_"))]
