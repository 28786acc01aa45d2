"""A face from another decode goes into its picture without a seam, and nothing else changes."""

from __future__ import annotations

from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lib_vaeface.face.blend import blend
from lib_vaeface.face.colour import to_lab, to_rgb
from lib_vaeface.face.outline import FEATHER, outline, soft
from lib_vaeface.face.protocol import Face
from lib_vaeface.face.regions import region
from tests.face import seam
from tests.face.people import astronaut, rendered

# The limits of the issue
STEEPEST, LEFT_OVER, DETAIL = 0.20, 0.30, 0.95


def cases() -> list[tuple[Tensor, Face]]:
    """A photograph and three rendered people, each with the face 180 px high. Tones are kept off the range's ends,
    where a shift would be cut off and no longer be a shift."""
    found = [astronaut(), *((picture, boxes[0]) for picture, boxes in rendered("closeup", 8)[:3])]
    scaled = [seam.at_height(picture, box) for picture, box in found]
    return [(picture * 0.8 + 0.1, face) for picture, face in scaled]


def put(picture: Tensor, new: Tensor, face: Face, **options: float) -> Tensor:
    left, top, right, bottom = box = region(face, (picture.shape[2], picture.shape[1]))
    return blend(picture, new[:, top:bottom, left:right], box, face, **options)


@pytest.mark.parametrize("kind", ["shift", "gradient"])
def test_a_wrong_tone_leaves_no_seam_and_takes_no_detail(kind: str) -> None:
    for number, (picture, face) in enumerate(cases()):
        new = seam.other_tone(picture, kind, Random(number))
        steepest, left_over = seam.seam(picture, put(picture, new, face), face)
        assert steepest <= STEEPEST and left_over <= LEFT_OVER
        raw = seam.seam(picture, put(picture, new, face, tone=0), face)
        assert raw[0] > 1.3 * STEEPEST and raw[1] > 10 * LEFT_OVER  # the measure sees what was taken away
        sharper = seam.other_tone(picture, kind, Random(number), detail=True)
        assert seam.detail_kept(sharper, put(picture, sharper, face), face) >= DETAIL


def test_tones_cut_off_at_black_and_white_are_matched_where_they_can_be() -> None:
    for number, (picture, face) in enumerate(cases()):
        original = ((picture - 0.1) / 0.8).clamp(0, 1)
        for kind in ("shift", "gradient"):
            result = put(original, seam.other_tone(original, kind, Random(number)), face)
            assert seam.seam(original, result, face)[1] <= LEFT_OVER


def test_a_washed_out_face_gets_its_contrast_back() -> None:
    for number, (picture, face) in enumerate(cases()):
        new = seam.other_tone(picture, "contrast", Random(number))
        steepest, left_over = seam.seam(picture, put(picture, new, face), face)
        assert steepest <= STEEPEST and left_over <= LEFT_OVER


def test_tone_is_a_slider() -> None:
    picture, face = cases()[0]
    new = seam.other_tone(picture, "shift", Random(0))
    left = [seam.seam(picture, put(picture, new, face, tone=tone), face)[1] for tone in (0.0, 0.5, 1.0)]
    assert left[0] > left[1] > left[2] and left[1] == pytest.approx(left[0] / 2, rel=0.1)


FACES = st.tuples(
    st.floats(-20, 90), st.floats(-20, 70), st.floats(1, 80), st.floats(1, 80), st.floats(-3.1, 3.1)
)  # fmt: skip


def face_of(values: tuple[float, ...]) -> Face:
    """A box, and eyes that lean."""
    x, y, width, height, lean = values
    turn = torch.tensor(lean)
    dx, dy = float(turn.cos()) * width / 4, float(turn.sin()) * width / 4
    middle = (x + width / 2, y + height / 2)
    eyes = ((middle[0] - dx, middle[1] - dy), (middle[0] + dx, middle[1] + dy))
    return Face((x, y, x + width, y + height), 0.9, eyes)


PICTURE = torch.rand(3, 72, 96, generator=torch.Generator().manual_seed(1))


@settings(deadline=None, max_examples=30)
@given(FACES, st.floats(0, 1), st.floats(0.02, 0.5), st.integers(0, 99))
def test_outside_the_soft_edge_not_a_bit_changes(
    values: tuple[float, ...], tone: float, feather: float, seed: int
) -> None:
    face = face_of(values)
    new = torch.rand(3, 72, 96, generator=torch.Generator().manual_seed(seed))
    result = put(PICTURE, new, face, tone=tone, feather=feather)
    shape = outline(face)
    outside = shape.distance(72, 96) > feather * shape.height / 2 + 1e-3
    assert torch.equal(result[:, outside], PICTURE[:, outside])
    assert result.min() >= 0 and result.max() <= 1


@settings(deadline=None, max_examples=30)
@given(FACES, st.floats(0, 1), st.floats(0, 1))
def test_the_same_content_and_no_opacity_are_the_identity(
    values: tuple[float, ...], tone: float, opacity: float
) -> None:
    face = face_of(values)
    assert torch.equal(put(PICTURE, PICTURE, face, tone=tone, opacity=opacity), PICTURE)
    assert torch.equal(put(PICTURE, 1 - PICTURE, face, tone=tone, opacity=0.0), PICTURE)


@settings(deadline=None, max_examples=30)
@given(FACES, st.floats(0.01, 1))
def test_masks_are_in_0_1_full_inside_and_nothing_outside(values: tuple[float, ...], feather: float) -> None:
    shape = outline(face_of(values))
    distance = shape.distance(72, 96)
    mask = soft(distance, feather * shape.height)
    assert mask.min() >= 0 and mask.max() <= 1
    assert (mask[distance < -feather * shape.height / 2 - 1e-3] == 1).all()
    assert (mask[distance > feather * shape.height / 2 + 1e-3] == 0).all()


@settings(deadline=None, max_examples=60)
@given(FACES, st.integers(1, 300), st.integers(1, 300), st.sampled_from([8, 16, 64]))
def test_regions_are_inside_the_picture_and_on_the_grid(
    values: tuple[float, ...], width: int, height: int, grid: int
) -> None:
    left, top, right, bottom = region(face_of(values), (width, height), grid)
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    assert left % grid == top % grid == 0
    assert right in (width, right // grid * grid) and bottom in (height, bottom // grid * grid)


def test_a_region_holds_the_ring() -> None:
    face = face_of((40.0, 60.0, 60.0, 80.0, 0.4))
    left, top, right, bottom = region(face, (512, 512))
    shape = outline(face)
    near = shape.distance(512, 512) < 0.17 * shape.height
    rows, columns = torch.where(near)
    assert left <= int(columns.min()) and int(columns.max()) < right
    assert top <= int(rows.min()) and int(rows.max()) < bottom


def test_the_outline_leans_with_the_head() -> None:
    upright, tilted = outline(face_of((40, 40, 60, 80, 0.1))), outline(face_of((40, 40, 70, 75, 0.7)))
    assert upright.lean == 0 and (upright.half_width, upright.half_height) == pytest.approx((33, 46.4))
    assert tilted.lean == pytest.approx(0.7)
    left, top, right, bottom = tilted.bounds()
    assert (right - left) * (bottom - top) == pytest.approx(70 * 75 * 1.1 * 1.16, rel=0.15)


def test_numbers_that_are_none_are_not_taken() -> None:
    picture, face = cases()[1]
    new = seam.other_tone(picture, "shift", Random(1))
    spoiled = new.clone()
    spoiled[:, ::7, ::5] = float("nan")
    spoiled[0, 100] = float("inf")
    assert torch.isfinite(put(picture, spoiled, face)).all()
    assert torch.equal(put(picture, torch.full_like(new, float("nan")), face), picture)


def test_a_mask_of_the_persons_own_is_the_limit() -> None:
    picture, face = cases()[1]
    box = (40, 48, 104, 112)
    mask = torch.zeros(64, 64)
    mask[:, 20:30] = 2.0
    result = blend(picture, torch.rand(3, 64, 64), box, face, mask=mask)
    changed = (result != picture).any(0).nonzero()
    assert changed[:, 1].min() >= 60 and changed[:, 1].max() < 70


@pytest.mark.parametrize(
    ("new", "box", "mask"),
    [((3, 8, 8), (0, 0, 8, 9), None), ((3, 8, 8), (90, 0, 98, 8), None), ((3, 8, 8), (0, 0, 8, 8), (7, 8))],
)
def test_what_does_not_belong_together_is_refused(
    new: tuple[int, ...], box: tuple[int, int, int, int], mask: tuple[int, int] | None
) -> None:
    with pytest.raises(ValueError, match=r"box|mask"):
        blend(PICTURE, torch.zeros(new), box, Face((1, 1, 7, 7), 1.0), mask=None if mask is None else torch.zeros(mask))


def test_colours_are_scikit_images_and_come_back() -> None:
    colours = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(2))
    colours[:, 0], colours[:, 1] = 0.0, 1.0
    assert torch.allclose(to_lab(colours).permute(1, 2, 0).double(), torch.from_numpy(seam.lab(colours)), atol=0.02)
    assert torch.allclose(to_rgb(to_lab(colours)), colours, atol=1e-4)
    assert FEATHER == 0.18
