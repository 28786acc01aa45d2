"""How much noise a face gets: more the more it is enlarged, because more of it has to be invented.

    strength = logistic(logit(s) + B tanh(K log2(e / e0) / B)),    e = max(1, native / window)

s is the person's number. It holds for a face whose window is enlarged e0 = 2 times: with the usual padding one of about
a quarter of the native size, 135 pixels for SD1 and 270 for SDXL. Every doubling of the enlargement adds K in logits,
and never more than B in all. So the curve is smooth, rises with the enlargement, stays within 0..1, and leaves 0 and 1
as they are. docs/faces.md has the measurements behind K and B.
"""

from __future__ import annotations

import math

REFERENCE = 2.0  # e0
K = 0.6
B = 1.0


def enlargement(side: float, native: float) -> float:
    """How many times a window of `side` pixels is enlarged for a model of `native` pixels; 1 where it is larger."""
    return max(1.0, native / max(side, 1.0))


def strength_for(strength: float, side: float, native: float, adaptive: bool = True) -> float:
    """Denoising strength, 0..1, of a face whose window has `side` pixels. Not adaptive: `strength` itself."""
    strength = min(max(strength, 0.0), 1.0)
    if not adaptive or not 1e-6 < strength < 1 - 1e-6:  # next to 0 and 1 logits have no digits left
        return strength
    more = K * math.log2(enlargement(side, native) / REFERENCE)
    logit = math.log(strength / (1 - strength)) + B * math.tanh(more / B)
    return 1 / (1 + math.exp(-logit))
