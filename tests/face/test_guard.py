"""Never worse."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lib_vaeface.face.guard import guard, judge, overlap
from lib_vaeface.face.protocol import Face

BOX = (40.0, 40.0, 80.0, 90.0)


def face(score: float, right: float = 0.0) -> Face:
    return Face((BOX[0] + right, BOX[1], BOX[2] + right, BOX[3]), score)


def test_a_face_that_is_found_as_well_stays() -> None:
    assert judge([face(0.8)], [face(0.9)], BOX).keep
    assert judge([face(0.8)], [face(0.76)], BOX).keep
    assert not judge([face(0.8)], [face(0.74)], BOX).keep
    assert judge([face(0.8)], [face(0.74)], BOX, margin=0.1).keep


def test_a_face_elsewhere_is_not_this_face() -> None:
    verdict = judge([face(0.8)], [face(0.99, right=35)], BOX)
    assert not verdict.keep and verdict.after is None and "not found again" in verdict.reason
    assert judge([face(0.8)], [face(0.99, right=35), face(0.8, right=2)], BOX).keep


def test_a_face_that_nobody_saw_before_can_only_get_better() -> None:
    assert judge([], [face(0.4)], BOX).keep
    assert not judge([], [], BOX).keep


@given(st.tuples(*[st.floats(0, 50)] * 4), st.tuples(*[st.floats(0, 50)] * 4))
def test_overlap_is_symmetric_and_a_share(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    one, other = ((p[0], p[1], p[0] + p[2] + 1, p[1] + p[3] + 1) for p in (a, b))
    assert 0 <= overlap(one, other) <= 1
    assert overlap(one, other) == overlap(other, one)
    assert overlap(one, one) == 1


class Bright:
    """Sees a face wherever a picture is brighter than half."""

    name = "bright"
    calls = 0

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        self.calls += 1
        assert all(bool(torch.isfinite(image).all()) for image in images)
        return [[Face(BOX, float(image.mean()))] if image.mean() > 0.5 else [] for image in images]


def test_pairs_are_judged_in_one_call_and_no_numbers_never_stay() -> None:
    detector = Bright()
    grey, white = torch.full((3, 128, 128), 0.6), torch.full((3, 128, 128), 0.9)
    black, broken = torch.zeros(3, 128, 128), torch.full((3, 128, 128), float("nan"))
    made = guard(detector, [grey] * 4, [white, black, broken, grey], [BOX] * 4)
    assert [verdict.keep for verdict in made] == [True, False, False, True]
    assert detector.calls == 1
