"""Faces of any size, place and lean, in pictures of any size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lib_vaeface.face.improve import improve
from lib_vaeface.face.passes import FacePass
from lib_vaeface.face.protocol import Face
from tests.face import fakes
from tests.face.fakes import Discs, Painter
from tests.face.samples import face_at, smooth


class Says(Discs):
    """Finds what it is told, in every picture of the size."""

    def __init__(self, found: list[Face], size: tuple[int, int]) -> None:
        super().__init__()
        self.found, self.size = found, size

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        return [self.found if tuple(image.shape[1:]) == self.size else [] for image in images]


some_faces = st.tuples(st.floats(-20, 140), st.floats(-20, 140), st.floats(2, 200), st.floats(-180, 180))


@given(st.integers(8, 120), st.integers(8, 120), st.lists(some_faces, max_size=3), st.floats(1.2, 3), st.booleans())
@settings(max_examples=25, deadline=None)
def test_any_face_in_any_picture_is_painted_or_left_and_told(
    height: int, width: int, places: list[tuple[float, float, float, float]], padding: float, marked: bool
) -> None:
    found = [face_at(*place) for place in places]
    found = found if marked else [Face(face.box, face.score) for face in found]
    picture = smooth(height, width)
    chosen = FacePass(strength=0.4, guard=False, padding=padding)
    result = improve([picture], [chosen], lambda _: Says(found, (height, width)), resampler=Painter(fakes.blur))
    after = result.pictures[0]
    assert result.notes == [] and after.shape == picture.shape
    assert bool(torch.isfinite(after).all()) and float(after.min()) >= 0 and float(after.max()) <= 1
    assert not ((picture != after).any(0) & (result.masks[0] == 0)).any()
    for record in result.records[0]:
        assert record["done"] == "refined" or "larger than" in record["why"]
