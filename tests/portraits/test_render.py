"""Portraits: what is drawn is what is said, where it is said, and always the same."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import pytest
import torch
from torch import Tensor

from pocket_webui.portraits import Person, Scene, caption, eye_boxes, render, sample, words
from pocket_webui.portraits.render import draw, one_thread

SAID = {"hair": "hair_colour", "eyes": "eye_colour", "shirt": "shirt_colour", "skin": "skin"}
KINDS = [("closeup", 256, 256), ("half", 256, 256), ("group", 256, 256), ("group", 384, 256)]


@pytest.fixture(scope="module")
def closeups() -> tuple[list[Scene], Tensor]:
    scenes = sample(40, 60)
    return scenes, render(scenes)


def nearest(colour: Tensor, names: dict[str, tuple[int, int, int]]) -> str:
    """The name whose colour, somewhat darker or lighter, comes nearest to an RGB triple 0..255."""
    table = torch.tensor(list(names.values()), dtype=torch.float32)
    shades = table[:, None] * torch.linspace(0.6, 1.2, 13)[None, :, None]
    distance = (shades.clamp(max=255) - colour).norm(dim=-1).min(1).values
    return list(names)[int(distance.argmin())]


def patch(picture: Tensor, x: float, y: float, r: int = 3) -> Tensor:
    """Median colour around a place in pixels."""
    x0, y0 = max(0, int(x) - r), max(0, int(y) - r)
    return picture[:, y0 : y0 + 2 * r, x0 : x0 + 2 * r].flatten(1).float().median(1).values


def place(person: Person, u: float, v: float) -> tuple[float, float]:
    """Pixels of a place on the turned head, in head units."""
    s = person.shape
    c, r = math.cos(s["roll"]) * s["sc"], math.sin(s["roll"]) * s["sc"]
    return s["cx"] + c * u - r * v, s["cy"] + r * u + c * v


def agreement(told: list[str], seen: list[str]) -> float:
    assert len(told) > 8
    return sum(a == b for a, b in zip(told, seen, strict=True)) / len(told)


@pytest.mark.parametrize(("kind", "width", "height"), KINDS)
def test_same_picture_alone_and_in_a_batch(kind: str, width: int, height: int) -> None:
    scenes = sample(7, 5, kind, width, height)
    together = render(scenes)
    assert together.shape == (5, 3, height, width)
    assert together.dtype == torch.uint8
    assert torch.equal(together, torch.cat([render([s]) for s in reversed(scenes)]).flip(0))
    assert sample(7, 3, kind, width, height) == scenes[:3]
    assert not torch.equal(together[0], render(sample(8, 1, kind, width, height))[0])


@pytest.mark.parametrize(("kind", "width", "height"), KINDS)
def test_windows_miss_nothing(kind: str, width: int, height: int) -> None:
    """A CPU draws in windows, a GPU whole pictures."""
    scenes = sample(11, 6, kind, width, height)
    with torch.no_grad(), one_thread():
        whole = draw(scenes, torch.device("cpu"), windows=False)
    assert torch.equal(render(scenes), whole)


@pytest.mark.parametrize(("kind", "width", "height"), KINDS)
def test_truth_lies_inside_the_picture(kind: str, width: int, height: int) -> None:
    for scene in sample(11, 40, kind, width, height):
        assert len(scene.people) in ((2, 3, 4) if kind == "group" else (1,))
        assert [q.box[0] for q in scene.people] == sorted(q.box[0] for q in scene.people)
        for person in scene.people:
            x0, y0, x1, y1 = person.box
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height
            assert kind != "group" or 24 <= y1 - y0 <= 61
            assert x0 < person.left_eye[0] < person.right_eye[0] < x1
            for left, top, right, bottom in eye_boxes(person):
                assert x0 - 6 < left < right < x1 + 6
                assert y0 < top < bottom < y1


def test_rendering_leaves_the_threads_as_they_were() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    render(sample(1, 1))
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert after == 2


def test_pictures_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        render(sample(1, 1) + sample(1, 1, width=384))
    with pytest.raises(ValueError, match="closeup, half, group"):
        sample(1, 1, "landscape")


@pytest.mark.parametrize("kind", words.KINDS)
def test_captions_say_only_what_is_there(kind: str) -> None:
    rng = Random(3)
    for scene in sample(5, 150, kind):
        people = scene.people
        for text in (caption(scene), caption(scene, rng)):
            assert ("glasses" in text) <= any(q.glasses for q in people)
            assert ("beard" in text) <= any(q.beard for q in people)
            assert ("bald" in text) <= any(q.hair_style == "bald" for q in people)
            assert ("smiling" in text) <= any(q.smiling for q in people)
            for thing, said in SAID.items():
                for name in {**words.SURFACES, **words.HAIR, **words.EYES, **words.SKIN}:
                    assert (f"{name} {thing}" in text) <= any(getattr(q, said) == name for q in people)
            if "background" in text:
                assert f"{scene.background} background" in text
            for hat in words.HATS:
                for name in words.SURFACES:
                    assert (f"{name} {hat}" in text) <= any((q.hat_colour, q.hat) == (name, hat) for q in people)


def test_full_caption_names_everything() -> None:
    [scene] = sample(
        2, 1, gender="woman", hair_style="long", hair_colour="red", eye_colour="green", skin="fair", glasses=True,
        beard=False, hat="beanie", hat_colour="blue", expression="smiling", shirt_colour="white", background="grey",
    )  # fmt: skip
    assert caption(scene) == (
        "close-up portrait of a woman with long red hair and green eyes, fair skin, glasses, blue beanie, smiling, "
        "white shirt, grey background"
    )


def test_background_has_its_colour(closeups: tuple[list[Scene], Tensor]) -> None:
    scenes, pictures = closeups
    bare = [(s, p) for s, p in zip(scenes, pictures, strict=True) if not s.people[0].hat]
    seen = [nearest(patch(p, 8, 24, 8), words.SURFACES) for _, p in bare]
    assert agreement([s.background for s, _ in bare], seen) >= 0.97


def test_hair_has_its_colour(closeups: tuple[list[Scene], Tensor]) -> None:
    scenes, pictures = closeups
    shown = [(s.people[0], p) for s, p in zip(scenes, pictures, strict=True)]
    shown = [(q, p) for q, p in shown if not q.hat and q.hair_style != "bald"]
    seen = [nearest(patch(p, *place(q, 0.0, -0.84), 4), words.HAIR) for q, p in shown]
    assert agreement([q.hair_colour for q, _ in shown], seen) >= 0.9


def test_shirts_and_hats_have_their_colour() -> None:
    scenes = sample(41, 40, "half")
    pictures = render(scenes)
    shown = [(s.people[0], p) for s, p in zip(scenes, pictures, strict=True)]
    seen = [nearest(patch(p, q.shape["cx"], q.shape["cy"] + 3.2 * q.shape["sc"], 5), words.SURFACES) for q, p in shown]
    assert agreement([q.shirt_colour for q, _ in shown], seen) >= 0.95
    scenes = sample(42, 30, "half", hat="beanie")
    shown = [(s.people[0], p) for s, p in zip(scenes, render(scenes), strict=True)]
    seen = [nearest(patch(p, *place(q, 0.0, -0.9), 4), words.SURFACES) for q, p in shown]
    assert agreement([q.hat_colour for q, _ in shown], seen) >= 0.9


def test_eyes_have_their_colour_where_the_truth_says(closeups: tuple[list[Scene], Tensor]) -> None:
    scenes, pictures = closeups
    told, seen = [], []
    for scene, picture in zip(scenes, pictures, strict=True):
        person = scene.people[0]
        far = 0.36 * person.shape["es"] * person.shape["sc"]
        for x, y in (person.left_eye, person.right_eye):
            shades = torch.stack([patch(picture, x + far * side, y + 1, 1) for side in (-1, 1)])
            told.append(person.eye_colour)
            seen.append(nearest(shades.mean(0), words.EYES))
    assert agreement(told, seen) >= 0.9


@pytest.mark.parametrize(
    ("name", "on", "off"),
    [("glasses", True, False), ("beard", True, False), ("hat", "hat", ""), ("expression", "smiling", "neutral")],
)
def test_attributes_change_the_picture(name: str, on: object, off: object) -> None:
    [with_it] = sample(6, 1, gender="man", **{name: on})
    [without] = sample(6, 1, gender="man", **{name: off})
    assert (render([with_it]).int() - render([without]).int()).abs().float().mean() > 0.5


def test_people_are_drawn_from_far_to_near() -> None:
    [scene] = sample(9, 1, "group")
    flipped = replace(scene, people=scene.people[::-1])
    assert torch.equal(render([scene]), render([flipped]))
