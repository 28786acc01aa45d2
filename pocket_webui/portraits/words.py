"""Named colours and the other words of the portraits: what a caption may say and what it looks like.

Colours are sRGB, 0..255. The names are the vocabulary of the captions, small and common on purpose.
"""

from __future__ import annotations

SURFACES: dict[str, tuple[int, int, int]] = {
    "red": (204, 44, 42),
    "blue": (48, 94, 196),
    "green": (58, 148, 66),
    "yellow": (242, 206, 58),
    "purple": (128, 60, 166),
    "orange": (238, 130, 36),
    "pink": (244, 150, 186),
    "grey": (138, 138, 140),
    "white": (242, 242, 240),
    "black": (32, 32, 36),
    "brown": (120, 76, 46),
    "teal": (24, 142, 146),
}
HAIR: dict[str, tuple[int, int, int]] = {
    "black": (30, 26, 28),
    "brown": (100, 62, 36),
    "blond": (226, 186, 106),
    "red": (176, 66, 26),
    "grey": (146, 148, 154),
    "white": (236, 234, 230),
    "blue": (46, 92, 210),
    "pink": (240, 116, 172),
    "green": (54, 164, 84),
}
EYES: dict[str, tuple[int, int, int]] = {
    "blue": (48, 124, 220),
    "green": (62, 164, 74),
    "brown": (120, 66, 28),
    "grey": (150, 158, 168),
}
SKIN: dict[str, tuple[int, int, int]] = {
    "fair": (250, 214, 192),
    "light": (236, 188, 154),
    "tan": (212, 158, 114),
    "brown": (156, 104, 70),
    "dark": (98, 64, 48),
}
FRAMES: tuple[tuple[int, int, int], ...] = ((22, 22, 26), (90, 44, 24), (150, 26, 36), (30, 50, 110))

HAIR_STYLES = ("short", "long", "bob", "curly", "bun", "bald")
HATS = ("beanie", "hat")
EXPRESSIONS = ("neutral", "smiling", "sad", "surprised")
GENDERS = ("woman", "man", "person")
KINDS = ("closeup", "half", "group")
