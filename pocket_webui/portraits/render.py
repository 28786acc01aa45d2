"""Renders batches of scenes. Every picture depends on its own scene only, never on its neighbours in a batch.

On a CPU each stage works in the smallest windows that hold what it paints, for the people who have it; on a
GPU, where many small copies cost more than they save, it works on whole pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from . import clothes, features, hair, head
from .frame import Frame, Params
from .scene import Person, Scene

# Small chunks stay in a CPU's cache; where faces are small, so are the windows, and more fit.
CPU_CHUNK, GPU_CHUNK = {"closeup": 2, "half": 4, "group": 8}, 64
# Windows this wide keep the vector units full, and the arithmetic of a pixel the same wherever its window lies.
STEP = 32


@dataclass(frozen=True)
class Stage:
    """Drawing functions, and the region (left, right, top, bottom in head units) they touch.

    regions: for people whose number of that name is above 0 ("" for everybody).
    """

    draw: tuple[Callable[[Tensor, Frame, Params], Tensor], ...]
    regions: dict[str, tuple[float, float, float, float]]


STAGES = (
    Stage((hair.back,), {"back": (-1.7, 1.7, -1.5, 2.8)}),
    Stage((hair.bun,), {"bun": (-0.62, 0.62, -1.6, -0.85)}),
    Stage((clothes.neck, clothes.shirt), {"": (-2.1, 2.1, 0.7, 30.0)}),
    Stage((head.ears,), {"": (-1.05, 1.05, -0.25, 0.4)}),
    Stage((head.skin,), {"": (-0.92, 0.92, -1.12, 1.14)}),
    Stage((features.beard,), {"beard": (-0.92, 0.92, -0.35, 1.35)}),
    Stage((features.nostrils, features.mouth), {"": (-0.58, 0.58, 0.2, 0.95)}),
    Stage((features.eyes, features.brows), {"": (-0.85, 0.85, -0.56, 0.2)}),
    Stage((hair.shadow,), {"hair": (-0.92, 0.92, -1.1, 0.3)}),
    Stage((hair.front,), {"locks": (-1.5, 1.5, -1.4, 2.7), "tied": (-1.3, 1.3, -1.5, 0.45)}),
    Stage((clothes.hat_shadow,), {"hatted": (-0.92, 0.92, -0.75, -0.1)}),
    Stage((clothes.beanie,), {"beanie": (-1.1, 1.1, -2.0, -0.25)}),
    Stage((clothes.brimmed,), {"brim": (-1.6, 1.6, -1.7, -0.2)}),
    Stage((clothes.glasses,), {"glasses": (-0.95, 0.95, -0.4, 0.35)}),
)


def _window(person: Person, region: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """Pixels (left, top, right, bottom), unclipped, around a region of the turned head."""
    s = person.shape
    c, r = math.cos(s["roll"]) * s["sc"], math.sin(s["roll"]) * s["sc"]
    corners = [(c * u - r * v, r * u + c * v) for u in region[:2] for v in region[2:]]
    xs, ys = [s["cx"] + x for x, _ in corners], [s["cy"] + y for _, y in corners]
    return math.floor(min(xs)) - 2, math.floor(min(ys)) - 2, math.ceil(max(xs)) + 2, math.ceil(max(ys)) + 2


def _fit(spans: list[tuple[int, int]], size: int, step: int) -> tuple[list[int], int]:
    """Starts and one common length of windows along an axis; the length is a multiple of `step` or all of it."""
    clipped = [(max(0, a), min(size, b)) for a, b in spans]
    length = min(size, max(1, -(-max(b - a for a, b in clipped) // step)) * step)
    return [max(0, min(a, size - length)) for a, _ in clipped], length


class _Painter:
    """Draws one layer of people, at most one for each row of the canvas [B,3,H,W]."""

    def __init__(self, canvas: Tensor, rows: list[int], pairs: list[tuple[Scene, Person]], params: Params) -> None:
        self.canvas, self.rows, self.people, self.params = canvas, rows, [q for _, q in pairs], params
        self.height, self.width = canvas.shape[-2:]
        self.x = torch.arange(self.width, device=canvas.device) + 0.5
        self.y = torch.arange(self.height, device=canvas.device) + 0.5

    def whole(self, stage: Stage) -> None:
        frame = Frame(self.x[None, None, None], self.y[None, None, :, None], self.params)
        img = self.canvas[self.rows]
        for draw in stage.draw:
            img = draw(img, frame, self.params)
        self.canvas[self.rows] = img

    def windowed(self, stage: Stage) -> None:
        for flag, region in stage.regions.items():
            chosen = [i for i, q in enumerate(self.people) if not flag or q.shape[flag] > 0]
            boxes = {i: _window(self.people[i], region) for i in chosen}
            seen = [i for i, b in boxes.items() if b[0] < self.width and b[1] < self.height and b[2] > 0 and b[3] > 0]
            if seen:
                self._paint(stage, seen, [boxes[i] for i in seen])

    def _paint(self, stage: Stage, chosen: list[int], boxes: list[tuple[int, int, int, int]]) -> None:
        """Runs a stage in a window for each of the chosen people."""
        lefts, w = _fit([(b[0], b[2]) for b in boxes], self.width, STEP)
        tops, h = _fit([(b[1], b[3]) for b in boxes], self.height, 8)
        p = self.params if len(chosen) == len(self.people) else self.params.rows(chosen)
        views = [
            self.canvas[self.rows[i], :, t : t + h, x : x + w] for i, t, x in zip(chosen, tops, lefts, strict=True)
        ]
        xs = torch.stack([self.x[a : a + w] for a in lefts])[:, None, None, :]
        ys = torch.stack([self.y[a : a + h] for a in tops])[:, None, :, None]
        img, frame = torch.stack(views), Frame(xs, ys, p)
        for draw in stage.draw:
            img = draw(img, frame, p)
        for view, part in zip(views, img, strict=True):
            view.copy_(part)


def _layers(scenes: list[Scene]) -> list[list[tuple[int, Scene, Person]]]:
    """People sorted far to near in each scene; layer k holds the k-th of every scene that has one."""
    layers: list[list[tuple[int, Scene, Person]]] = []
    for row, scene in enumerate(scenes):
        for k, person in enumerate(sorted(scene.people, key=lambda q: q.shape["cy"])):
            if k == len(layers):
                layers.append([])
            layers[k].append((row, scene, person))
    return layers


def draw(scenes: list[Scene], device: torch.device, windows: bool) -> Tensor:
    """One chunk of scenes, stage by stage, in windows or on whole pictures: the same pixels either way."""
    canvas = head.background(scenes[0].width, scenes[0].height, Params.pack([(s, s.people[0]) for s in scenes], device))
    for layer in _layers(scenes):
        pairs = [(s, q) for _, s, q in layer]
        painter = _Painter(canvas, [row for row, _, _ in layer], pairs, Params.pack(pairs, device))
        run = painter.windowed if windows else painter.whole
        for stage in STAGES:
            run(stage)
    return canvas.mul_(255).add_(0.5).clamp_(0, 255).to(torch.uint8)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for a while: on small windows a second one gains little and, on a busy machine, costs minutes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
def render(scenes: list[Scene], device: torch.device | str = "cpu", chunk: int = 0) -> Tensor:
    """Pictures of the scenes, uint8 [n,3,height,width] on `device`; all scenes must have one size.

    chunk: pictures drawn at once (0: small chunks that stay in a CPU's cache, large ones on a GPU).
    On a CPU one thread draws; use several processes for more.
    """
    sizes = {(s.width, s.height) for s in scenes}
    if len(sizes) != 1:
        raise ValueError(f"render needs scenes of one size, got {sorted(sizes)}: render each size on its own")
    device = torch.device(device)
    step = chunk or (CPU_CHUNK[scenes[0].kind] if device.type == "cpu" else GPU_CHUNK)
    with one_thread():
        chunks = (scenes[i : i + step] for i in range(0, len(scenes), step))
        return torch.cat([draw(part, device, windows=device.type == "cpu") for part in chunks])
