"""Says what a scene shows, in a small vocabulary.

With a random source it varies wording and order and leaves some of it out, but never says what is not there.
"""

from __future__ import annotations

from random import Random

from .scene import Person, Scene

COUNTS = {2: "two", 3: "three", 4: "four"}
KINDS = {"closeup": "close-up portrait of", "half": "half-length portrait of"}
STYLES = {
    "short": ("short {} hair",),
    "long": ("long {} hair", "{} long hair", "{} hair"),
    "bob": ("{} hair in a bob", "bob {} hair", "{} hair"),
    "curly": ("curly {} hair", "{} curly hair", "{} hair"),
    "bun": ("{} hair in a bun", "{} hair"),
}


def _hair(person: Person, rng: Random | None) -> str:
    """The hair of somebody who is not bald; the first wording is the full one and the most common."""
    wordings = STYLES[person.hair_style]
    wording = wordings[0] if rng is None or rng.random() < 0.6 else rng.choice(wordings)
    return wording.format(person.hair_colour)


def _look(person: Person, eyes: bool, rng: Random | None) -> str:
    """What stands right after 'a woman'."""
    bald = person.hair_style == "bald"
    parts = ([] if bald else [_hair(person, rng)]) + ([f"{person.eye_colour} eyes"] if eyes else [])
    text = "with " + " and ".join(parts) if parts else ""
    return f"bald {text}".strip() if bald else text


def _details(person: Person) -> list[str]:
    """Everything else there is to say."""
    parts = [f"{person.skin} skin"] + ["beard"] * person.beard + ["glasses"] * person.glasses
    if person.hat:
        parts.append(f"{person.hat_colour} {person.hat}")
    if person.expression != "neutral":
        parts.append(person.expression)
    return [*parts, f"{person.shirt_colour} shirt"]


def _someone(person: Person, rng: Random | None) -> str:
    return "a person" if rng and rng.random() < 0.1 else f"a {person.gender}"


def _join(person: Person, look: str, rng: Random | None) -> str:
    """'a woman with ...', 'a man, bald' or just 'a person'."""
    who = _someone(person, rng)
    if not look:
        return who
    return f"{who}, {look}" if look.startswith("bald") else f"{who} {look}"


def _single(scene: Scene, rng: Random | None) -> str:
    person, opening = scene.people[0], KINDS[scene.kind] + " "
    parts = [*_details(person), f"{scene.background} background"]
    eyes = True
    if rng:
        opening = rng.choice((opening, opening, opening, "portrait of ", ""))
        eyes = rng.random() < (0.85 if scene.kind == "closeup" else 0.35)
        parts = [s for s in parts if rng.random() < 0.82]
        if rng.random() < 0.5:
            rng.shuffle(parts)
    look = "" if rng and rng.random() < 0.06 else _look(person, eyes, rng)
    return ", ".join([opening + _join(person, look, rng), *parts])


def _member(person: Person, rng: Random | None) -> str:
    """One of a group in a few words; a full caption names hair, hat, glasses, beard and shirt."""
    extra = [f"{person.hat_colour} {person.hat}"] if person.hat else []
    extra += ["glasses"] * person.glasses + ["beard"] * person.beard + [f"{person.shirt_colour} shirt"]
    if rng:
        extra = [s for s in extra if rng.random() < 0.65]
    if person.hair_style == "bald":
        return _join(person, " and ".join(["bald", *extra]).replace("bald and", "bald with"), rng)
    return _join(person, " and ".join([f"with {person.hair_colour} hair", *extra]), rng)


def _group(scene: Scene, rng: Random | None) -> str:
    count = f"{COUNTS[len(scene.people)]} people"
    text = count if rng and rng.random() < 0.35 else f"group photo of {count}"
    if rng is None or rng.random() < 0.75:
        text += ": " + ", ".join(_member(q, rng) for q in scene.people)
    if rng is None or rng.random() < 0.85:
        text += f", {scene.background} background"
    return text


def caption(scene: Scene, rng: Random | None = None) -> str:
    """A prompt for the scene. Without `rng` everything is said, in a fixed order."""
    return _group(scene, rng) if scene.kind == "group" else _single(scene, rng)
