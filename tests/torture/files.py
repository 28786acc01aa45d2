"""Hostile VAE files: each is refused with its name and the cause, and the WebUI's own weights are what they were."""

from __future__ import annotations

from .part import Part, Told, nobody, of_child

PROMISE = "a refusal that names file and cause; the WebUI's weights the same by their hash; no pickle is ever run"


def torture(step: int = 1, seed: int = 0, told: Told = nobody, replaced: int = 50) -> Part:
    """step: the header is cut at every so many bytes. replaced: files swapped between the look and the load."""
    return of_child("files", PROMISE, {"step": step, "seed": seed, "replaced": replaced}, told)
