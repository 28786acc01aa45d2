"""Windows, canvases and the way back."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lib_vaeface.face.crops import GRID, Window, back, cut, window_of
from lib_vaeface.face.masks import mask_of
from lib_vaeface.face.protocol import Face
from tests.face.samples import face_at, noise, smooth

degrees = st.floats(-180, 180)


@given(st.floats(-20, 320), st.floats(-20, 220), st.floats(4, 200), degrees, st.sampled_from([256, 512, 1024]))
@settings(max_examples=60, deadline=None)
def test_a_canvas_is_a_multiple_of_the_grid_and_never_smaller_than_the_window(
    x: float, y: float, size: float, lean: float, native: int
) -> None:
    window = window_of(face_at(x, y, size, lean), 200, 300, native)
    assert window.canvas % GRID == 0
    assert window.canvas >= max(window.side, native)
    assert window.canvas < max(window.side, native) + GRID


@given(st.floats(0, 300), st.floats(0, 200), st.floats(10, 60))
@settings(max_examples=60, deadline=None)
def test_an_upright_window_lies_inside_the_picture_where_it_fits(x: float, y: float, size: float) -> None:
    window = window_of(face_at(x, y, size), 200, 300, 256)
    left, top, right, bottom = window.box(200, 300)
    assert (right - left, bottom - top) == (window.side, window.side)
    assert window.centre[0] - window.side / 2 == left and window.centre[1] - window.side / 2 == top


@pytest.mark.parametrize("lean", [0, 14, 16, -40, 90, 135, 180])
def test_a_leaning_face_is_upright_on_its_canvas(lean: float) -> None:
    face = face_at(150, 100, 60, lean)
    window = window_of(face, 200, 300, 256)
    (x0, y0), (x1, y1) = (window.onto(point) for point in face.landmarks[:2])
    left = math.degrees(math.atan2(y1 - y0, x1 - x0))
    assert abs(left) < 1e-6 if abs(lean) > 15 else left == pytest.approx(lean)


@pytest.mark.parametrize("lean", [0, 20, -45, 90, 170])
@pytest.mark.parametrize("size", [30, 70, 160])
def test_untouched_content_comes_back_as_it_was(lean: float, size: float) -> None:
    picture = noise(200, 300)
    window = window_of(face_at(140, 90, size, lean), 200, 300, 256)
    canvas = cut(picture, window)
    pixels, (left, top, right, bottom) = back(picture, canvas, canvas.clone(), window)
    assert torch.equal(pixels, picture[:, top:bottom, left:right])


@pytest.mark.parametrize("lean", [0, 20, -45, 90, 170])
@pytest.mark.parametrize("size", [30, 70, 160])
def test_what_was_painted_lands_where_it_belongs(lean: float, size: float) -> None:
    """A tint of the whole canvas comes back as the same tint of the window: the resampling itself is within 1/255."""
    picture = smooth(200, 300)
    window = window_of(face_at(140, 90, size, lean), 200, 300, 256)
    canvas = cut(picture, window)
    pixels, (left, top, right, bottom) = back(picture, canvas, canvas + 0.1, window)
    inside = _inside(window, left, top, right, bottom)
    wanted = picture[:, top:bottom, left:right] + 0.1
    assert inside.sum() > 100
    assert (pixels - wanted).abs()[:, inside].max() < 1 / 255


def _inside(window: Window, left: int, top: int, right: int, bottom: int) -> Tensor:
    x = torch.arange(left, right)[None] + 0.5 - window.centre[0]
    y = torch.arange(top, bottom)[:, None] + 0.5 - window.centre[1]
    cos, sin, reach = math.cos(window.turn), math.sin(window.turn), window.side / 2 - 2
    return ((cos * x + sin * y).abs() < reach) & ((cos * y - sin * x).abs() < reach)


def test_a_dot_on_the_canvas_is_a_dot_in_the_picture() -> None:
    for lean in (0.0, 30.0, -120.0):
        face = face_at(150, 100, 50, lean)
        window = window_of(face, 200, 300, 256)
        picture = torch.zeros(3, 200, 300)
        x, y = window.onto((160.5, 90.5))
        rows, columns = torch.arange(window.canvas)[:, None] + 0.5, torch.arange(window.canvas)[None] + 0.5
        dot = torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (1.5 * window.scale) ** 2)).expand(3, -1, -1)
        pixels, (left, top, _, _) = back(picture, torch.zeros_like(dot), dot, window)
        brightest = divmod(int(pixels[0].argmax()), pixels.shape[2])
        assert (brightest[1] + left, brightest[0] + top) == (160, 90)


def test_defect_large_faces_keep_their_resolution() -> None:
    """ADetailer resamples every face to the first pass's size. Here a window at full size is the very pixels."""
    picture = noise(900, 900)
    face = Face((300.0, 300.0, 660.0, 720.0), 0.9)
    window = window_of(face, 900, 900, 512)
    assert window.side == window.canvas == 832  # 1.9 times 420, on the grid
    assert torch.equal(cut(picture, window), picture[:, 68:900, 64:896])


def test_the_window_is_mirrored_beyond_the_edge() -> None:
    picture = torch.arange(20.0).expand(3, 20, 20) / 20
    canvas = cut(picture, Window((10.0, 10.0), 40, 40))
    assert torch.equal(canvas[0, 0, :10], picture[0, 0, :10].flip(0))
    assert torch.equal(canvas[0, 0, 30:], picture[0, 0, 10:].flip(0))


@given(st.floats(10, 290), st.floats(10, 190), st.floats(8, 120), degrees)
@settings(max_examples=40, deadline=None)
def test_defect_feather_and_padding_scale_with_the_face(x: float, y: float, size: float, lean: float) -> None:
    """Twice the picture with twice the face: the same canvas mask and twice the window, to rounding."""
    one = window_of(face_at(x, y, size, lean), 200, 300, 256)
    two = window_of(face_at(2 * x, 2 * y, 2 * size, lean), 400, 600, 512)
    assert abs(two.side - 2 * one.side) <= 2
    shape = one.outline(face_at(x, y, size, lean))
    half = two.outline(face_at(2 * x, 2 * y, 2 * size, lean))
    assert half.height / two.canvas * two.side == pytest.approx(2 * shape.height / one.canvas * one.side, rel=1e-6)


def test_the_soft_edge_is_as_wide_as_the_face_is_high_times_a_constant() -> None:
    widths = []
    for size in (40.0, 80.0, 160.0):
        window = window_of(face_at(300, 300, size), 600, 600, 512)
        mask = mask_of(window.outline(face_at(300, 300, size)), window.canvas, window.canvas)[0]
        row = mask[window.canvas // 2]
        widths.append(float(((row > 0) & (row < 1)).sum()) / 2 / window.scale / size)
    assert max(widths) / min(widths) < 1.1
