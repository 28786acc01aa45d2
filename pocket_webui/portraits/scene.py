"""What a portrait holds: frozen descriptions that a renderer, a caption and a judge all read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Person:
    """One person. Places are pixels (x right, y down, pixel centres at .5); colours are names from `words`.

    `left_eye` and `right_eye` are the eyes on the left and on the right of the picture. `shape` holds the
    numbers that vary within a word (face width, fringe, jitters); colour entries are in `tints` (0..1 RGB).
    """

    gender: str
    skin: str
    hair_style: str
    hair_colour: str
    eye_colour: str
    shirt_colour: str
    expression: str
    glasses: bool
    beard: bool
    hat: str
    hat_colour: str
    box: Box
    left_eye: Point
    right_eye: Point
    shape: Mapping[str, float] = field(repr=False)
    tints: Mapping[str, tuple[float, float, float]] = field(repr=False)

    @property
    def smiling(self) -> bool:
        return self.expression == "smiling"


@dataclass(frozen=True)
class Scene:
    """A picture to be rendered: size in pixels, people from left to right, background colour name, light."""

    seed: str
    kind: str
    width: int
    height: int
    people: tuple[Person, ...]
    background: str
    shape: Mapping[str, float] = field(repr=False)
    tints: Mapping[str, tuple[float, float, float]] = field(repr=False)


def eye_boxes(person: Person) -> tuple[Box, Box]:
    """Boxes in pixels around the left and right eye of the picture, lids and lashes included."""
    half_w = 1.2 * person.shape["es"] * person.shape["sc"]
    half_h = 0.75 * half_w
    boxes = [(x - half_w, y - half_h, x + half_w, y + half_h) for x, y in (person.left_eye, person.right_eye)]
    return boxes[0], boxes[1]
