"""Emphasis in prompts: (word), (word:1.3), [word] and the BREAK keyword."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
      (?P<escape>  \\[()\[\]\\]? )
    | (?P<raise>   \( )
    | (?P<lower>   \[ )
    | (?P<weight>  :\s*(?P<value>[+-]?[.\d]+)\s*\) )
    | (?P<raised>  \) )
    | (?P<lowered> \] )
    | (?P<words>   [^\\()\[\]:]+ | : )
    """,
    re.VERBOSE,
)
_BREAK = re.compile(r"\s*\bBREAK\b\s*")
_STRONGER, _WEAKER = 1.1, 1 / 1.1


def _plain(text: str) -> list[list]:
    """Text as pieces of weight 1, with ["BREAK", -1] where the keyword stood."""
    pieces: list[list] = []
    for part in _BREAK.split(text):
        pieces += [["BREAK", -1], [part, 1.0]] if pieces else [[part, 1.0]]
    return pieces


def _merged(pieces: list[list]) -> list[list]:
    joined: list[list] = []
    for text, weight in pieces:
        if joined and joined[-1][1] == weight:
            joined[-1][0] += text
        else:
            joined.append([text, weight])
    return joined or [["", 1.0]]


def parse_prompt_attention(text: str) -> list[list]:
    """[[piece, weight], ...]; weight 1.0 is neutral, ["BREAK", -1] asks for a new chunk.

    (a) is 1.1, [a] is 1/1.1, (a:1.5) is 1.5; nested brackets multiply, unclosed ones reach to the end. A backslash
    makes the bracket after it plain. A weight with two points, like (a:1.2.3), raises ValueError.
    """
    pieces: list[list] = []
    opened: dict[str, list[int]] = {"raise": [], "lower": []}

    def multiply(start: int, factor: float) -> None:
        for piece in pieces[start:]:
            piece[1] *= factor

    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "escape":
            pieces.append([token[0][1:], 1.0])
        elif kind in opened:
            opened[kind].append(len(pieces))
        elif kind == "weight" and opened["raise"]:
            multiply(opened["raise"].pop(), float(token["value"]))
        elif kind == "raised" and opened["raise"]:
            multiply(opened["raise"].pop(), _STRONGER)
        elif kind == "lowered" and opened["lower"]:
            multiply(opened["lower"].pop(), _WEAKER)
        else:
            pieces += _plain(token[0])
    for start in opened["raise"]:
        multiply(start, _STRONGER)
    for start in opened["lower"]:
        multiply(start, _WEAKER)
    return _merged(pieces)
