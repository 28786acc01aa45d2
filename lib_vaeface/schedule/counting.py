"""The text of a prompt that has most tokens, for the WebUI's token counter."""

from __future__ import annotations

from collections.abc import Callable

from .attention import emphasis
from .compile import compile_prompt
from .parts import split


def longest(prompt: str, steps: int, negative: bool, count: Callable[[str], int], extensions: bool = True) -> str:
    """The longest of all texts that the prompt's schedule gives, written so that the WebUI reads it as one text.

    count: tokens of a text in the WebUI's emphasis syntax.
    """
    timelines = compile_prompt(prompt, max(steps, 1), negative=negative, extensions=extensions)
    texts = dict.fromkeys(plain(text) for timeline in timelines for text in timeline.texts())
    found = max(texts, key=count)
    weighted = not negative and split(found, False)[0].text != found.rstrip()
    return f"{found}:1" if weighted else found  # the WebUI takes one weight off a positive prompt


def plain(text: str) -> str:
    """The words without emphasis, brackets among them escaped; the same tokens, since each weight's words are
    tokenised by themselves. BREAK under emphasis is a word, which tokenisers read in small letters."""
    found = (words.lower() if words == "BREAK" and weight != -1.0 else words for words, weight in emphasis(text))
    return " ".join(map(_escaped, found))


def _escaped(words: str) -> str:
    return "".join("\\" + letter if letter in "\\()[]" else letter for letter in words)
