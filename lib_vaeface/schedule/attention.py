"""Emphasis as the hosts read it in a finished text: which words carry which weight. Ours never raises."""

from __future__ import annotations

import math
import re
from itertools import groupby

from .grammar import harmless

_TOKEN = re.compile(r"\\[()\[\]\\]?|[(\[\])]|:\s*([+-]?[.\d]+)\s*\)|[^\\()\[\]:]+|:")
_BREAK = re.compile(r"\s*\bBREAK\b\s*")
_MANY = 500

Range = tuple[int, int, float]


def emphasis(text: str) -> list[tuple[str, float]]:
    """[(words, weight)], neighbours of equal weight joined; a chunk break is ("BREAK", -1 times its emphasis).

    A weight that is no number ("1.2.3"), on which the hosts raise ValueError, is taken as words.
    """
    words, starts, ranges = _scan(harmless(text))
    weights = _weigh(starts, ranges) if len(ranges) <= _MANY else _weigh_many(starts, ranges)
    pairs = list(zip(words, weights, strict=True)) or [("", 1.0)]
    return [("".join(word for word, _ in same), weight) for weight, same in groupby(pairs, key=lambda pair: pair[1])]


def has_emphasis(text: str) -> bool:
    """Whether any words of the text weigh other than 1; chunk breaks do not count."""
    return any(weight != 1.0 and words != "BREAK" for words, weight in emphasis(text))


def _scan(text: str) -> tuple[list[str], list[float], list[Range]]:
    """(words, their own weights, [(first, end, multiplier)] in the order in which the hosts apply them)."""
    words: list[str] = []
    weights: list[float] = []
    ranges: list[Range] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    for found in _TOKEN.finditer(text):
        token, weight = found[0], found[1]
        round_ = opened["("] if token[-1] == ")" and token[0] != "\\" else None
        if token in opened:
            opened[token].append(len(words))
        elif round_:
            ranges.append((round_.pop(), len(words), float(weight) if weight else 1.1))
        elif token == "]" and opened["["]:
            ranges.append((opened["["].pop(), len(words), 1 / 1.1))
        else:
            _take(token[1:] if token[0] == "\\" else token, token[0] == "\\", words, weights)
    ranges += [(start, len(words), 1.1) for start in opened["("]]
    ranges += [(start, len(words), 1 / 1.1) for start in opened["["]]
    return words, weights, ranges


def _take(token: str, escaped: bool, words: list[str], weights: list[float]) -> None:
    for i, part in enumerate([token] if escaped else _BREAK.split(token)):
        if i:
            words.append("BREAK")
            weights.append(-1.0)
        words.append(part)
        weights.append(1.0)


def _weigh(weights: list[float], ranges: list[Range]) -> list[float]:
    """In the hosts' order, so that floats are equal to the last bit."""
    for start, end, multiplier in ranges:
        for i in range(start, end):
            weights[i] *= multiplier
    return weights


def _weigh_many(weights: list[float], ranges: list[Range]) -> list[float]:
    """The same products by sums of logarithms, in linear time; equal to about 12 digits."""
    sums = [[0.0, 0, 0] for _ in range(len(weights) + 1)]  # log of the size, zeros, signs
    for start, end, multiplier in ranges:
        change = (math.log(abs(multiplier)), 0, multiplier < 0) if multiplier else (0.0, 1, 0)
        for k, value in enumerate(change):
            sums[start][k] += value
            sums[end][k] -= value
    size, zeros, signs = 0.0, 0.0, 0.0
    for i, weight in enumerate(weights):
        size, zeros, signs = size + sums[i][0], zeros + sums[i][1], signs + sums[i][2]
        product = 0.0 if zeros else math.exp(min(round(size, 11), 700.0))
        weights[i] = weight * (-product if signs % 2 else product)
    return weights
