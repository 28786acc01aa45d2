"""A picture with its faces framed and numbered, so that a person can say which is meant."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from .protocol import Face

COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#000075")
THIN = 400  # pixels of the picture's longest side to a pixel of line


def overlay(picture: Image.Image, faces: Sequence[Face], texts: Sequence[str] | None = None) -> Image.Image:
    """A copy of the picture in RGB with a frame, a number from 1 and the landmarks of every face.

    texts: what to write in place of "1", "2", ...; Latin letters and digits.
    """
    drawn = picture.convert("RGB")
    pen, line = ImageDraw.Draw(drawn), max(1, round(max(drawn.size) / THIN))
    names = texts if texts is not None else [str(n) for n in range(1, len(faces) + 1)]
    for number, (face, name) in enumerate(zip(faces, names, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        left, top, right, bottom = face.box
        pen.rectangle((left, top, max(right - 1, left), max(bottom - 1, top)), outline=colour, width=line)
        for x, y in face.landmarks:
            pen.ellipse((x - line, y - line, x + line, y + line), fill=colour)
        _label(drawn, name, colour, (left, top), line)
    return drawn


def _label(drawn: Image.Image, text: str, colour: str, corner: tuple[float, float], line: int) -> None:
    """White on the face's colour, above the box or, where there is no room, in it."""
    stamp = _written(text, line)
    width, height = stamp.width + 4 * line, stamp.height + 2 * line
    left = round(min(max(corner[0], 0), max(drawn.width - width, 0)))
    top = round(corner[1]) - height if corner[1] >= height else max(round(corner[1]), 0)
    drawn.paste(colour, (left, top, left + width, top + height))
    drawn.paste("white", (left + 2 * line, top + line), stamp)


def _written(text: str, enlarged: int) -> Image.Image:
    """A text in Pillow's own font as a mask; enlarged by whole numbers, since old Pillows have it in one size."""
    font = ImageFont.load_default()
    left, top, right, bottom = (int(value) for value in font.getbbox(text or " "))
    mask = Image.new("L", (right + 1, bottom + 1))
    ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=font)
    mask = mask.crop((left, top, right + 1, bottom + 1))
    return mask.resize((mask.width * enlarged, mask.height * enlarged), Image.Resampling.NEAREST)
