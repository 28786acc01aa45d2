"""Operations and bytes of the KL decoder, and its time over the floor that they give on this machine.

`python -m benchmarks decoder_floor [--device cuda] [--full-size]`. Floor: operations over the best rate that a large
matrix product or a 3x3 convolution of 512 channels reaches here in that precision, or bytes over the rate of a copy,
whichever takes longer. Bytes: each operation's input and output once, and the weights. Without --full-size SD1's
decoder at 256 px on a CPU. diffusers' decode of the same weights stands beside ours. What a way needs and this machine
lacks (memory, a precision, a compiler) makes it a row that says so.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.decoders import PEER, latent, ours, peer
from benchmarks.flags import Flags, flags
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import cpu_once, wall_once
from lib_vaeface.vae import execute
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.execute import Net, Norms, run
from lib_vaeface.vae.precision import NAMES, best_dtype
from lib_vaeface.vae.program import Program

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
ORDERS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
MODEL, GRAPH = "SD1, SDXL", "graph"
MOST_FP64 = 512  # px of a picture that a CPU decodes in fp64
Speeds = dict[str, tuple[float, float, float]]
Work = Callable[[], Tensor]


def best(work: Callable[[], Any], device: str, runs: int = 3) -> float:
    work()
    return min((wall_once if device == "cuda" else cpu_once)(work) for _ in range(runs))


def rates(device: str, dtype: torch.dtype, quick: bool) -> tuple[float, float, float]:
    """Operations a second of a matrix product and of a convolution, and bytes a second that a copy reads and writes."""
    count, side, words = (8192, 128, 2**27) if device == "cuda" else (1024, 64, 2**26)
    count, side, words = (256, 16, 2**20) if quick else (count, side, words)
    a = torch.randn(count, count, device=device).to(dtype)
    matrix = 2 * count**3 / best(lambda: a @ a, device)
    x = torch.randn(1, 512, side, side, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    w = torch.randn(512, 512, 3, 3, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    convolution = 2 * 9 * 512 * 512 * side * side / best(lambda: F.conv2d(x, w, padding=1), device)
    one = torch.empty(words, device=device)
    other = torch.empty_like(one)
    copied = 2 * 4 * words / best(lambda: other.copy_(one), device)
    return matrix, convolution, copied


def traffic(program: Program, size: int, item: int) -> int:
    """Bytes of every operation's input and output, and of the weights."""
    total = 0
    for position in range(len(program.ops)):
        for at in (position, position + 1):
            total += program.widths[at] * (size * program.scales[at]) ** 2 * item
    weights = sum(torch.Size(shape).numel() for shape in program.shapes().values())
    return total + weights * item


def reference(codec: Autoencoder, raw: Tensor) -> Tensor:
    """The decode in fp64 by plain operations of torch's."""
    weights = {name: tensor.detach().double() for name, tensor in codec.source().items()}
    x, waiting = raw.double(), []

    def conv(name: str, x: Tensor, pad: int) -> Tensor:
        return F.conv2d(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"), padding=pad)

    def norm(op: Any, x: Tensor) -> Tensor:
        y = F.group_norm(x, op.groups, weights[f"{op.name}.weight"], weights[f"{op.name}.bias"], op.eps)
        return F.silu(y, inplace=True) if op.act == "silu" else y

    for op in codec.decoder.ops:
        kind = type(op).__name__
        if kind == "Fork":
            waiting.append(x)
        elif kind == "Join":
            x = x + (conv(op.name, waiting.pop(), 0) if op.name else waiting.pop())  # type: ignore[union-attr]
        elif kind == "Norm":
            x = norm(op, x)
        elif kind == "Attention":
            x = x + _attended(op, norm(op.norm, x), weights)  # type: ignore[union-attr]
        else:
            x = F.interpolate(x, scale_factor=2.0) if kind == "Up" else x
            x = conv(op.name, x, 0 if getattr(op, "kernel", 3) == 1 else 1)  # type: ignore[union-attr]
    return x


def _attended(op: Any, h: Tensor, weights: dict[str, Tensor]) -> Tensor:
    def rows(part: str) -> Tensor:
        weight = weights[f"{op.name}.{part}.weight"].flatten(1)[:, :, None, None]
        return F.conv2d(h, weight, weights[f"{op.name}.{part}.bias"])

    q, k, v = (rows(part).flatten(2).transpose(1, 2)[:, None] for part in "qkv")
    piece = max(1, 2**25 // k.shape[2])  # fp64 has no kernel that does without the matrix of scores
    parts = [F.scaled_dot_product_attention(some, k, v) for some in torch.split(q, piece, dim=2)]
    out = torch.cat(parts, dim=2)[:, 0].transpose(1, 2).reshape(h.shape)
    weight = weights[f"{op.name}.proj_out.weight"].flatten(1)[:, :, None, None]
    return F.conv2d(out, weight, weights[f"{op.name}.proj_out.bias"])


def truth(codec: Autoencoder, raw: Tensor, side: int) -> Tensor | None:
    """The fp64 decode where it takes minutes at most, and memory is enough."""
    if codec.device.type == "cpu" and side > MOST_FP64:
        return None
    try:
        return reference(codec, raw).cpu()
    except torch.cuda.OutOfMemoryError:
        return None


def ways(codec: Autoencoder, raw: Tensor, names: Iterable[str]) -> Iterator[tuple[str, str, Work]]:
    """Precision, how, and the work of each way to run the decoder. The next one frees what this one holds."""
    for name in names:
        dtype = DTYPES[name]
        net, z = codec.in_precision(dtype).net(dtype), raw.to(dtype)
        for order, layout in ORDERS.items():
            plain = partial(_ours, net, codec.decoder, z)
            yield name, order, partial(_in_order, layout, plain)
            if codec.device.type == "cuda":
                yield name, f"{order}, {GRAPH}", partial(_in_order, layout, _graph(plain))
                yield name, f"{order}, compiled", partial(_in_order, layout, _compiled(plain))
        del net, plain
        model = peer(MODEL).to(codec.device, dtype)
        for order, layout in ORDERS.items():
            model.to(memory_format=layout)
            yield name, f"{PEER}, {order}", partial(_theirs, model, z.to(memory_format=layout))
        del model


def _ours(net: Net, program: Program, raw: Tensor) -> Tensor:
    return run(net, program, (raw,), 0, len(program.ops), Norms())[0]


def _theirs(model: Any, raw: Tensor) -> Tensor:
    sample: Tensor = model.decode(raw).sample
    return sample


def _in_order(layout: torch.memory_format, work: Work) -> Tensor:
    """The work with the numbers of activations in an order."""
    before, execute.layout = execute.layout, ALWAYS[layout]
    try:
        return work()
    finally:
        execute.layout = before


def _contiguous(device: torch.device, dtype: torch.dtype) -> torch.memory_format:
    return torch.contiguous_format


def _channels_last(device: torch.device, dtype: torch.dtype) -> torch.memory_format:
    return torch.channels_last


ALWAYS = {torch.contiguous_format: _contiguous, torch.channels_last: _channels_last}


def _compiled(work: Work) -> Work:
    """The work compiled at its first call, as one graph: what could not be would be measured uncompiled."""
    kept: list[Work] = []

    def call() -> Tensor:
        if not kept:
            torch.compiler.reset()
            kept.append(torch.compile(lambda: work(), fullgraph=True))
        return kept[0]()

    return call


def _graph(work: Work) -> Work:
    """The work as a CUDA graph, recorded at its first call."""
    kept: list[Any] = []

    def call() -> Tensor:
        if not kept:
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                work()
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                made = work()
            kept.extend((made, graph))
        kept[1].replay()
        result: Tensor = kept[0]
        return result

    return call


def measured(work: Work, device: str, runs: int, graph: bool) -> tuple[float, int, Tensor]:
    """Median seconds, peak bytes on a GPU, and what came out.

    graph: what it holds for itself between two replays is no one's tensor, so the bytes taken from the GPU are counted.
    """
    if device == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
        held = torch.cuda.memory_reserved() if graph else torch.cuda.memory_allocated()
        work()
        torch.cuda.reset_peak_memory_stats()
    kept: list[Tensor] = []
    once = wall_once if device == "cuda" else cpu_once

    def again() -> None:
        kept.clear()
        kept.append(work())

    seconds, peak = median(once(again) for _ in range(runs)), 0
    if device == "cuda":
        peak = (torch.cuda.max_memory_reserved() if graph else torch.cuda.max_memory_allocated()) - held
    return seconds, peak, kept[0]


@dataclass(frozen=True)
class Size:
    """One size of picture: operations, bytes of its values and weights at one byte each, repeats, the fp64 decode."""

    operations: float
    traffic: int
    runs: int
    wanted: Tensor | None

    def floor(self, name: str, speeds: Speeds) -> float:
        matrix, convolution, copied = speeds[name]
        return max(self.operations / max(matrix, convolution), self.traffic * DTYPES[name].itemsize / copied)

    def row(self, name: str, how: str, work: Work, device: str, floor: float) -> tuple[list[str], float]:
        """A line of the table, and how many times the floor was measured; 0 where it is not possible."""
        try:
            seconds, peak, made = measured(work, device, self.runs, how.endswith(GRAPH))
        except Exception as failure:  # whatever a compiler or a driver raises
            return [name, how, f"{floor:.3g}", _why(failure), "", "", ""], 0.0
        off = "" if self.wanted is None else f"{float((made.double().cpu() - self.wanted).abs().max() * 127.5):.4f}"
        held = f"{peak / 2**20:,.0f}" if device == "cuda" else ""
        return [name, how, f"{floor:.3g}", f"{seconds:.3g}", f"{seconds / floor:.2f}", held, off], seconds / floor


def _why(failure: Exception) -> str:
    if isinstance(failure, torch.cuda.OutOfMemoryError):
        return "out of memory"
    said = str(failure).strip().splitlines() or [""]
    return f"not possible: {type(failure).__name__} {said[0][:80]}".strip().replace("|", "/")


def told(side: int, device: str, speeds: Speeds) -> float:
    """The table of one size; gives the product's own way over the floor, 0 where it is not possible."""
    codec = ours(peer(MODEL).to(device), device)
    raw = next(codec.raws(latent(MODEL, side, device)))[1]
    macs = codec.decoder.macs(0, len(codec.decoder.ops), side // 8, side // 8)
    size = Size(2.0 * macs, traffic(codec.decoder, side // 8, 1), 3 if side <= 512 else 1, truth(codec, raw, side))
    rows, own = [], {}
    for name, how, work in ways(codec, raw, speeds):
        line, own[name, how] = size.row(name, how, work, device, size.floor(name, speeds))
        rows.append(line)
        del work
    head = (f"{side} px", "how", "floor, s", "measured, s", "over the floor", "peak, MiB", "against fp64, 1/255")
    without = "" if size.wanted is not None else " Too large here for a decode in fp64."
    print(f"\n{size.operations / 1e12:.2f} TFLOP, {4 * size.traffic / 1e9:.1f} GB in fp32.{without}")
    table(head, rows, words=2)
    return own.get(product(device), 0.0)


def product(device: str) -> tuple[str, str]:
    """What the product does: precision and order."""
    where, dtype = torch.device(device), best_dtype(torch.device(device), "sd1")
    return NAMES[dtype], next(name for name, order in ORDERS.items() if order == execute.layout(where, dtype))


def known_rates(device: str, quick: bool) -> Speeds:
    """Of each precision that the device computes in."""
    found = {}
    for name in DTYPES if device == "cuda" else ("fp32", "bf16"):
        try:
            found[name] = rates(device, DTYPES[name], quick)
        except RuntimeError as failure:
            print(f"\n{name}: {_why(failure)}")
    return found


def sizes(asked: Flags) -> list[int]:
    if asked.quick:
        return [64]
    return [512, 1024, 2048] if asked.device == "cuda" else [512] if asked.full_size else [256]


def main() -> None:
    asked = flags()
    if asked.device == "cpu":
        torch.set_num_threads(1)
    print(machine("torch", "diffusers", device=asked.device))
    with torch.no_grad():
        speeds = known_rates(asked.device, asked.quick)
        table(
            ("precision", "matrix, TFLOP/s", "convolution, TFLOP/s", "copy, GB/s"),
            [(n, f"{a / 1e12:.3f}", f"{b / 1e12:.3f}", f"{c / 1e9:.1f}") for n, (a, b, c) in speeds.items()],
        )
        own = {side: told(side, asked.device, speeds) for side in sizes(asked)}
    text = ", ".join(f"{side} px {f'{value:.2f} x' if value else 'not possible'}" for side, value in own.items())
    precision, order = product(asked.device)
    met = all(own.values())
    found("floor", f"{text} the floor as the product decodes ({precision}, {order})", met, asked.device,
          "" if met else "see the table")  # fmt: skip


if __name__ == "__main__":
    main()
