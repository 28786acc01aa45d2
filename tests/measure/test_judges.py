"""The judges read rendered close-ups rightly, the detector finds rendered faces, and both fail where they should."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pocket_webui.measure import agreement, detector, judge, pixels, views
from pocket_webui.measure.attributes import ATTRIBUTES, YES_NO, truth
from pocket_webui.measure.degrade import blur
from pocket_webui.portraits import Scene, render, sample

SEED = 84_000_000


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """24 close-ups in which each yes/no attribute is there and is not."""
    plain = sample(SEED, 12, "closeup")
    glasses = sample(SEED + 1, 4, "closeup", glasses=True)
    hats = sample(SEED + 2, 4, "closeup", hat="hat")
    bald = sample(SEED + 3, 4, "closeup", gender="man", hair_style="bald", hat="", beard=True)
    return plain + glasses + hats + bald


@pytest.fixture(scope="module")
def pictures(scenes: list[Scene]) -> Tensor:
    return render(scenes)


@pytest.fixture(scope="module")
def eyes(pictures: Tensor) -> Tensor:
    return torch.stack([views.find_eyes(picture) for picture in pictures])


def test_the_detector_finds_every_rendered_face_where_it_is(scenes: list[Scene], pictures: Tensor) -> None:
    for scene, picture in zip(scenes, pictures, strict=True):
        face = detector.central_face(picture)
        assert face is not None
        person = scene.people[0]
        assert (face.landmarks[:2] - torch.tensor([person.left_eye, person.right_eye])).norm(dim=1).max() < 12


def test_the_detector_finds_groups_and_nothing_where_nobody_is() -> None:
    group = sample(SEED, 2, "group")
    assert [len(detector.detect(p)) for p in render(group)] == [len(scene.people) for scene in group]
    assert detector.detect(torch.full((3, 256, 256), 128, dtype=torch.uint8)) == []


def test_a_face_in_the_corner_is_not_central(pictures: Tensor) -> None:
    aside = torch.full((3, 512, 512), 128, dtype=torch.uint8)
    aside[:, :256, :256] = pictures[0]
    assert detector.detect(aside) and detector.central_face(aside) is None


def test_the_detector_refuses_a_batch(pictures: Tensor) -> None:
    with pytest.raises(ValueError, match=r"one picture \[3,H,W\]"):
        detector.detect(pictures)


@pytest.mark.parametrize("sigma", [0.0, 1.5])
def test_nine_of_ten_attributes_are_read_rightly(
    scenes: list[Scene], pictures: Tensor, eyes: Tensor, sigma: float
) -> None:
    seen = (blur(pictures / 255.0, sigma) * 255).byte() if sigma else pictures
    scores = agreement.scores([truth(scene) for scene in scenes], judge.read(seen, eyes))
    assert set(scores) == set(ATTRIBUTES)
    low = 0.9 if not sigma else 0.75
    assert {name: s.agreement for name, s in scores.items() if s.balanced < low} == {}


def test_the_judge_sees_the_picture_not_the_odds(scenes: list[Scene], pictures: Tensor, eyes: Tensor) -> None:
    """Read against the truth of other pictures, colours agree about as often as chance has it."""
    moved = [truth(scene) for scene in scenes[1:12] + scenes[:1]]
    scores = agreement.scores(moved, judge.read(pictures[:12], eyes[:12]))
    assert all(scores[name].agreement < 0.6 for name in ("hair colour", "background", "shirt", "eyes"))


def test_wide_pictures_are_judged_by_their_middle(pictures: Tensor, eyes: Tensor) -> None:
    wide = torch.zeros(1, 3, 256, 384, dtype=torch.uint8)
    wide[..., 64:320] = pictures[:1]
    assert judge.read(wide, eyes[:1]) == judge.read(pictures[:1], eyes[:1])


def test_pixels_name_backgrounds_too(scenes: list[Scene], pictures: Tensor, eyes: Tensor) -> None:
    read = [pixels.read(picture, where) for picture, where in zip(pictures, eyes, strict=True)]
    right = [seen["background"] == scene.background for seen, scene in zip(read, scenes, strict=True)]
    assert sum(right) >= 0.85 * len(right)


def test_truth_is_silent_about_what_does_not_show() -> None:
    bald, hidden = (
        truth(sample(1, 1, "closeup", gender="man", **fixed)[0])
        for fixed in ({"hair_style": "bald", "hat": ""}, {"hair_style": "short", "hat": "beanie"})
    )
    assert bald["hair colour"] is None and bald["bald"] == "yes"
    assert hidden["hair colour"] is None and hidden["bald"] is None and hidden["hat"] == "yes"


def test_saying_no_to_everything_does_not_pass_for_agreement() -> None:
    meant: list[agreement.Values] = [{"glasses": value} for value in ("yes", "no", "no", "no")]
    score = agreement.score("glasses", meant, [{"glasses": YES_NO[0]}] * 4)
    assert score == agreement.Score(0.75, 4, 0.5, on_yes=0.0, on_no=1.0)
    assert agreement.score("bald", [{"bald": None}], [{"bald": "no"}]) is None
