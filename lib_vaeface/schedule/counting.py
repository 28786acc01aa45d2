"""The text of a prompt that has most tokens, for the WebUI's token counter."""

from __future__ import annotations

from collections.abc import Callable

from .attention import emphasis
from .compile import compile_prompt


def longest(prompt: str, steps: int, negative: bool, count: Callable[[str], int]) -> str:
    """The longest of all texts that the prompt's schedule gives, without brackets, so that it reads the same again.

    count: tokens of a text in the WebUI's emphasis syntax.
    """
    timelines = compile_prompt(prompt, max(steps, 1), negative=negative)
    texts = dict.fromkeys(plain(text) for timeline in timelines for text in timeline.texts())
    return max(texts, key=count)


def plain(text: str) -> str:
    """The words without emphasis, brackets among them escaped; the same tokens, since each weight's words are
    tokenised by themselves."""
    return " ".join(_escaped(words) for words, _ in emphasis(text))


def _escaped(words: str) -> str:
    return "".join("\\" + letter if letter in "\\()[]" else letter for letter in words)
