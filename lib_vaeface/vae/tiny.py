"""Tiny autoencoders (TAESD and its kin, madebyollin/taesd), as programs: for quick previews.

They take the sampler's latents as they are and pictures in 0..1. What a file holds is read off its numbered layers:
a convolution, a block of three with a residual (and, in TAEF2, a GroupNorm pool), and gaps where a layer has no weights
(clamp, ReLU, upsampling). A file may hold one half alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .program import Act, Conv, Fork, Join, Norm, Op, Program, Shapes, Up

POOL_GROUPS = 4
POOL_EPS = 1e-5  # torch's default


def programs(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Program | None, Program | None]:
    """(encoder, decoder) of a tiny autoencoder, from canonical names and shapes; None for a missing half."""
    encoder = _program("encoder", _layers("encoder", shapes))
    decoder = _program("decoder", _layers("decoder", shapes))
    return encoder, decoder


def _layers(half: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[int, Shapes]:
    """Layer number -> what stands behind it in the names -> shape."""
    found: dict[int, Shapes] = {}
    for name, shape in shapes.items():
        start, _, rest = name.partition(".")
        number, _, rest = rest.partition(".")
        if start == half and number.isdigit():
            found.setdefault(int(number), {})[rest] = tuple(shape)
    return dict(sorted(found.items()))


def _program(half: str, layers: dict[int, Shapes]) -> Program | None:
    if not layers:
        return None
    first, last = min(layers), max(layers)
    ops: list[Op] = [Act("clamp")] if half == "decoder" else []
    for number, tensors in layers.items():
        name = f"{half}.{number}"
        if "conv.0.weight" in tensors:
            ops += _block(name, tensors)
        elif "weight" in tensors:
            follower = "end" if number == last else "block" if "conv.0.weight" in layers.get(number + 1, {}) else "gap"
            ops += _plain(half, name, tensors, follower, number == first)
    start = 1 if half == "decoder" else 2 ** sum(isinstance(op, Conv) and op.stride == 2 for op in ops)
    return Program(tuple(ops), _inputs(ops), start)


def _plain(half: str, name: str, tensors: Shapes, follower: str, first: bool) -> Iterator[Op]:
    """A convolution between blocks; what follows it tells its part."""
    cout, cin = tensors["weight"][:2]
    bias = first or follower == "end" or "bias" in tensors
    if half == "decoder" and not first and follower == "block":
        yield Up(name, cin, cout, bias)
        return
    halves = half == "encoder" and follower != "end" and not (first and follower == "block")
    yield Conv(name, cin, cout, stride=2 if halves else 1, bias=bias)
    if follower == "gap":
        yield Act("relu")


def _block(name: str, tensors: Shapes) -> Iterator[Op]:
    cout, cin = tensors["conv.0.weight"][:2]
    if "pool.0.weight" in tensors:
        wide = tensors["pool.0.weight"][0]
        yield Fork()
        yield Conv(name + ".pool.0", cin, wide, 1, bias=False)
        yield Norm(name + ".pool.1", wide, POOL_GROUPS, POOL_EPS, "relu")
        yield Conv(name + ".pool.3", wide, cin, 1, bias=False)
        yield Join()
    yield Fork()
    yield Conv(name + ".conv.0", cin, cout)
    yield Act("relu")
    yield Conv(name + ".conv.2", cout, cout)
    yield Act("relu")
    yield Conv(name + ".conv.4", cout, cout)
    yield Join(name + ".skip", cin, cout, bias=False) if cin != cout else Join()
    yield Act("relu")


def _inputs(ops: list[Op]) -> int:
    return next(op.cin for op in ops if isinstance(op, Conv))
