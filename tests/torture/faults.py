"""Faults in the middle of generations: the picture is there, everything is back, and the next one is as ever."""

from __future__ import annotations

from .part import Part, Told, nobody, of_child

PROMISE = "the picture or the WebUI's own error is there, all is back, the next picture is the same, it is said once"


def torture(count: int = 1000, seed: int = 0, told: Told = nobody, *flags: str) -> Part:
    """count: faults that were really reached. flags: of the pocket WebUI, such as --host-mode forge."""
    return of_child("faults", PROMISE, {"count": count, "seed": seed}, told, *flags)


def forge(count: int = 100, seed: int = 0, told: Told = nobody) -> Part:
    """The same in a pocket WebUI that behaves as Forge does."""
    part = torture(count, seed, told, "--host-mode", "forge")
    part.name = "forge"
    return part
