"""The switches of a prompt as data: what a drawing of its timeline needs to know of each."""

from __future__ import annotations

from typing import Any

from .evaluate import Bound, Key
from .nodes import Blend, Node, Ramp, Seq, Stages, Turns

_FAR = 1e9


def switches(bound: Bound) -> list[dict[str, Any]]:
    """One plain JSON object per form that changes over time, in the order of their opening brackets.

    {"kind": "stages", "turns", "blend" or "ramp", "texts": how many there are to choose from, "at": [...], "curve"}.
    "at" has places in steps of the pass, or [sigma]: the last step of each text but the last ("stages"), how long each
    holds ("turns"), where each is alone ("blend", "ramp"; a ramp has "weights" as well). Places may be outside of 0 ..
    steps.
    """
    found: list[dict[str, Any]] = []
    stack: list[list[Node]] = [list(reversed(bound.nodes))]
    while stack:
        if not stack[-1]:
            stack.pop()
            continue
        node = stack[-1].pop()
        if not isinstance(node, str):
            switch, inner = _switch(node, bound)
            found.append(switch)
            stack.extend(list(reversed(sequence)) for sequence in reversed(inner))
    return found


def _switch(node: Stages | Turns | Blend | Ramp, bound: Bound) -> tuple[dict[str, Any], tuple[Seq, ...]]:
    if isinstance(node, Turns):
        at: list[Any] = [bound.clock.hold(node.hold) if node.hold else 1.0]
        return _described("turns", len(node.options), at, node.curve), node.options
    if isinstance(node, Stages):
        return _described("stages", len(node.texts), _places(bound.stage_keys(node))), node.texts
    places = _places(bound.keys(node.times))
    if isinstance(node, Blend):
        return _described("blend", len(node.texts), places, node.curve), node.texts
    weights = [min(max(float(weight), -1e6), 1e6) for weight in node.weights]
    return {**_described("ramp", len(weights), places, node.curve), "weights": weights}, (node.body,)


def _described(kind: str, texts: int, at: list[Any], curve: str = "") -> dict[str, Any]:
    return {"kind": kind, "texts": texts, "at": at, "curve": curve}


def _places(keys: list[Key]) -> list[Any]:
    """A noise level stands in a list of its own."""
    return [[min(-place, _FAR)] if by_sigma else round(place, 6) for place, by_sigma in keys]
