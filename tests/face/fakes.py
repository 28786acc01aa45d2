"""A WebUI, a detector and a face VAE for tests: small, but they really look, paint and decode."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lib_vaeface.face.protocol import Face, Redecoded, Resample
from tests.face.samples import POINTS

RED = torch.tensor([0.9, 0.1, 0.1])


def painted_face(picture: Tensor, x: float, y: float, size: float) -> Tensor:
    """The picture with a red disc `size` pixels high, which `Discs` takes for a face."""
    rows, columns = torch.arange(picture.shape[1])[:, None] + 0.5, torch.arange(picture.shape[2])[None] + 0.5
    inside = ((rows - y) ** 2 + (columns - x) ** 2).sqrt() < size / 2
    return torch.where(inside, RED[:, None, None], picture)


class Discs:
    """Finds red discs that stand beside each other. The score is how red the middle of a disc is."""

    name = "discs"

    def __init__(self) -> None:
        self.calls: list[int] = []

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        self.calls.append(len(images))
        return [sorted(self._faces(image), key=lambda face: -face.score) for image in images]

    def _faces(self, image: Tensor) -> list[Face]:
        red = image[0] - image[1:].amax(0) > 0.5
        filled = torch.cat([torch.zeros(1), red.any(0).float(), torch.zeros(1)]).diff()
        found = []
        for start, end in zip(torch.where(filled > 0)[0].tolist(), torch.where(filled < 0)[0].tolist(), strict=True):
            rows, columns = torch.where(red[:, start:end])
            if len(rows) > 30:
                found.append(self._face(image, rows, columns + start))
        return found

    def _face(self, image: Tensor, rows: Tensor, columns: Tensor) -> Face:
        left, right = float(columns.min()), float(columns.max()) + 1
        top, bottom = float(rows.min()), float(rows.max()) + 1
        x, y, size = (left + right) / 2, (top + bottom) / 2, bottom - top
        core = (rows - y).abs().lt(size / 4) & (columns - x).abs().lt(size / 4)
        middle = image[:, rows[core], columns[core]].mean(1)
        score = float((middle[0] - middle[1:].mean()).clamp(0, 1))
        return Face((left, top, right, bottom), score, tuple((x + size * u, y + size * v) for u, v in POINTS))


def brighten(images: Tensor, request: Resample) -> Tensor:
    """Redder inside the mask: a better face to `Discs`."""
    better = images + torch.tensor([0.08, -0.08, -0.08])[:, None, None]
    return images + request.masks * (better - images)


def ruin(images: Tensor, request: Resample) -> Tensor:
    """Grey inside the mask: no face."""
    return images + request.masks * (0.5 - images)


def fade(images: Tensor, request: Resample) -> Tensor:
    """Paler: a face, but less of one."""
    return images + request.masks * 0.25 * (0.5 - images)


def move(images: Tensor, request: Resample) -> Tensor:
    """The same face, elsewhere."""
    return images.roll(images.shape[-1] // 4, -1)


def blur(images: Tensor, request: Resample) -> Tensor:
    return torch.nn.functional.avg_pool2d(images, 9, 1, 4, count_include_pad=False)


class Painter:
    """A `Resampler`. paint: what it does with crops. room: most faces that fit into its memory. patience: chunks until
    the person interrupts."""

    native = 128

    def __init__(
        self, paint: Callable[[Tensor, Resample], Tensor] = brighten, room: int = 99, patience: int = 99
    ) -> None:
        self.paint, self.room, self.patience = paint, room, patience
        self.requests: list[Resample] = []
        self.shown: list[tuple[int, int]] = []

    def stopped(self) -> bool:
        return self.patience <= 0

    def progress(self, done: int, total: int) -> None:
        self.shown.append((done, total))

    def __call__(self, request: Resample) -> Tensor | None:
        self.requests.append(request)
        if len(request.images) > self.room:
            raise torch.cuda.OutOfMemoryError("too many")
        self.patience -= 1
        return None if self.patience < 0 else self.paint(request.images, request)

    @property
    def sizes(self) -> list[int]:
        return [len(request.images) for request in self.requests]


class Decoder:
    """A `Redecode` that gives the pictures it was made with, a little bluer."""

    def __init__(self, pictures: Sequence[Tensor]) -> None:
        self.pictures, self.calls = list(pictures), 0

    def __call__(self, number: int, boxes: Sequence[tuple[int, int, int, int]]) -> Redecoded:
        self.calls += 1
        bluer = self.pictures[number] + torch.tensor([0.0, 0.0, 0.02])[:, None, None]
        images = [bluer[:, top:bottom, left:right] for left, top, right, bottom in boxes]
        return Redecoded(images, "exact")
