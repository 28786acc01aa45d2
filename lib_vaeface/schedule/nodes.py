"""What a prompt is read into: a sequence of plain strings and of nodes that change over time.

A bracket without effect on time (emphasis, a stray one) is plain text and no node. Nodes may nest to any depth, so
nothing here recurses; comparing or hashing deep trees with == would, compare what `show` prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Time:
    """A time as written. unit: "" native number, "%" of the current pass, "s" sigma, "?" left out (spread evenly)."""

    text: str
    unit: str = ""

    @property
    def value(self) -> float:
        """The number; 0 where it was left out. Very large ones become infinite."""
        return 0.0 if self.unit == "?" else float(self.text)

    def __str__(self) -> str:
        return "" if self.unit == "?" else self.text + self.unit


BLANK = Time("", "?")


@dataclass(frozen=True)
class Stages:
    """texts[0] until times[0], texts[1] until times[1], ..., the last for the rest. One time fewer than texts."""

    texts: tuple[Seq, ...]
    times: tuple[Time, ...]


@dataclass(frozen=True)
class Turns:
    """Options in turn, each for `hold` (None: one step). With a curve the neighbours fade into each other."""

    options: tuple[Seq, ...]
    hold: Time | None = None
    curve: str = ""


@dataclass(frozen=True)
class Blend:
    """texts[i] alone at times[i], mixtures between. As many times as texts, at least two."""

    texts: tuple[Seq, ...]
    times: tuple[Time, ...]
    curve: str = ""


@dataclass(frozen=True)
class Ramp:
    """Emphasis over time: (body:weights[i]) at times[i], mixtures of their encodings between."""

    body: Seq
    weights: tuple[str, ...]
    times: tuple[Time, ...]
    curve: str = ""


Node = str | Stages | Turns | Blend | Ramp
Seq = tuple[Node, ...]


def show(sequence: Seq) -> str:
    """The prompt in its canonical spelling. Reading it again gives the same tree."""
    out: list[str] = []
    stack: list[Iterator[Node]] = [iter(sequence)]
    while stack:
        for node in stack[-1]:
            if isinstance(node, str):
                out.append(node)
                continue
            stack.append(iter(_spelling(node)))
            break
        else:
            stack.pop()
    return "".join(out)


def _spelling(node: Stages | Turns | Blend | Ramp) -> Iterator[Node]:
    """The node's parts in writing order: its brackets and separators as strings, its texts as they are."""
    curve = f":{node.curve}" if not isinstance(node, Stages) and node.curve else ""
    if isinstance(node, Ramp):
        keys = ",".join(w if t.unit == "?" else f"{w}@{t}" for w, t in zip(node.weights, node.times, strict=True))
        yield from ("(", *node.body, f":{keys}{curve})")
    elif isinstance(node, Turns):
        yield from _joined(node.options, "|")
        yield f":{node.hold}{curve}]" if node.hold else "]"
    else:
        yield from _joined(node.texts, ":")
        yield f":{','.join(map(str, node.times))}{curve}]"


def _joined(texts: tuple[Seq, ...], separator: str) -> Iterator[Node]:
    for i, text in enumerate(texts):
        yield separator if i else "["
        yield from text
