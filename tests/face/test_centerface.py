"""The default detector finds rendered and photographed faces of any size and turn, and nothing where nothing is."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from benchmarks.drawn_faces import drawn
from lib_vaeface.face.centerface import CenterFace, weights
from lib_vaeface.face.outline import roll
from lib_vaeface.face.search import ANY, DRAWN, NORMAL, THOROUGH, Search
from tests.face.people import astronaut, matched, overlap, rendered

DETECTOR = CenterFace()


def turned(picture: Tensor, quarters: int) -> Tensor:
    return torch.rot90(picture, quarters, (1, 2))


def test_every_rendered_face_is_found_and_nothing_else() -> None:
    cases = [*rendered("closeup", 8), *rendered("group", 6, size=384)]
    found = DETECTOR.detect([picture for picture, _ in cases])
    truth = sum(len(boxes) for _, boxes in cases)
    assert sum(matched(faces, boxes) for faces, (_, boxes) in zip(found, cases, strict=True)) == truth
    assert sum(map(len, found)) == truth


def test_landmarks_are_the_eyes_on_their_sides() -> None:
    picture, box = astronaut()
    (face,) = DETECTOR.detect([picture])[0]
    assert overlap(face.box, box) > 0.85 and face.score > 0.9
    right_eye, left_eye, nose, *mouth = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0] and right_eye[1] < nose[1] < mouth[0][1]


def test_pictures_of_different_sizes_are_as_if_alone() -> None:
    pictures = [rendered("closeup", 8)[0][0], astronaut()[0], rendered("closeup", 8)[1][0], torch.zeros(3, 40, 700)]
    together = DETECTOR.detect(pictures)
    for picture, faces in zip(pictures, together, strict=True):
        (alone,) = DETECTOR.detect([picture])
        assert len(alone) == len(faces)
        for a, b in zip(alone, faces, strict=True):
            assert a.score == pytest.approx(b.score, abs=1e-4) and a.box == pytest.approx(b.box, abs=0.05)


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 1, 300), (3, 300, 1), (3, 17, 31), (3, 33, 65)])
@pytest.mark.parametrize("mode", [NORMAL, THOROUGH, ANY])
def test_tiny_and_thin_pictures_hold_no_face(shape: tuple[int, ...], mode: str) -> None:
    assert Search(DETECTOR, mode).detect([torch.full(shape, 0.5)]) == [[]]


def test_no_picture_no_answer_and_what_is_no_picture_is_refused() -> None:
    assert DETECTOR.detect([]) == []
    for shape in ((1, 3, 64, 64), (1, 64, 64), (3, 0, 64)):
        with pytest.raises(ValueError, match=r"\[3,H,W\]"):
            DETECTOR.detect([torch.zeros(shape)])


def test_noise_and_flat_pictures_hold_no_face() -> None:
    random = torch.Generator().manual_seed(0)
    pictures = [torch.rand(3, 256, 256, generator=random), torch.zeros(3, 256, 256), torch.ones(3, 256, 256)]
    assert DETECTOR.detect(pictures) == [[], [], []]


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_any_orientation_finds_turned_faces_with_their_landmarks_turned_back(quarters: int) -> None:
    picture = astronaut()[0][:, :320, 60:380]
    (upright,) = DETECTOR.detect([picture])[0]
    (face,) = Search(DETECTOR, ANY).detect([turned(picture, quarters)])[0]
    assert face.score == pytest.approx(upright.score, abs=1e-3)
    size = picture.shape[1]
    for x, y in upright.landmarks:
        place = [(x, y), (y, size - x), (size - x, size - y), (size - y, x)][quarters]
        assert min(math.dist(place, point) for point in face.landmarks) < 0.5
    assert math.cos(roll(face) + quarters * math.pi / 2 - roll(upright)) > 0.99


def test_thorough_finds_smaller_faces_and_counts_each_once() -> None:
    picture, _ = astronaut()
    small = torch.nn.functional.interpolate(picture[None], scale_factor=0.085, mode="area")[0]
    canvas = torch.full((3, 256, 256), 0.5)
    canvas[:, 100 : 100 + small.shape[1], 60 : 60 + small.shape[2]] = small
    box = tuple(c * 0.085 + s for c, s in zip((182, 58, 270, 178), (60, 100, 60, 100), strict=True))
    normal = DETECTOR.detect([canvas])[0]
    found = Search(DETECTOR, THOROUGH).detect([canvas])[0]
    assert max((face.score for face in found), default=0) > max((face.score for face in normal), default=0)
    assert matched(found, (box,), 0.3) == 1  # type: ignore[arg-type]
    assert len(Search(DETECTOR, THOROUGH).detect([picture])[0]) == 1


def test_large_pictures_are_looked_at_smaller_and_told_in_their_own_pixels() -> None:
    picture, box = astronaut()
    large = torch.nn.functional.interpolate(picture[None], scale_factor=2.5, mode="bilinear")[0]
    (face,) = Search(DETECTOR, side=640).detect([large])[0]
    assert overlap(tuple(v / 2.5 for v in face.box), box) > 0.85  # type: ignore[arg-type]


def test_an_unknown_search_is_refused() -> None:
    with pytest.raises(ValueError, match="thorough"):
        Search(DETECTOR, "sideways")


def test_out_of_memory_falls_back_to_single_pictures_and_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from lib_vaeface.face import centerface

    pictures = [picture for picture, _ in rendered("closeup", 8)[:3]]
    wanted, plain = DETECTOR.detect(pictures), centerface.maps_of

    def short_of_memory(w: centerface.Weights, images: Tensor) -> list[Tensor]:
        if len(images) > 1:
            raise torch.cuda.OutOfMemoryError("planted")
        return plain(w, images)

    monkeypatch.setattr(centerface, "maps_of", short_of_memory)
    for a, b in zip(DETECTOR.detect(pictures), wanted, strict=True):
        assert [face.box for face in a] == [pytest.approx(face.box, abs=0.05) for face in b]


@pytest.mark.parametrize("size", [(96, 64), (64, 160)])
def test_strips_of_a_picture_give_what_the_whole_gives(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    from lib_vaeface.face import centerface

    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(3))
    loaded = weights(centerface.WEIGHTS, torch.device("cpu"))
    monkeypatch.setattr(centerface, "STRIP", 2**40)
    whole = centerface.maps_of(loaded, images)
    for strip in (1, 20_000, 300_000):
        monkeypatch.setattr(centerface, "STRIP", strip)
        for a, b in zip(centerface.maps_of(loaded, images), whole, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=2e-5)


@pytest.mark.parametrize("groups", [1, 6])
@pytest.mark.parametrize("relu", [False, True])
def test_a_convolution_is_torchs_with_the_fused_operation_and_without(groups: int, relu: bool) -> None:
    from lib_vaeface.face import convolution

    random = torch.Generator().manual_seed(5)
    for kernel, stride, pad in ((1, 1, 0), (3, 1, 1), (3, 2, 1)):
        x = torch.randn(2, 6, 18, 14, generator=random).contiguous(memory_format=torch.channels_last)
        weight = torch.randn(12, 6 // groups, kernel, kernel, generator=random)
        bias = torch.randn(12, generator=random)
        wanted = torch.nn.functional.conv2d(x.double(), weight.double(), bias.double(), stride, pad, groups=groups)
        wanted = wanted.relu() if relu else wanted
        for fused in (convolution._fused, lambda: None):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(convolution, "_fused", fused)
                made = convolution.convolved(x, weight, bias, stride, pad, groups, relu)
            torch.testing.assert_close(made.double(), wanted, rtol=0, atol=2e-5)


def test_weights_are_read_once() -> None:
    DETECTOR.detect([torch.zeros(3, 32, 32)])
    before = weights.cache_info().misses
    CenterFace().detect([torch.zeros(3, 64, 64)])
    assert weights.cache_info().misses == before


def test_the_search_for_drawings_sees_what_the_ordinary_one_does_not() -> None:
    cases = []
    for seed in range(10):
        image, box = drawn(seed)
        raw = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        cases.append((raw.reshape(256, 256, 3).permute(2, 0, 1).float() / 255, box))
    unsure = CenterFace(score=0.1)
    counts = {}
    for mode in (NORMAL, DRAWN):
        found = Search(unsure, mode).detect([picture for picture, _ in cases])
        counts[mode] = sum(matched(faces, (box,), 0.3) for faces, (_, box) in zip(found, cases, strict=True))
    assert counts[NORMAL] <= 3 and counts[DRAWN] >= 6
