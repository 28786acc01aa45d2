"""One text for each face, with the marks that ADetailer's users know.

    [SEP]     parts the text: the first part is for the first face, and so on; the last serves all that follow
    [PROMPT]  stands for the picture's own prompt; an empty part is the same
    [SKIP]    alone in a part: that face is not painted again

Nothing else is read: `[a:b:0.5]`, `[a|b]`, weights and network tags stay as they are, and a mark is exactly these
letters, so `[sep]` and `[SEP:2]` are ordinary text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SEPARATOR, MAIN, SKIP = re.compile(r"\s*\[SEP\]\s*"), "[PROMPT]", "[SKIP]"


@dataclass(frozen=True)
class FacePrompt:
    """What one face is painted with; skip: not at all."""

    prompt: str
    negative: str
    skip: bool = False


def parts(text: str, main: str) -> list[str]:
    """The parts of a text with the picture's prompt filled in; never empty."""
    return [part.replace(MAIN, main) if part else main for part in SEPARATOR.split(text.strip())]


def face_prompts(prompt: str, negative: str, main: str, main_negative: str, count: int) -> list[FacePrompt]:
    """The texts of `count` faces in order. main, main_negative: those of the picture."""
    texts, negatives = parts(prompt, main), parts(negative, main_negative)
    skips = [part == SKIP for part in SEPARATOR.split(prompt.strip())]
    return [
        FacePrompt(_at(texts, number), _at(negatives, number), skips[min(number, len(skips) - 1)])
        for number in range(count)
    ]


def _at(texts: list[str], number: int) -> str:
    return texts[min(number, len(texts) - 1)]
