"""Never worse."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lib_vaeface.face.guard import HEIGHTS, LEAST, guard, judge, overlap, views
from lib_vaeface.face.protocol import Face
from tests.face.samples import face_at, smooth

BOX = (40.0, 40.0, 80.0, 90.0)


def face(score: float, right: float = 0.0) -> Face:
    return Face((BOX[0] + right, BOX[1], BOX[2] + right, BOX[3]), score)


def kept(before: Sequence[Face], after: Sequence[Face], margin: float = 0.1) -> bool:
    return judge([before], [after], [BOX], margin).keep


def test_a_face_that_is_found_as_well_stays() -> None:
    assert kept([face(0.8)], [face(0.9)])
    assert kept([face(0.8)], [face(0.71)])
    assert not kept([face(0.8)], [face(0.69)])
    assert kept([face(0.8)], [face(0.69)], margin=0.2)


def test_a_face_elsewhere_is_not_this_face() -> None:
    verdict = judge([[face(0.8)]], [[face(0.99, right=35)]], [BOX])
    assert not verdict.keep and verdict.after == 0 and "not found again" in verdict.reason
    assert kept([face(0.8), face(0.99, right=35)], [face(0.99, right=35), face(0.8, right=2)])


def test_no_other_face_may_appear() -> None:
    """A prompt of several people paints them into the crop of one."""
    verdict = judge([[face(0.8)]] * 3, [[face(0.8), face(0.4, right=35)]] * 3, [BOX] * 3)
    assert not verdict.keep and "other faces" in verdict.reason
    assert judge([[face(0.8)]] * 3, [[face(0.8), face(0.1, right=35)]] * 3, [BOX] * 3).keep
    assert judge([[face(0.8)]] * 3, [[face(0.8), face(0.9, right=35)], *[[face(0.8)]] * 2], [BOX] * 3).keep


def test_a_face_that_nobody_saw_before_can_only_get_better() -> None:
    assert kept([], [face(0.4)])
    assert not kept([], [])


def test_sizes_are_compared_by_their_mean() -> None:
    before = [[face(0.6)], [face(0.6)], [face(0.6)]]
    assert judge(before, [[face(0.9)], [], [face(0.9)]], [BOX] * 3).keep
    verdict = judge(before, [[face(0.9)], [], []], [BOX] * 3)
    assert not verdict.keep and "0.30 after 0.60" in verdict.reason


@given(st.tuples(*[st.floats(0, 50)] * 4), st.tuples(*[st.floats(0, 50)] * 4))
def test_overlap_is_symmetric_and_a_share(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    one, other = ((p[0], p[1], p[0] + p[2] + 1, p[1] + p[3] + 1) for p in (a, b))
    assert 0 <= overlap(one, other) <= 1
    assert overlap(one, other) == overlap(other, one)
    assert overlap(one, one) == 1


@given(st.floats(5, 160), st.floats(-180, 180))
@settings(max_examples=25, deadline=None)
def test_views_show_the_face_upright_in_three_sizes(size: float, lean: float) -> None:
    seen = views(smooth(200, 300), face_at(150, 100, size, lean))
    for (view, box), share in zip(seen, HEIGHTS, strict=True):
        assert view.shape[1] == view.shape[2] and view.shape[1] % 32 == 0
        assert box[3] - box[1] > 0.75 * share * max(size, LEAST)
        middle = (box[0] + box[2]) / 2 / view.shape[1], (box[1] + box[3]) / 2 / view.shape[1]
        assert all(0.2 < part < 0.8 for part in middle)


class Bright:
    """Sees a face in the middle of a picture that is brighter than half."""

    name = "bright"
    calls = 0

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        self.calls += 1
        return [self._faces(image) for image in images]

    def _faces(self, image: Tensor) -> list[Face]:
        side, score = image.shape[1], float(image.mean())
        return [Face((0.27 * side, 0.24 * side, 0.73 * side, 0.76 * side), score)] if score > 0.5 else []


def test_all_faces_are_judged_in_one_call() -> None:
    detector = Bright()
    grey, white, black = (torch.full((3, 128, 128), value) for value in (0.7, 0.9, 0.0))
    made = guard(detector, [face_at(64, 64, 50)] * 4, [grey] * 4, [white, black, grey, grey * 0.8])
    assert [verdict.keep for verdict in made] == [True, False, True, False]
    assert detector.calls == 1
