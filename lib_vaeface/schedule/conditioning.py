"""Arithmetic on conditionings: lengths, mixtures, and writing them over a sampler's rows.

A conditioning of one text is a tensor [tokens, width] or a mapping {"crossattn": [tokens, width], "vector": [n], ...};
rows of a model call have one more dimension in front.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .protocol import Cond

CROSS = "crossattn"


def text_of(cond: Cond) -> Tensor:
    """The part that has tokens: [tokens, width], or [rows, tokens, width] for rows."""
    tensor: Tensor = cond[CROSS] if isinstance(cond, Mapping) else cond
    return tensor


def tokens(cond: Cond) -> int:
    return text_of(cond).shape[-2]


def size_in_bytes(cond: Cond) -> int:
    tensors = cond.values() if isinstance(cond, Mapping) else (cond,)
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def padded(cond: Cond, length: int, empty: Callable[[], Cond]) -> Cond:
    """The conditioning with `length` tokens: whole encoded empty chunks behind it, as the WebUI pads within a batch.

    Where chunks do not fit (encoders without a fixed chunk) the last token is repeated. Never shortens.
    """
    text = text_of(cond)
    missing = length - text.shape[0]
    if missing <= 0:
        return cond
    chunk = text_of(empty()).to(text)
    whole, rest = divmod(missing, chunk.shape[0])
    filler = text[-1:].expand(missing, -1) if rest else chunk.repeat(whole, 1)
    return _with_text(cond, torch.cat((text, filler)))


def even(conds: Sequence[Cond], empty: Callable[[], Cond]) -> list[Cond]:
    """All with the tokens of the longest."""
    longest = max(map(tokens, conds), default=0)
    return [padded(cond, longest, empty) for cond in conds]


def mixed(conds: Sequence[Cond], weights: Sequence[float], geometry: str = "linear") -> Cond:
    """The weighted mixture of conditionings of equal shapes; weights sum to 1, they may be negative.

    "linear" is the weighted sum. "slerp" goes along the great circle between token vectors and needs weights of at
    least 0; a pooled vector is always mixed linearly, half of it is the picture's size.
    """
    if len(conds) == 1:
        return conds[0]
    if not isinstance(conds[0], Mapping):
        return _mix(conds, weights, geometry)
    mixture = {
        key: _mix([cond[key] for cond in conds], weights, geometry if key == CROSS else "linear") for key in conds[0]
    }
    return mixture


def _mix(tensors: Sequence[Tensor], weights: Sequence[float], geometry: str) -> Tensor:
    wide = [tensor.float() for tensor in tensors]
    if geometry == "slerp" and min(weights) >= 0.0:
        return _around(wide, weights).to(tensors[0].dtype)
    total = wide[0] * weights[0]
    for tensor, weight in zip(wide[1:], weights[1:], strict=True):
        total = total.add(tensor, alpha=weight)
    return total.to(tensors[0].dtype)


def _around(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Several points by pairs: each next one takes its share of what has been mixed so far."""
    result, so_far = tensors[0], weights[0]
    for tensor, weight in zip(tensors[1:], weights[1:], strict=True):
        so_far += weight
        if so_far > 0.0:
            result = slerp(result, tensor, weight / so_far)
    return result


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Spherical interpolation of vectors [..., width] (Shoemake, "Animating rotation with quaternion curves", 1985),
    t in 0..1; on a straight line where two vectors are almost parallel or one is zero."""
    norms = a.norm(dim=-1, keepdim=True) * b.norm(dim=-1, keepdim=True)
    cosine = ((a * b).sum(dim=-1, keepdim=True) / norms.clamp(min=1e-12)).clamp(-1.0, 1.0)
    angle = torch.acos(cosine)
    sine = torch.sin(angle)
    flat = (sine < 1e-4) | (norms < 1e-12)
    safe = torch.where(flat, torch.ones_like(sine), sine)
    first = torch.where(flat, torch.full_like(sine, 1.0 - t), torch.sin((1.0 - t) * angle) / safe)
    second = torch.where(flat, torch.full_like(sine, t), torch.sin(t * angle) / safe)
    return first * a + second * b


def write_rows(rows: Any, where: slice, cond: Cond, skip: int = 0) -> None:
    """Put one conditioning over some rows of a model call's, in place.

    skip: tokens in front that belong to somebody else (ControlNet's marker). Rows longer than the conditioning end
    in its last token repeated, which is how the WebUI evens out rows.
    """
    if isinstance(rows, Mapping):
        for key, tensor in rows.items():
            if key in cond and key != CROSS and tensor.shape[1:] == cond[key].shape:
                tensor[where].copy_(cond[key])
    text, target = text_of(cond), text_of(rows)[where, skip:]
    length = text.shape[0]
    if target.shape[1] == length:
        target.copy_(text)
    else:
        target[:, :length].copy_(text)
        target[:, length:].copy_(text[-1:])


def _with_text(cond: Cond, text: Tensor) -> Cond:
    return {**cond, CROSS: text} if isinstance(cond, Mapping) else text
