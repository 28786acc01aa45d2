"""Faces and eyes of decoded pictures, where VAEs differ most."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from lib_vaeface.face.detect import Setup, detector
from lib_vaeface.face.protocol import Face, FloatBox
from lib_vaeface.vae.compare import Region

DETECTOR = "centerface"
EYE_WIDTH, EYE_HEIGHT = 0.6, 0.4  # of the distance between the eyes
SMALLEST = 4.0  # pixels of a side


def regions(images: Tensor) -> list[Region]:
    """Pictures [B,3,H,W] in 0..1 -> "face" and "eyes" regions, none where no detector works."""
    try:
        found = detector(DETECTOR, Setup()).detect([image.float().cpu() for image in images])
    except (ValueError, OSError, RuntimeError):
        return []
    height, width = images.shape[-2:]
    boxes = ((kind, box, n) for n, faces in enumerate(found) for face in faces for kind, box in _boxes(face))
    cut = ((kind, _cut(box, width, height), number) for kind, box, number in boxes)
    return [Region(kind, box, n) for kind, box, n in cut if min(box[2] - box[0], box[3] - box[1]) >= SMALLEST]


def _boxes(face: Face) -> Iterator[tuple[str, FloatBox]]:
    yield "face", face.box
    if len(face.landmarks) >= 2:
        (ax, ay), (bx, by) = face.landmarks[:2]
        apart = ((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5
        for x, y in ((ax, ay), (bx, by)):
            yield "eyes", (x - EYE_WIDTH / 2 * apart, y - EYE_HEIGHT / 2 * apart,
                           x + EYE_WIDTH / 2 * apart, y + EYE_HEIGHT / 2 * apart)  # fmt: skip


def _cut(box: FloatBox, width: int, height: int) -> FloatBox:
    left, top, right, bottom = box
    return max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
