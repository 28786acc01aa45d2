"""Says what a scene shows, in a small vocabulary; with a random source it varies words and drops some, but never lies."""
from __future__ import annotations

from random import Random

from .scene import Person, Scene

COUNTS = {2: "two", 3: "three", 4: "four"}
SHORT = {"smiling": ("smiling",), "sad": ("sad",), "surprised": ("surprised",), "neutral": ()}


def _hair(person: Person) -> str:
    return "bald" if person.hair_style == "bald" else f"{person.hair_style} {person.hair_colour} hair"


def _details(person: Person, eyes: bool) -> list[str]:
    """Everything there is to say after 'a woman', most telling first."""
    parts = []
    if person.hair_style != "bald":
        parts.append("with " + _hair(person) + (f" and {person.eye_colour} eyes" if eyes else ""))
    else:
        parts.append("bald" + (f" with {person.eye_colour} eyes" if eyes else ""))
    parts.append(f"{person.skin} skin")
    parts += ["beard"] * person.beard + ["glasses"] * person.glasses
    if person.hat:
        parts.append(f"{person.hat_colour} {person.hat}")
    parts += SHORT[person.expression]
    parts.append(f"{person.shirt_colour} shirt")
    return parts


def _someone(person: Person, rng: Random | None) -> str:
    if rng and rng.random() < 0.1:
        return "a person"
    return f"a {person.gender}"


def _vary(parts: list[str], rng: Random | None, keep: float) -> list[str]:
    """Drops some parts and shuffles all but the first."""
    if rng is None:
        return parts
    first, rest = parts[:1], [s for s in parts[1:] if rng.random() < keep]
    if rng.random() < 0.5:
        rng.shuffle(rest)
    return (first if rng.random() < 0.95 else []) + rest


def _single(scene: Scene, rng: Random | None) -> str:
    person = scene.people[0]
    kind = {"closeup": "close-up portrait of ", "half": "half-length portrait of "}[scene.kind]
    if rng:
        kind = rng.choice((kind, kind, kind, "portrait of " if scene.kind == "closeup" else kind, ""))
    eyes = rng is None or rng.random() < (0.85 if scene.kind == "closeup" else 0.3)
    parts = _vary(_details(person, eyes), rng, 0.8)
    back = f"{scene.background} background"
    if rng is None or rng.random() < 0.85:
        parts.insert(rng.choice((len(parts), len(parts), len(parts), min(1, len(parts)))) if rng else len(parts), back)
    text = kind + _someone(person, rng)
    glue = " " if parts and parts[0].startswith("with") else ", "
    return text + (glue + ", ".join(parts) if parts else "")


def _group(scene: Scene, rng: Random | None) -> str:
    count = COUNTS[len(scene.people)]
    head = f"group photo of {count} people"
    if rng:
        head = rng.choice((head, head, f"{count} people"))
    people = []
    for person in scene.people:
        look = "bald" if person.hair_style == "bald" else f"with {person.hair_colour} hair"
        extra = [f"{person.hat_colour} {person.hat}"] if person.hat else []
        extra += ["glasses"] * person.glasses + ["beard"] * person.beard + [f"{person.shirt_colour} shirt"]
        if rng:
            extra = [e for e in extra if rng.random() < 0.65]
        glue = ", " if look == "bald" else " "
        people.append(_someone(person, rng) + glue + look + "".join(f" and {e}" for e in extra[:2]))
    if rng is None or rng.random() < 0.75:
        head += ": " + ", ".join(people)
    if rng is None or rng.random() < 0.85:
        head += f", {scene.background} background"
    return head


def caption(scene: Scene, rng: Random | None = None) -> str:
    """A prompt for the scene. Without `rng` everything is said, in a fixed order."""
    return _group(scene, rng) if scene.kind == "group" else _single(scene, rng)
