"""Shapes of a transition. All take u in 0..1 to 0..1, "catmull" and "bezier" mix more than two neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable

EASING: dict[str, Callable[[float], float]] = {
    "linear": lambda u: u,
    "smooth": lambda u: u * u * (3.0 - 2.0 * u),
    "ease-in": lambda u: u * u,
    "ease-out": lambda u: u * (2.0 - u),
    "ease-in-out": lambda u: 4.0 * u**3 if u < 0.5 else 1.0 - 4.0 * (1.0 - u) ** 3,
    "sine": lambda u: (1.0 - math.cos(math.pi * u)) / 2.0,
    "step": lambda u: float(u >= 1.0),
    "slerp": lambda u: u,  # a linear pace; the name asks for spherical mixing of the encodings, see Timeline.geometry
}
SPLINES = ("catmull", "bezier")
CURVES = (*EASING, *SPLINES)

Mix = list[tuple[int, float]]


def mix(curve: str, index: int, u: float, count: int, cyclic: bool = False) -> Mix:
    """[(key, coefficient)] between keys index and index + 1 of `count`, at u in 0..1. Coefficients sum to 1.

    "catmull" is the uniform Catmull-Rom spline and may give negative ones. "bezier" takes all keys as control points.
    cyclic: key `count` is key 0 again.
    """
    if curve == "catmull":
        found = _catmull(index, u)
    elif curve == "bezier":
        found = _bezier((index + u) / (count - 1), count)
    else:
        pace = EASING[curve or "linear"](u)
        found = [(index, 1.0 - pace), (index + 1, pace)]
    total: dict[int, float] = {}
    for key, share in found:
        key = key % count if cyclic else min(max(key, 0), count - 1)
        total[key] = total.get(key, 0.0) + share
    return [(key, share) for key, share in total.items() if share != 0.0]


def _catmull(index: int, u: float) -> Mix:
    shares = (
        -0.5 * u + u**2 - 0.5 * u**3,
        1.0 - 2.5 * u**2 + 1.5 * u**3,
        0.5 * u + 2.0 * u**2 - 1.5 * u**3,
        -0.5 * u**2 + 0.5 * u**3,
    )
    return [(index - 1 + i, share) for i, share in enumerate(shares)]


def _bezier(u: float, count: int) -> Mix:
    """Bernstein polynomials, in logarithms because binomials of many keys overflow."""
    if u <= 0.0 or u >= 1.0:
        return [(0 if u <= 0.0 else count - 1, 1.0)]
    degree = count - 1
    near, far, whole = math.log(u), math.log1p(-u), math.lgamma(count)
    logs = [
        whole - math.lgamma(i + 1) - math.lgamma(count - i) + i * near + (degree - i) * far for i in range(count)
    ]
    shares = [(i, math.exp(value)) for i, value in enumerate(logs) if value > -14.0]  # below 1e-6 nothing is seen
    total = sum(share for _, share in shares)
    return [(i, share / total) for i, share in shares]
