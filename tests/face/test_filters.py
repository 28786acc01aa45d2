"""Which faces are worked on and in which order, what a person drew, and the picture that shows their numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lib_vaeface.face.boxes import parse_boxes
from lib_vaeface.face.filters import ORDERS, Filters, choose
from lib_vaeface.face.overlap import distinct, merged
from lib_vaeface.face.overlay import overlay
from lib_vaeface.face.protocol import Face
from tests.face.people import overlap

SIZE = (400, 200)


def face(left: float, top: float, side: float, score: float = 0.9) -> Face:
    return Face((left, top, left + side, top + side), score, ((left, top),) * 5)


CROWD = [face(300, 20, 20, 0.5), face(10, 50, 80, 0.7), face(180, 80, 40, 0.95), face(350, 150, 10, 0.4)]


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (Filters(), [1, 2, 0, 3]),
        (Filters(order="size"), [1, 2, 0, 3]),
        (Filters(order="score"), [2, 1, 0, 3]),
        (Filters(score=0.6), [1, 2]),
        (Filters(smallest=10.0), [1, 2, 0]),  # of 200 px
        (Filters(largest=20.0), [2, 0, 3]),
        (Filters(smallest=10.0, largest=20.0), [2, 0]),
        (Filters(count=2), [1, 2]),
        (Filters(count=2, order="score"), [2, 1]),
        (Filters(main=50.0), [1, 2]),
        (Filters(centre=True), [2]),
        (Filters(largest=100.0, count=9), [1, 2, 0, 3]),
    ],
)
def test_filters(filters: Filters, kept: list[int]) -> None:
    assert choose(CROWD, SIZE, filters) == [CROWD[n] for n in kept]


def test_a_face_higher_than_the_shorter_side_is_not_too_large() -> None:
    tall = Face((0, 0, 200, 390), 0.9)
    assert choose([tall], (200, 400), Filters()) == [tall]


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match="left to right"):
        Filters(order="alphabet")


def test_two_boxes_of_one_face_count_once_and_two_people_twice() -> None:
    twice = [face(10, 10, 50, 0.6), face(12, 11, 50, 0.9), face(55, 10, 50, 0.8)]
    assert distinct(twice) == [twice[1], twice[2]]


def test_merging_keeps_the_better_landmarks_and_holds_both() -> None:
    inner, outer, apart = face(20, 20, 30, 0.9), face(10, 10, 60, 0.5), face(200, 10, 40, 0.7)
    (one, two) = choose([inner, outer, apart], SIZE, Filters(merge=0.5))
    assert one.box == outer.box and one.score == 0.9 and one.landmarks == inner.landmarks
    assert two == apart
    assert len(choose([inner, outer, apart], SIZE, Filters(merge=1.0))) == 3
    chain = [face(0, 0, 50), face(30, 0, 50), face(60, 0, 50)]
    assert [f.box for f in merged(chain, 0.3)] == [(0, 0, 110, 50)]


CROWDS = st.lists(
    st.builds(face, st.floats(0, 350), st.floats(0, 150), st.floats(1, 100), st.floats(0, 1)), max_size=8
)  # fmt: skip
FILTERS = st.builds(
    Filters, st.floats(0, 1), st.floats(0, 40), st.floats(40, 100), st.floats(0, 100), st.floats(0, 1),
    st.booleans(), st.integers(0, 5), st.sampled_from(ORDERS),
)  # fmt: skip


@settings(deadline=None, max_examples=80)
@given(CROWDS, FILTERS)
def test_filters_only_leave_out(crowd: list[Face], filters: Filters) -> None:
    kept = choose(crowd, SIZE, filters)
    assert len(kept) <= len(crowd) and (not filters.count or len(kept) <= filters.count)
    assert all(one.score >= filters.score for one in kept)
    if filters.merge == 1:
        assert all(one in crowd for one in kept)
    assert choose(kept, SIZE, replace(filters, main=0)) == kept or filters.merge < 1


@settings(deadline=None, max_examples=60)
@given(CROWDS)
def test_distinct_faces_do_not_overlap_and_hold_the_best(crowd: list[Face]) -> None:
    kept = distinct(crowd)
    assert all(overlap(a.box, b.box) <= 0.3 + 1e-6 for n, a in enumerate(kept) for b in kept[:n])
    assert not crowd or max(f.score for f in crowd) == kept[0].score


def test_boxes_in_shares_and_in_pixels() -> None:
    shape = torch.zeros(3, 200, 400).shape
    found = parse_boxes("0.1,0.2,0.5,0.6; (100 20 180 90)\n 0 0 1 1;", shape)
    assert [f.box for f in found] == [(40, 40, 200, 120), (100, 20, 180, 90), (0, 0, 400, 200)]
    assert all(f.score == 1 and f.landmarks == () for f in found)
    assert [f.box for f in parse_boxes([[-20, 10, 900, 50.5]], shape)] == [(0, 10, 400, 50.5)]
    assert parse_boxes("", shape) == parse_boxes(" ; ", shape) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0.1,0.2,0.5", "box 1: four numbers"),
        ("0.1,0.2,0.5,0.6; a,b,c,d", "box 2"),
        ("0.5,0.2,0.1,0.6", "right must be more"),
        ("10,20,10,60", "nothing of it"),
        ("500,20,600,60", "400x200"),
        ("0.1,nan,0.5,0.6", "four numbers"),
        ("0,0,inf,1", "four numbers"),
    ],
)
def test_boxes_that_are_none_are_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_boxes(text, (200, 400))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(allow_nan=True), max_size=5), st.integers(1, 500), st.integers(1, 500))
def test_boxes_are_inside_the_picture_or_refused(row: list[float], height: int, width: int) -> None:
    try:
        (found,) = parse_boxes([row], (height, width))
    except ValueError:
        return
    left, top, right, bottom = found.box
    assert 0 <= left < right <= width and 0 <= top < bottom <= height


@pytest.mark.parametrize("size", [(1, 1), (40, 30), (640, 480), (3000, 1000)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_the_overlay_shows_every_face(size: tuple[int, int], mode: str) -> None:
    picture = Image.new(mode, size)
    before = picture.copy()
    width, height = size
    faces = [Face((0, 0, width / 3, height / 2), 0.9, ((width / 4, height / 4),)), face(width / 2, height / 2, 5)]
    shown = overlay(picture, faces)
    assert shown.size == size and shown.mode == "RGB" and picture.tobytes() == before.tobytes()
    assert shown.tobytes() != picture.convert("RGB").tobytes()
    assert overlay(picture, []).tobytes() == picture.convert("RGB").tobytes()


def test_the_numbers_of_the_overlay_differ() -> None:
    picture = Image.new("RGB", (300, 300))
    named = [overlay(picture, CROWD[2:3], [text]).tobytes() for text in ("1", "2", "10")]
    assert len(set(named)) == 3
