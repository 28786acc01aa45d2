"""Where faces are painted."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_vaeface.face.crops import window_of
from lib_vaeface.face.masks import adjusted, mask_of, mask_over
from lib_vaeface.face.outline import outline
from lib_vaeface.face.protocol import Face
from tests.face.samples import face_at

places = st.tuples(st.floats(-60, 360), st.floats(-60, 260), st.floats(2, 300), st.floats(-180, 180))


@given(places, st.floats(0.5, 2), st.booleans())
@settings(max_examples=60, deadline=None)
def test_masks_are_shares(place: tuple[float, float, float, float], grow: float, marked: bool) -> None:
    face = face_at(*place)
    face = face if marked else Face(face.box, 0.5)
    window = window_of(face, 200, 300, 128)
    canvas = mask_of(window.outline(face), window.canvas, window.canvas, grow=grow)
    assert canvas.shape == (1, window.canvas, window.canvas)
    for mask in (canvas, mask_over(face, (0, 0, 300, 200))):
        assert mask.min() >= 0 and mask.max() <= 1


@pytest.mark.parametrize("lean", [0, 10, 30, -80, 180])
def test_canvas_and_picture_have_the_same_mask(lean: float) -> None:
    face = face_at(150, 100, 80, lean)
    window = window_of(face, 200, 300, 256)
    mask = mask_of(window.outline(face), window.canvas, window.canvas)[0]
    here = mask_over(face, (0, 0, 300, 200))
    for y in range(60, 140, 7):
        for x in range(110, 190, 7):
            u, v = window.onto((x + 0.5, y + 0.5))
            assert float(mask[int(v), int(u)]) == pytest.approx(float(here[y, x]), abs=0.12)


def test_a_leaning_face_has_a_leaning_mask() -> None:
    upright, lying = face_at(100, 100, 80), face_at(100, 100, 80, 90)
    one, other = (mask_over(face, (0, 0, 200, 200)) for face in (upright, lying))
    assert torch.allclose(one, other.T, atol=1e-4)
    assert one[:, 100].sum() > 1.2 * one[100].sum()


@given(places, st.floats(-2, 2), st.floats(-2, 2))
@settings(max_examples=60, deadline=None)
def test_defect_an_offset_mask_does_not_wrap(
    place: tuple[float, float, float, float], right: float, down: float
) -> None:
    """ADetailer's offset pushes a mask out at one border and in at the opposite one."""
    face = adjusted(face_at(*place), right=right, down=down)
    mask = mask_over(face, (0, 0, 300, 200))
    left, top, x1, y1 = outline(face).bounds(0.5 * outline(face).height)
    x, y = torch.arange(300)[None] + 0.5, torch.arange(200)[:, None] + 0.5
    away = (x < left) | (x > x1) | (y < top) | (y > y1)
    assert bool((mask[away] == 0).all())


def test_moving_follows_the_lean() -> None:
    lying = adjusted(face_at(100, 100, 80, 90), down=0.5)
    assert lying.box[0] < face_at(100, 100, 80, 90).box[0] and lying.box[1] == pytest.approx(
        face_at(100, 100, 80, 90).box[1]
    )


def test_growing_keeps_the_middle_and_the_lean() -> None:
    face, large = face_at(100, 90, 80, 30), adjusted(face_at(100, 90, 80, 30), grow=2)
    assert (outline(large).x, outline(large).y) == pytest.approx((outline(face).x, outline(face).y))
    assert outline(large).height == pytest.approx(2 * outline(face).height)
    assert outline(large).lean == pytest.approx(outline(face).lean)
