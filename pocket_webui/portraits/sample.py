"""Draws random scenes: words first, then the numbers within each word, then the truth in pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random

from . import words
from .scene import Person, Point, Scene

RGB = tuple[float, float, float]
STYLES_BY_GENDER = {
    "woman": {"long": 42, "bob": 22, "curly": 16, "bun": 16, "short": 4},
    "man": {"short": 56, "bald": 17, "curly": 14, "long": 13},
    "person": {"short": 30, "bob": 22, "curly": 24, "long": 24},
}
HAIR_WEIGHTS = {
    "black": 18, "brown": 18, "blond": 18, "red": 14, "grey": 10, "white": 8, "blue": 5, "pink": 5, "green": 4,
}  # fmt: skip
LENGTHS = {"long": (1.75, 2.5), "bob": (0.72, 1.0), "curly": (0.45, 1.1)}
BACK_WIDTHS = {"long": (1.16, 1.28), "bob": (1.2, 1.3), "curly": (1.36, 1.5)}


def _pick(rng: Random, weights: Mapping[str, float]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def _tint(rng: Random, colour: tuple[int, int, int], spread: float = 0.03) -> RGB:
    light = 1 + rng.uniform(-spread, spread)
    r, g, b = (min(1.0, max(0.0, c / 255 * light + rng.uniform(-spread, spread) * 0.5)) for c in colour)
    return r, g, b


def _words(rng: Random, background: str, fixed: dict) -> dict:
    """The attributes of one person; `fixed` entries win over chance."""
    gender = fixed.get("gender") or rng.choices(words.GENDERS, (45, 45, 10))[0]
    hat = rng.choice(words.HATS) if rng.random() < 0.17 else ""
    hat = fixed.get("hat", hat)
    style = fixed.get("hair_style") or _pick(rng, STYLES_BY_GENDER[gender])
    if hat and style == "bun":
        style = "long" if "hair_style" not in fixed else style
    colours = {k: w for k, w in HAIR_WEIGHTS.items() if k != background or rng.random() < 0.2}
    shirts = [c for c in words.SURFACES if c != background or rng.random() < 0.2]
    beard = gender == "man" and rng.random() < 0.34
    chosen = {
        "gender": gender,
        "skin": rng.choice(list(words.SKIN)),
        "hair_style": style,
        "hair_colour": _pick(rng, colours),
        "eye_colour": rng.choice(list(words.EYES)),
        "shirt_colour": rng.choice(shirts),
        "expression": rng.choices(words.EXPRESSIONS, (40, 42, 10, 8))[0],
        "glasses": rng.random() < 0.25,
        "beard": beard,
        "hat": hat,
        "hat_colour": rng.choice([c for c in words.SURFACES if c != background]) if hat else "",
    }
    chosen.update(fixed)
    if chosen["hat"] and not chosen["hat_colour"]:
        chosen["hat_colour"] = "red"
    return chosen


def _face_shape(rng: Random, w: dict) -> dict[str, float]:
    man, woman = float(w["gender"] == "man"), float(w["gender"] == "woman")
    half = 0.5 * (1 - man - woman)
    man, woman = man + half, woman + half
    surprised = w["expression"] == "surprised"
    smile = {"neutral": rng.uniform(0.18, 0.36), "smiling": rng.uniform(0.85, 1.15), "sad": rng.uniform(-1.15, -0.85)}
    ey = rng.uniform(-0.1, -0.03)
    nose_y = ey + rng.uniform(0.37, 0.43)
    turn = math.sin(max(-0.3, min(0.3, rng.gauss(0, 0.14))))
    return {
        "turn": turn,
        "ky": 0.5 * turn,
        "roll": max(-0.16, min(0.16, rng.gauss(0, 0.07))),
        "fw": rng.uniform(0.67, 0.72) + 0.03 * man,
        "jaw": rng.uniform(0.62, 0.69) + 0.09 * man,
        "fl": rng.uniform(1.0, 1.06) + 0.02 * man,
        "ed": rng.uniform(0.33, 0.36),
        "ey": ey,
        "es": rng.uniform(0.172, 0.19) + 0.012 * woman,
        "open": rng.uniform(0.4, 0.46) + 0.12 * surprised + 0.035 * woman,
        "gaze": rng.uniform(-0.08, 0.08),
        "lash": 0.35 + 0.65 * woman,
        "brow_y": rng.uniform(0.205, 0.24) + 0.08 * surprised,
        "brow_t": rng.uniform(0.03, 0.038) + 0.022 * man,
        "brow_a": 0.1 if w["expression"] == "sad" else rng.uniform(-0.04, 0.0),
        "nose_y": nose_y,
        "nose_k": rng.uniform(0.8, 1.05) + 0.12 * man,
        "mouth_y": nose_y + rng.uniform(0.27, 0.32) - 0.01 * surprised,
        "mouth_w": 0.215 if surprised else rng.uniform(0.25, 0.29) + 0.05 * max(0.0, smile.get(w["expression"], 0)),
        "smile": 0.0 if surprised else smile[w["expression"]],
        "teeth": rng.uniform(0.045, 0.065) if w["expression"] == "smiling" and rng.random() < 0.75 else 0.0,
        "gasp": rng.uniform(0.05, 0.066) if surprised else 0.0,
        "lips": 0.25 + 0.75 * woman,
        "age": rng.random(),
        "cheek": rng.uniform(0.05, 0.12),
        "phase": rng.uniform(0, 6.28),
        "glasses": float(w["glasses"]),
        "glass_p": rng.choice((2.0, 3.6)),
        "beard": float(w["beard"]),
        "beard_a": rng.uniform(0.74, 0.88),
        "beard_l": rng.uniform(-0.02, 0.12),
    }


def _hair_shape(rng: Random, w: dict) -> dict[str, float]:
    style = w["hair_style"]
    length = rng.uniform(*LENGTHS.get(style, (0, 0)))
    if style == "curly" and w["gender"] == "man":
        length = rng.uniform(0.1, 0.3)
    fringe = float(style in ("long", "bob") and rng.random() < 0.4)
    hairline = rng.uniform(-0.66, -0.58) + (0.1 if style == "curly" else 0.0)
    return {
        "hair": float(style != "bald"),
        "back": float(length > 0),
        "locks": float(style in ("long", "bob")),
        "tied": float(style in ("short", "curly", "bun")),
        "hatted": float(bool(w["hat"])),
        "curl": float(style == "curly"),
        "bun": float(style == "bun" and not w["hat"]),
        "bun_x": rng.uniform(-0.18, 0.18),
        "length": length,
        "back_w": rng.uniform(*BACK_WIDTHS.get(style, (1.1, 1.1))),
        "flare": rng.uniform(0.0, 0.25) if style == "long" else rng.uniform(-0.12, 0.04),
        "wave": rng.choice((0.0, rng.uniform(0.03, 0.06))) if style == "long" else 0.0,
        "crown_w": {"curly": 1.26, "short": 1.08, "bun": 1.07}.get(style, 1.15),
        "crown_h": {"curly": 1.24, "short": 1.12, "bun": 1.06}.get(style, 1.12) + rng.uniform(0, 0.06),
        "hairline": hairline,
        "drop": 0.14 if style == "short" else 0.42,
        "cropped": float(style == "short"),
        "recess": rng.uniform(3.0, 5.0) if style == "short" else 0.0,
        "quiff": rng.uniform(0.06, 0.16) * rng.choice((-1, 1)) if style == "short" else 0.0,
        "part": rng.uniform(-0.35, 0.35),
        "fringe": fringe,
        "fringe_y": rng.uniform(-0.42, -0.36),
        "burn": rng.uniform(0.02, 0.18),
        "beanie": float(w["hat"] == "beanie"),
        "brim": float(w["hat"] == "hat"),
        "hat_top": rng.uniform(0.94, 1.04),
        "hat_y": rng.uniform(-0.52, -0.46),
        "pompom": float(rng.random() < 0.4),
    }


def _body_shape(rng: Random, w: dict) -> dict[str, float]:
    man = {"man": 1.0, "woman": 0.0}.get(w["gender"], 0.5)
    return {
        "neck": rng.uniform(0.36, 0.4) + 0.08 * man,
        "shoulder": rng.uniform(1.42, 1.56) + 0.3 * man,
        "shoulder_y": rng.uniform(1.14, 1.22),
        "collar_v": float(rng.random() < 0.4),
        "collar_d": rng.uniform(0.28, 0.42),
        "collar_w": rng.uniform(0.46, 0.56),
    }


def _tints(rng: Random, w: dict) -> dict[str, RGB]:
    hair = _tint(rng, words.HAIR[w["hair_colour"]], 0.025)
    brow = words.HAIR["brown" if w["hair_style"] == "bald" and not w["beard"] else w["hair_colour"]]
    hat = words.SURFACES[w["hat_colour"]] if w["hat_colour"] else (0, 0, 0)
    return {
        "skin": _tint(rng, words.SKIN[w["skin"]], 0.02),
        "hair": hair,
        "brow": _tint(rng, (brow[0] // 2 + 8, brow[1] // 2 + 8, brow[2] // 2 + 8), 0.01),
        "eye": _tint(rng, words.EYES[w["eye_colour"]]),
        "shirt": _tint(rng, words.SURFACES[w["shirt_colour"]]),
        "hat": _tint(rng, hat),
        "frame": _tint(rng, rng.choice(words.FRAMES)),
    }


def _to_pixels(s: dict[str, float], u: float, v: float) -> Point:
    c, r = math.cos(s["roll"]), math.sin(s["roll"])
    return s["cx"] + s["sc"] * (c * u - r * v), s["cy"] + s["sc"] * (r * u + c * v)


def _truth(s: dict[str, float]) -> dict:
    """Face box (forehead to chin, cheek to cheek) and eye centres in pixels."""
    centre = 0.62 * s["turn"]
    left = _to_pixels(s, centre - s["ed"] / (1 - s["ky"]), s["ey"])
    right = _to_pixels(s, centre + s["ed"] / (1 + s["ky"]), s["ey"])
    mid = 0.1 * s["turn"]
    edges = [_to_pixels(s, mid + side * s["fw"], 0.1) for side in (-1, 1)]
    top, chin = _to_pixels(s, mid, -0.74), _to_pixels(s, mid, s["fl"])
    return {"box": (edges[0][0], top[1], edges[1][0], chin[1]), "left_eye": left, "right_eye": right}


def _person(rng: Random, place: dict[str, float], background: str, fixed: dict) -> Person:
    w = _words(rng, background, fixed)
    shape = {**_face_shape(rng, w), **_hair_shape(rng, w), **_body_shape(rng, w), **place}
    return Person(**w, **_truth(shape), shape=shape, tints=_tints(rng, w))


def _places(rng: Random, kind: str, width: int, height: int) -> list[dict[str, float]]:
    """Centre (pixels) and pixels per head unit (a face is about 2.1 units high) of each person, left to right."""
    unit = min(width, height)
    if kind == "closeup":
        x, y, size = rng.uniform(0.45, 0.55), rng.uniform(0.49, 0.53), rng.uniform(0.28, 0.345)
        return [{"cx": width * x, "cy": height * y, "sc": unit * size}]
    if kind == "half":
        x, y, size = rng.uniform(0.4, 0.6), rng.uniform(0.3, 0.36), rng.uniform(0.13, 0.17)
        return [{"cx": width * x, "cy": height * y, "sc": unit * size}]
    return _group_places(rng, width, height, unit)


def _group_places(rng: Random, width: int, height: int, unit: int) -> list[dict[str, float]]:
    """Two to four people side by side; four stand in two rows."""
    count = rng.choices((2, 3, 4), (45, 35, 20))[0]
    biggest = min(0.115 * unit, width / count / 3.1)
    size = rng.uniform(0.78, 1.0) * biggest
    line = rng.uniform(0.34, 0.48)
    flip = rng.randrange(2)
    places = []
    for i in range(count):
        x = (i + 0.5 + rng.uniform(-0.1, 0.1)) / count
        near = rng.uniform(-1, 1) if count < 4 else rng.uniform(0.6, 1.4) * (-1) ** (i + flip)
        places.append({"cx": width * x, "cy": height * (line + 0.06 * near), "sc": size * (1 + 0.08 * near)})
    return places


def _scene(seed: int, index: int, kind: str, width: int, height: int, fixed: dict) -> Scene:
    name = f"{seed}/{index}/{kind}/{width}x{height}"
    rng = Random(name)
    fixed = dict(fixed)
    background = fixed.pop("background", None) or rng.choice(list(words.SURFACES))
    people = tuple(_person(rng, place, background, fixed) for place in _places(rng, kind, width, height))
    angle = rng.uniform(0, 6.28)
    shape = {
        "lx": rng.uniform(-0.6, 0.6),
        "ly": rng.uniform(-0.7, -0.25),
        "lz": 1.0,
        "ambient": rng.uniform(0.42, 0.5),
        "gx": 0.16 * math.cos(angle),
        "gy": 0.16 * math.sin(angle),
        "glow": rng.uniform(0.0, 0.12),
        "bokeh": rng.choice((0.0, rng.uniform(0.06, 0.16))),
    }
    for k in range(3):
        shape.update({f"bx{k}": rng.random(), f"by{k}": rng.random(), f"br{k}": rng.uniform(0.06, 0.2)})
    lamp = (1.0, rng.uniform(0.95, 1.0), rng.uniform(0.9, 1.0))
    tints = {"back": _tint(rng, words.SURFACES[background]), "light": lamp}
    return Scene(name, kind, width, height, people, background, shape, tints)


def sample(seed: int, n: int, kind: str = "closeup", width: int = 256, height: int = 256, **fixed) -> list[Scene]:
    """`n` random scenes, the same for the same arguments; scene i does not depend on n.

    kind: "closeup", "half" (one person, torso visible) or "group" (two to four small faces).
    fixed: attributes to hold, such as background="red", hair_style="bob", glasses=True (all people of a scene).
    """
    if kind not in words.KINDS:
        raise ValueError(f"unknown kind of portrait {kind!r}: use one of {', '.join(words.KINDS)}")
    return [_scene(seed, i, kind, width, height, fixed) for i in range(n)]
