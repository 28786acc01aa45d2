"""Faces out of the picture onto a canvas that the model paints well, and back.

A window is a square of the picture around a face, turned with it where it leans more than 15 degrees. Its canvas is as
large as the model's native size and never smaller than the window itself, so no detail of the picture is thrown away.
All is float; nothing is rounded on the way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .masks import scaled
from .outline import LEAN, Outline, outline, roll
from .protocol import Face, FloatBox, Point

PADDING = 1.9  # window to the longer side of the face's box
LEAST = 1.5  # what the outline and its soft edge need, even where the picture is narrower
GRID = 64
UNCHANGED = 1 / 255  # a canvas that changed by less, here and around, leaves of the picture's own pixels


@dataclass(frozen=True)
class Window:
    """A square of the picture. centre: (x, y), side: in pixels. turn: clockwise lean that is taken out, in radians.

    canvas: width and height in pixels of what it is painted on. An upright window lies on whole pixels.
    """

    centre: Point
    side: int
    canvas: int
    turn: float = 0.0

    @property
    def scale(self) -> float:
        """Canvas pixels to a pixel of the picture."""
        return self.canvas / self.side

    def onto(self, point: Point) -> Point:
        """A point of the picture, on the canvas."""
        x, y = point[0] - self.centre[0], point[1] - self.centre[1]
        cos, sin, half = math.cos(self.turn), math.sin(self.turn), self.canvas / 2
        return half + self.scale * (cos * x + sin * y), half + self.scale * (cos * y - sin * x)

    def outline(self, face: Face) -> Outline:
        """The face's outline on the canvas."""
        shape = outline(face)
        return scaled(shape, self.onto((shape.x, shape.y)), self.scale, self.turn)

    def face_box(self, face: Face) -> FloatBox:
        """The face's box on the canvas; around a face that was turned upright, the box of its outline's core."""
        if self.turn == 0.0:
            return (*self.onto(face.box[:2]), *self.onto(face.box[2:]))
        shape = self.outline(face)
        x, y = shape.half_width * 0.91, shape.half_height * 0.86  # the outline reaches 10 and 16 % beyond the box
        return shape.x - x, shape.y - y, shape.x + x, shape.y + y

    def box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Whole pixels of a picture (left, top, right, bottom) that the window touches."""
        reach = self.side / 2 * (abs(math.cos(self.turn)) + abs(math.sin(self.turn)))
        (x, y), slack = self.centre, 1e-6
        left, top = math.floor(x - reach + slack), math.floor(y - reach + slack)
        right, bottom = math.ceil(x + reach - slack), math.ceil(y + reach - slack)
        return max(0, left), max(0, top), min(width, right), min(height, bottom)


def longest(face: Face) -> float:
    """The longer side of the face in pixels: of its box, or of the face itself where it leans."""
    left, top, right, bottom = face.box
    return max(right - left, bottom - top) if abs(roll(face)) <= LEAN else outline(face).height


def window_of(face: Face, height: int, width: int, native: int, padding: float = PADDING) -> Window:
    """The window of a face in a picture height x width, and its canvas for a model of `native` pixels.

    The window is moved into the picture as far as it fits; beyond the edge the picture is mirrored. One that is larger
    than the native size is as large as its canvas: it loses nothing to a resampling.
    """
    size = longest(face)
    side = max(8, round(min(padding * size, max(min(height, width), LEAST * size))))
    canvas = math.ceil(max(side, native) / GRID) * GRID
    side = canvas if side > native else side
    turn = roll(face) if abs(roll(face)) > LEAN else 0.0
    reach = side / 2 * (abs(math.cos(turn)) + abs(math.sin(turn)))
    middle = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    x, y = (_inside(at, reach, end) for at, end in zip(middle, (width, height), strict=True))
    if turn == 0.0:
        x, y = math.floor(x - side / 2 + 0.5) + side / 2, math.floor(y - side / 2 + 0.5) + side / 2
    return Window((x, y), side, canvas, turn)


def _inside(at: float, reach: float, end: int) -> float:
    """The middle nearest to `at` of a span that lies within 0..end, or is centred where it can't."""
    return end / 2 if 2 * reach >= end else min(max(at, reach), end - reach)


@torch.no_grad()
def cut(picture: Tensor, window: Window) -> Tensor:
    """[3,H,W] -> [3,canvas,canvas], bicubic; low-passed where it shrinks. At scale 1, upright, the very pixels."""
    picture = picture.float()
    if window.canvas < window.side:
        return _resized(cut(picture, replace(window, canvas=window.side)), window.canvas)
    if window.turn == 0.0:
        rows, columns = _mirrored(window, 1, picture), _mirrored(window, 0, picture)
        return _resized(picture[:, rows][:, :, columns], window.canvas)
    height, width = picture.shape[1:]
    at = (torch.arange(window.canvas, device=picture.device) + 0.5) / window.scale - window.side / 2
    cos, sin = math.cos(window.turn), math.sin(window.turn)
    x = window.centre[0] + cos * at[None] - sin * at[:, None]
    y = window.centre[1] + sin * at[None] + cos * at[:, None]
    return _sampled(picture, x / width, y / height)


def _mirrored(window: Window, axis: int, picture: Tensor) -> Tensor:
    """Rows (axis 1) or columns (axis 0) of the picture that an upright window has, mirrored beyond the edge."""
    end = picture.shape[2 - axis]
    at = torch.arange(window.side, device=picture.device) + round(window.centre[axis] - window.side / 2)
    at = at % (2 * end)
    return torch.where(at < end, at, 2 * end - 1 - at)


def _resized(picture: Tensor, side: int) -> Tensor:
    if picture.shape[-1] == side:
        return picture.clone()
    small = F.interpolate(picture[None], size=(side, side), mode="bicubic", antialias=True, align_corners=False)
    return small[0].clamp(0, 1)


def _sampled(picture: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The picture at points given in shares of its sides, bicubic, mirrored beyond the edge."""
    grid = torch.stack([2 * x - 1 + 0 * y, 2 * y - 1 + 0 * x], -1)[None].to(picture.dtype)
    found = F.grid_sample(picture[None], grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return found[0].clamp(0, 1)


@torch.no_grad()
def back(picture: Tensor, before: Tensor, after: Tensor, window: Window) -> tuple[Tensor, tuple[int, int, int, int]]:
    """The window's part of the picture as the canvas now shows it: (pixels [3,h,w], box), to be blended in.

    before: what `cut` gave, after: what became of it, both [3,canvas,canvas]. Where both are the same the picture's own
    pixels come back bit for bit, at any scale and lean: only what was painted goes through a resampling.
    """
    left, top, right, bottom = box = window.box(*picture.shape[1:])
    own = picture[:, top:bottom, left:right].float()
    change = _spread((after - before).abs().amax(0, keepdim=True), math.ceil(1.5 * window.scale))
    small = _resized(after, window.side)
    x = torch.arange(left, right, device=picture.device) + 0.5 - window.centre[0]
    y = torch.arange(top, bottom, device=picture.device) + 0.5 - window.centre[1]
    cos, sin = math.cos(window.turn), math.sin(window.turn)
    u = (cos * x[None] + sin * y[:, None]) / window.side + 0.5
    v = (cos * y[:, None] - sin * x[None]) / window.side + 0.5
    if window.turn == 0.0:
        x0, y0 = round(window.centre[0] - window.side / 2), round(window.centre[1] - window.side / 2)
        new = small[:, top - y0 : bottom - y0, left - x0 : right - x0]
    else:
        new = _sampled(small, u, v)
    kept = (1 - _sampled(change, u, v) / UNCHANGED).clamp(0, 1)
    kept = torch.where(((u - 0.5).abs() > 0.5) | ((v - 0.5).abs() > 0.5), torch.ones_like(kept), kept)
    return torch.where(kept < 1, new + kept * (own - new), own), box


def _spread(change: Tensor, reach: int) -> Tensor:
    """The largest value within `reach` pixels to each side of [1,H,W]."""
    rows = F.max_pool2d(change[None], (2 * reach + 1, 1), 1, (reach, 0))
    return F.max_pool2d(rows, (1, 2 * reach + 1), 1, (0, reach))[0]
