"""Flat drawn faces in the manner of anime: what detectors that were trained on photographs may not see."""

from __future__ import annotations

import math
from random import Random

from PIL import Image, ImageDraw

SKINS = ("#ffe0cc", "#fbd3b4", "#f2c6a0", "#fff0e6")
HAIRS = ("#2b2233", "#8b4a2b", "#e8c86a", "#d97aa6", "#5b7fd1", "#c0c4d0", "#7a3fa0")
EYES = ("#2f6fb3", "#3f8f4a", "#8a4a1f", "#a03048", "#5a3f9a")
GROUNDS = ("#cfe3f5", "#f5efe0", "#d9ead3", "#fbe4ec", "#777f8c")
OUTLINE = "#3a2a2a"


def drawn(seed: int, side: int = 256) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """One drawn person and the box of the face in pixels. Drawn at four times the size."""
    random, size = Random(seed), 4 * side
    picture = Image.new("RGB", (size, size), random.choice(GROUNDS))
    pen = ImageDraw.Draw(picture)
    x, y, r = size * random.uniform(0.45, 0.55), size * random.uniform(0.42, 0.5), size * random.uniform(0.2, 0.27)
    line, hair = max(4, int(r / 40)), random.choice(HAIRS)
    skin, iris = random.choice(SKINS), random.choice(EYES)
    _hair_behind(pen, x, y, r, hair, random)
    pen.rectangle((x - r / 4, y + r, x + r / 4, y + 1.6 * r), fill=skin, outline=OUTLINE, width=line)
    pen.polygon(
        [(x - 1.3 * r, size), (x - r, y + 1.5 * r), (x + r, y + 1.5 * r), (x + 1.3 * r, size)], fill=random.choice(EYES)
    )
    _head(pen, x, y, r, skin, line)
    for side_of in (-1, 1):
        _eye(pen, x + side_of * 0.42 * r, y + 0.15 * r, r, iris, line)
        brow = y - 0.28 * r
        pen.arc(
            (x + side_of * 0.42 * r - 0.25 * r, brow, x + side_of * 0.42 * r + 0.25 * r, brow + 0.2 * r),
            200,
            340,
            hair,
            line,
        )
    pen.line((x, y + 0.48 * r, x - 0.04 * r, y + 0.54 * r), fill=OUTLINE, width=line)
    pen.arc((x - 0.18 * r, y + 0.6 * r, x + 0.18 * r, y + 0.78 * r), 20, 160, "#a04040", line)
    _fringe(pen, x, y, r, hair, random, line)
    box = ((x - 0.95 * r) / 4, (y - 0.75 * r) / 4, (x + 0.95 * r) / 4, (y + 1.12 * r) / 4)
    return picture.resize((side, side), Image.Resampling.LANCZOS), box


def _head(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, skin: str, line: int) -> None:
    """Round above, with a pointed chin."""
    above = [(x + 0.95 * r * math.cos(a / 20 * math.pi), y - r * math.sin(a / 20 * math.pi)) for a in range(21)]
    chin = [
        (x - 0.85 * r, y + 0.5 * r),
        (x - 0.3 * r, y + 1.02 * r),
        (x, y + 1.12 * r),
        (x + 0.3 * r, y + 1.02 * r),
        (x + 0.85 * r, y + 0.5 * r),
    ]
    pen.polygon(above + chin, fill=skin, outline=OUTLINE, width=line)


def _eye(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, iris: str, line: int) -> None:
    """Large, with a dark upper lid and two lights."""
    pen.ellipse((x - 0.24 * r, y - 0.28 * r, x + 0.24 * r, y + 0.28 * r), fill="white", outline=OUTLINE, width=line)
    pen.ellipse((x - 0.17 * r, y - 0.24 * r, x + 0.17 * r, y + 0.24 * r), fill=iris)
    pen.ellipse((x - 0.09 * r, y - 0.13 * r, x + 0.09 * r, y + 0.13 * r), fill="#1a1420")
    pen.ellipse((x - 0.14 * r, y - 0.2 * r, x - 0.02 * r, y - 0.06 * r), fill="white")
    pen.ellipse((x + 0.04 * r, y + 0.06 * r, x + 0.11 * r, y + 0.14 * r), fill="white")
    pen.arc((x - 0.26 * r, y - 0.31 * r, x + 0.26 * r, y + 0.2 * r), 190, 350, OUTLINE, 3 * line)


def _hair_behind(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, hair: str, random: Random) -> None:
    length = random.uniform(0.6, 1.9) * r
    pen.ellipse((x - 1.2 * r, y - 1.35 * r, x + 1.2 * r, y + 0.8 * r), fill=hair)
    pen.rounded_rectangle((x - 1.2 * r, y - 0.3 * r, x + 1.2 * r, y + length), 0.3 * r, fill=hair)


def _fringe(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, hair: str, random: Random, line: int) -> None:
    """Locks over the forehead."""
    edge = [(x - 1.02 * r, y + 0.1 * r), (x - 1.08 * r, y - 0.5 * r), (x - 0.6 * r, y - 1.15 * r), (x, y - 1.3 * r)]
    edge += [(x + 0.6 * r, y - 1.15 * r), (x + 1.08 * r, y - 0.5 * r), (x + 1.02 * r, y + 0.1 * r)]
    for step in range(6, -7, -1):
        tip = random.uniform(-0.3, -0.1) if step % 2 else -0.65
        edge.append((x + 0.15 * step * r, y + tip * r))
    pen.polygon(edge, fill=hair, outline=OUTLINE, width=line)
