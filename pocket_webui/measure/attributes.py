"""What is judged in a close-up: names, values, and the truth that a rendered scene carries."""

from __future__ import annotations

from ..portraits import Scene, words

YES_NO = ("no", "yes")
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "hair colour": tuple(words.HAIR),
    "background": tuple(words.SURFACES),
    "shirt": tuple(words.SURFACES),
    "skin": tuple(words.SKIN),
    "eyes": tuple(words.EYES),
    "glasses": YES_NO,
    "hat": YES_NO,
    "beard": YES_NO,
    "bald": YES_NO,
}
COLOURS = tuple(name for name, values in ATTRIBUTES.items() if values != YES_NO)
SEEN_BELOW_HAT = ("long", "bob")  # other hair all but vanishes under a hat


def truth(scene: Scene) -> dict[str, str | None]:
    """Values of the (first) person; None where a picture can't show it, such as the hair of the bald."""
    person = scene.people[0]
    bald = person.hair_style == "bald"
    hair_shows = not bald and (not person.hat or person.hair_style in SEEN_BELOW_HAT)
    return {
        "hair colour": person.hair_colour if hair_shows else None,
        "background": scene.background,
        "shirt": person.shirt_colour,
        "skin": person.skin,
        "eyes": person.eye_colour,
        "glasses": YES_NO[person.glasses],
        "hat": YES_NO[bool(person.hat)],
        "beard": YES_NO[person.beard],
        "bald": None if person.hat else YES_NO[bald],
    }
