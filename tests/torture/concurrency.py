"""Requests of several clients of the API at once: none ever gets anything of another's settings."""

from __future__ import annotations

from .part import Part, Told, nobody, of_child

PROMISE = "every request, queued among others with other settings, gives bit for bit what it gives alone"


def torture(count: int = 200, clients: int = 4, seed: int = 0, told: Told = nobody) -> Part:
    """count: requests of all clients together."""
    return of_child("concurrency", PROMISE, {"count": count, "clients": clients, "seed": seed}, told)
