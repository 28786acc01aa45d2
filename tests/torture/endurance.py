"""Hundreds of generations in one process: nothing grows, and none takes longer than the same one before."""

from __future__ import annotations

from .part import Part, Told, nobody, of_child

PROMISE = "memory, open VAEs, hooks and callbacks level off; the time per picture does not drift"


def torture(count: int = 300, seed: int = 0, told: Told = nobody) -> Part:
    """count: generations with random settings; the second half has the first one's again."""
    return of_child("endurance", PROMISE, {"count": count, "seed": seed}, told)
