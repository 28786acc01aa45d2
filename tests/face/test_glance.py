"""Looking small first finds what a full look finds, wherever the faces lie, and looks at large pictures only."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lib_vaeface.face.centerface import CenterFace
from lib_vaeface.face.detect import Setup, detector
from lib_vaeface.face.glance import FIRST, HINT, WORTH, Glance
from lib_vaeface.face.guard import overlap
from lib_vaeface.face.protocol import Face
from pocket_webui.portraits import render, sample

FULL = CenterFace()


class Counting:
    """A detector that writes down the pixels that it was shown."""

    name = "counting"

    def __init__(self, inner: CenterFace) -> None:
        self.inner, self.pixels = inner, 0

    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        self.pixels += sum(image.shape[1] * image.shape[2] for image in images)
        return self.inner.detect(images)


def glance(full: CenterFace | Counting = FULL) -> Glance:
    return Glance(full, CenterFace(score=HINT), FULL.score)


def people(count: int, side: int, kind: str = "group") -> list[Tensor]:
    pictures = render(sample(41, count, kind, 384, 256)).float() / 255
    return [F.interpolate(p[None], size=(side * 2 // 3, side), mode="bilinear")[0].clamp(0, 1) for p in pictures]


def same(ours: Sequence[Face], theirs: Sequence[Face]) -> bool:
    return len(ours) == len(theirs) and all(any(overlap(a.box, b.box) > 0.6 for b in theirs) for a in ours)


@pytest.mark.parametrize("size", [60, 24])  # of the faces, in pixels: clear at the first look, and not
def test_finds_what_a_full_look_finds(size: int) -> None:
    (group,) = people(1, 6 * size)
    place = torch.full((3, 768, 1024), 0.4)
    for left, top in ((0, 0), (1024 - group.shape[2], 768 - group.shape[1]), (301, 203)):
        picture = place.clone()
        picture[:, top : top + group.shape[1], left : left + group.shape[2]] = group
        (found,), (wanted,) = glance().detect([picture]), FULL.detect([picture])
        assert wanted and same(found, wanted), (left, top)


def test_looks_at_less() -> None:
    full, keen = Counting(FULL), Counting(CenterFace(score=HINT))
    (picture,) = people(1, 1024)
    (found,) = Glance(full, keen, FULL.score).detect([picture])
    assert found and 0 < full.pixels + keen.pixels < 0.65 * picture[0].numel()


def test_looks_at_all_of_a_picture_in_which_it_saw_nothing() -> None:
    counting = Counting(FULL)
    side = 32 * round(1.1 * WORTH * FIRST / 32)
    assert glance(counting).detect([torch.zeros(3, side, side)]) == [[]]
    assert counting.pixels == side * side


def test_small_pictures_are_looked_at_once_and_order_is_kept() -> None:
    small, large = people(1, int(WORTH * FIRST) - 8)[0], people(1, int(1.1 * WORTH * FIRST))[0]
    found = glance().detect([small, large, small])
    assert found[0] == found[2] == FULL.detect([small])[0]
    assert same(found[1], FULL.detect([large])[0])


def test_is_the_normal_search_on_a_cpu_and_no_other() -> None:
    assert isinstance(detector("centerface", Setup()).detector, Glance)
    assert isinstance(detector("centerface", Setup(search="thorough")).detector, CenterFace)
    assert glance().detect([]) == []
