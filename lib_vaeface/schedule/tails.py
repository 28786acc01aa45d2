"""The ends of brackets: times, weights over time, curve names. pyparsing, whitespace kept out of its hands.

    times   ::= [time] ("," [time])+ | time UNIT           UNIT present, or a comma
    span    ::= NUMBER [UNIT] "-" NUMBER [UNIT]
    weights ::= key ("," key)+ | NUMBER ("->" | ">" | "~") NUMBER
    key     ::= NUMBER ["@" time]
    time    ::= NUMBER [UNIT]
    UNIT    ::= "%" | "s"
    NUMBER  ::= ["+" | "-"] digits, with a point and an exponent as the hosts' SIGNED_NUMBER; ASCII digits
"""

from __future__ import annotations

import re
from typing import Any, cast

import pyparsing as pp

from .nodes import BLANK, Time

NUMBER = r"[+-]?(?:[0-9]+[eE][+-]?[0-9]+|(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+)"
_NATIVE = re.compile(rf"\s*({NUMBER})\s*")
# What a tail can consist of at all: keeps plain words away from the grammar below.
_TIMELY = re.compile(r"[\s0-9.,+\-eE%s]*")
_WEIGHTY = re.compile(r"\s*[+-]?[0-9.][\s0-9.,+\-eE%s@>~]*")


def _regex(pattern: str) -> Any:
    return pp.Regex(pattern).leave_whitespace()


_SPACE = pp.Suppress(_regex(r"\s*"))
_NUMBER = _regex(NUMBER)
_TIME = (_SPACE + _NUMBER + pp.Optional(_regex("[%s]"), default="") + _SPACE).leave_whitespace()
_TIME.set_parse_action(lambda found: Time(found[0], found[1]))
_BLANK = _regex(r"\s*(?=,|\Z)").set_parse_action(lambda: BLANK)
_COMMA = pp.Suppress(_regex(","))
_PLACE = (_TIME | _BLANK).leave_whitespace()
_TIMES = (_PLACE + pp.ZeroOrMore(_COMMA + _PLACE)).leave_whitespace()
_SPAN = (_TIME + pp.Suppress(_regex("-")) + _TIME).leave_whitespace()
_KEY = (_SPACE + _NUMBER + (pp.Suppress(_regex(r"\s*@")) + _TIME | _regex(r"\s*").set_parse_action(lambda: BLANK)))
_KEYS = (_KEY + pp.OneOrMore(_COMMA + _KEY)).leave_whitespace()
_ARROW = (_SPACE + _NUMBER + pp.Suppress(_regex(r"\s*(?:->|>|~)\s*")) + _NUMBER + _SPACE).leave_whitespace()


def _parse(grammar: Any, text: str) -> list[Any]:
    """The whole text's tokens; an empty list when it does not fit."""
    try:
        return cast("list[Any]", grammar.parse_string(text, parse_all=True).as_list())
    except pp.ParseException:
        return []


def native_time(text: str) -> Time | None:
    """The number that the hosts accept before "]"."""
    found = _NATIVE.fullmatch(text)
    return Time(found[1]) if found else None


def times(text: str) -> list[Time]:
    """Times between commas, or one time. Left-out ones are BLANK. Empty when the text is something else."""
    return _parse(_TIMES, text) if _TIMELY.fullmatch(text) and text.strip() else []


def span(text: str) -> list[Time]:
    """The two times of `5-10`; empty when the text is something else."""
    return _parse(_SPAN, text) if "-" in text and _TIMELY.fullmatch(text) else []


def weights(text: str) -> tuple[tuple[str, ...], tuple[Time, ...]] | None:
    """(weights as written, their times) of `1.0,2.0`, `1->2` or `.5@0,1.2@40%`; None for anything else."""
    if not any(mark in text for mark in ",>~") or not _WEIGHTY.fullmatch(text):
        return None
    found = _parse(_KEYS, text)
    if found:
        return tuple(found[::2]), tuple(found[1::2])
    found = _parse(_ARROW, text)
    return (tuple(found), (BLANK, BLANK)) if found else None


def looks_weighted(text: str) -> bool:
    """Whether a person may have meant weights over time: a number first, then marks of ours."""
    return bool(_WEIGHTY.match(text)) and any(mark in text for mark in (",", ">", "~", "@"))
