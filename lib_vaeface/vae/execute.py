"""Runs the operations of a coder on tensors of one picture, [1,C,H,W].

What couples distant pixels is handed in: `Norms` gives the statistics of GroupNorm and keys and values of attention,
either measured from the tensor at hand (a whole picture) or kept from an earlier pass (a crop or tile of it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from .groupnorm import scaled, statistics
from .program import Act, Attention, Conv, Fork, Join, Norm, Op, Program, Up, sheds

# Attention in pieces of queries, so that kernels which build the matrix of scores hold at most this many of them.
SCORES = 2**25
LEAST_QUERIES = 256


@dataclass(frozen=True)
class Statistics:
    """Mean and (biased) variance of each group of channels over all pixels of one picture, [groups].

    In fp64 where the device has it, so that they carry the fp32 numbers of the pass that they are from without loss.
    """

    mean: Tensor
    variance: Tensor


def wide(device: torch.device) -> torch.dtype:
    """The dtype of statistics."""
    return torch.float32 if device.type == "mps" else torch.float64


@dataclass
class Norms:
    """Statistics by the position of their operation; `keys`: (k, v) of attention, [1,1,pixels,C], where kept.

    `measure`: what is missing is measured from the tensor at hand and written down here; otherwise it must be known.
    """

    measure: bool = True
    known: dict[int, Statistics] = field(default_factory=dict)
    keys: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    keep_keys: bool = False


@dataclass(frozen=True)
class Net:
    """Weights of a coder at one precision on one device; those of norms stay fp32.

    circular: convolutions wrap around the edges, as the WebUIs' "Tiling" makes them do (except where the coder pads at
    one side only).
    """

    weights: Mapping[str, Tensor]
    dtype: torch.dtype
    device: torch.device
    circular: bool = False


State = tuple[Tensor, ...]  # x, then the inputs of open residual blocks, the innermost last
Trim = Callable[[int, Tensor], Tensor]


def run(
    net: Net, program: Program, state: State, start: int, stop: int, norms: Norms, trim: Trim | None = None
) -> State:
    """The state at position `stop`, from the state at position `start`.

    trim: for crops, called with position and x where context may be shed; the crop's convolutions then pad with zeros
    at all its sides, and the caller cuts off what that spoils.
    """
    x, stack = laid_out(state[0]), list(state[1:])
    circular = net.circular and trim is None
    del state  # what the caller lets go of is freed as soon as it is used
    for position in range(start, stop):
        op = program.ops[position]
        if trim and sheds(op):
            x = trim(position, x)
        if isinstance(op, Fork):
            stack.append(x)
        elif isinstance(op, Join):
            x = _join(net, op, x, stack.pop())
        elif isinstance(op, Norm):
            kept = position == start or isinstance(program.ops[position - 1], Fork)
            x = normalise(net, op, x, position, norms, None if kept else x)
        elif isinstance(op, Attention):
            x = attend(net, op, x, position, norms)
        else:
            x = _local(net, op, x, circular)
            if trim and (isinstance(op, Up) or (isinstance(op, Conv) and op.stride == 2)):
                x = trim(position + 1, x)
    return (x.contiguous() if stop == len(program.ops) else x, *stack)


def layout(device: torch.device, dtype: torch.dtype) -> torch.memory_format:
    """The order of an activation's numbers: on a CPU channels last, in which its convolutions are faster."""
    last = device.type == "cpu" and dtype == torch.float32
    return torch.channels_last if last else torch.contiguous_format


def laid_out(x: Tensor) -> Tensor:
    """x in the order that is used there; the operations keep it."""
    order = layout(x.device, x.dtype)
    return x if order == torch.contiguous_format or x.stride(1) == 1 else x.contiguous(memory_format=order)


def normalise(net: Net, op: Norm, x: Tensor, position: int, norms: Norms, into: Tensor | None = None) -> Tensor:
    """GroupNorm with its activation, in a new tensor, or in `into` (x itself) where that is given and possible."""
    if _in_strips(x):
        return _normalise_strips(net, op, x, position, norms, into)
    weight, bias = net.weights[op.name + ".weight"], net.weights[op.name + ".bias"]
    found = _known(op, position, norms)
    if found is None and x.dtype == torch.float32:
        size = x.shape[2] * x.shape[3]
        y, mean, rstd = torch.native_group_norm(x, weight, bias, 1, op.channels, size, op.groups, op.eps)
        precise = wide(x.device)
        norms.known[position] = Statistics(mean[0].to(precise), rstd[0].to(precise) ** -2 - op.eps)
        return _activate(op.act, y)
    if found is None:
        found = norms.known[position] = measure(x, op.groups)
    return _activate(op.act, _apply(op, x, weight, bias, found))


def _in_strips(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32


def _normalise_strips(net: Net, op: Norm, x: Tensor, position: int, norms: Norms, into: Tensor | None) -> Tensor:
    found = _known(op, position, norms)
    if found is None:
        found = norms.known[position] = measure(x, op.groups)
    scale, shift = _line(op, net.weights[op.name + ".weight"], net.weights[op.name + ".bias"], found)
    return scaled(x, scale, shift, partial(_activate, op.act), torch.empty_like(x) if into is None else into)


def _known(op: Norm, position: int, norms: Norms) -> Statistics | None:
    found = norms.known.get(position)
    if found is None and not norms.measure:
        raise KeyError(f"no statistics are kept for {op.name}")
    return found


def _line(op: Norm, weight: Tensor, bias: Tensor, given: Statistics) -> tuple[Tensor, Tensor]:
    """What each channel is multiplied by, and what is added, by torch's own operations."""
    repeat = op.channels // op.groups
    scale = (given.variance + op.eps).rsqrt().float().repeat_interleave(repeat) * weight
    return scale, torch.addcmul(bias, given.mean.float().repeat_interleave(repeat), scale, value=-1)


def _apply(op: Norm, x: Tensor, weight: Tensor, bias: Tensor, given: Statistics) -> Tensor:
    """GroupNorm with given statistics: in fp32 by the very operations of torch's own, so that crops equal the whole."""
    if x.dtype != torch.float32:
        repeat = op.channels // op.groups
        mean, variance = (t.float().repeat_interleave(repeat) for t in (given.mean, given.variance))
        return F.batch_norm(x, mean, variance, weight, bias, False, 0.0, op.eps)
    scale, shift = _line(op, weight, bias, given)
    return torch.addcmul(shift.view(1, -1, 1, 1), x, scale.view(1, -1, 1, 1))


def measure(x: Tensor, groups: int) -> Statistics:
    """Mean and variance of each group of channels, the mean subtracted before squaring."""
    if _in_strips(x):
        return Statistics(*statistics(x, groups))
    grouped = torch.unflatten(x, 1, (groups, -1)).to(torch.float32, copy=True)
    mean = grouped.mean((2, 3, 4), keepdim=True)
    spread = torch.linalg.vector_norm(grouped.sub_(mean), dim=(2, 3, 4))
    precise = wide(x.device)
    return Statistics(
        mean.flatten().to(precise), (spread.to(precise).square() / grouped[0, 0].numel()).flatten()
    )  # fmt: skip


def attend(net: Net, op: Attention, x: Tensor, position: int, norms: Norms) -> Tensor:
    """Attention of x's pixels to all pixels of the picture: to those of x itself, or to the kept keys and values."""
    h = normalise(net, op.norm, x, position, norms)
    kept = norms.keys.get(position)
    k, v = (
        (t.to(x.dtype) for t in kept) if kept else (_project(net, op.name + ".k", h), _project(net, op.name + ".v", h))
    )
    if norms.keep_keys:
        norms.keys[position] = k, v
    q = _project(net, op.name + ".q", h)
    del h
    piece = max(LEAST_QUERIES, SCORES // k.shape[2])
    parts = [F.scaled_dot_product_attention(queries, k, v) for queries in torch.split(q, piece, dim=2)]
    out = torch.cat(parts, dim=2).transpose(2, 3).reshape(x.shape)
    weight, bias = net.weights[op.name + ".proj_out.weight"], net.weights[op.name + ".proj_out.bias"]
    return F.conv2d(out, weight, bias).add_(x)


def _project(net: Net, name: str, h: Tensor) -> Tensor:
    """A 1x1 convolution as rows of pixels: [1,C,H,W] -> [1,1,H*W,C]."""
    weight, bias = net.weights[name + ".weight"], net.weights[name + ".bias"]
    return F.linear(h.flatten(2).transpose(1, 2), weight.flatten(1), bias).unsqueeze(1)


def _local(net: Net, op: Op, x: Tensor, circular: bool) -> Tensor:
    if isinstance(op, Up):
        return upsample(x, net.weights[op.name + ".phases"], net.weights.get(op.name + ".bias"), circular)
    if isinstance(op, Conv):
        return _convolve(net, op, x, circular)
    assert isinstance(op, Act)
    return torch.tanh(x / 3).mul_(3) if op.kind == "clamp" else x.relu_()


def _convolve(net: Net, op: Conv, x: Tensor, circular: bool) -> Tensor:
    weight, bias = net.weights[op.name + ".weight"], net.weights.get(op.name + ".bias")
    if op.after:
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), weight, bias, op.stride)
    if circular and op.kernel == 3:
        return F.conv2d(_around(x, True), weight, bias, op.stride)
    return F.conv2d(x, weight, bias, op.stride, padding=op.kernel // 2)


def phases(weight: Tensor) -> Tensor:
    """A 3x3 kernel behind doubling, as four 2x2 kernels on the undoubled pixels: fp32 [2,2,cout,cin,2,2].

    Two neighbours of the doubled picture are one pixel, so their weights add up. Exact up to rounding, and 16
    multiplications in place of 36.
    """
    kernel = weight.float()
    fold = torch.tensor([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], dtype=torch.float32, device=weight.device)
    return torch.einsum("ayi,bxj,ocij->abocyx", fold, fold, kernel)


def upsample(x: Tensor, kernels: Tensor, bias: Tensor | None, circular: bool) -> Tensor:
    """Doubling and its convolution: output pixel (2i+a, 2j+b) is phase (a, b) at pixel (i, j)."""
    height, width = x.shape[2:]
    around = 0 if circular else 1  # zeros around are the library's to think of: no copy of x is made for them
    x = _around(x, True) if circular else x
    order = layout(x.device, x.dtype)
    x = x.contiguous(memory_format=order)  # once, not for every phase
    shape = 1, kernels.shape[2], 2 * height, 2 * width
    out = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=order)
    for a in (0, 1):
        for b in (0, 1):
            part = F.conv2d(x, kernels[a, b], bias, padding=around)
            out[:, :, a::2, b::2] = part[:, :, a : a + height, b : b + width]
    return out


def _around(x: Tensor, circular: bool) -> Tensor:
    return F.pad(x, (1, 1, 1, 1), mode="circular" if circular else "constant")


def _join(net: Net, op: Join, x: Tensor, skip: Tensor) -> Tensor:
    if op.name:
        skip = F.conv2d(skip, net.weights[op.name + ".weight"], net.weights.get(op.name + ".bias"))
    return x.add_(skip)


def _activate(kind: str, x: Tensor) -> Tensor:
    if kind == "silu":
        return F.silu(x, inplace=True)
    return x.relu_() if kind == "relu" else x
