"""Operations and bytes of the KL decoder, and its time over the floor that they give on this machine.

`python -m benchmarks decoder_floor [--device cuda] [--full-size]`. Floor: operations over the best rate that a large
matrix product or a 3x3 convolution of 512 channels reaches here in that precision, or bytes over the rate of a copy,
whichever takes longer. Bytes: each operation's input and output once, and the weights. Without --full-size SD1's
decoder at 256 px on a CPU.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.decoders import latent, ours, peer
from benchmarks.flags import Flags, flags
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import cpu_once, wall_once
from lib_vaeface.vae import execute
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.execute import Net, Norms, run
from lib_vaeface.vae.program import Program

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
ORDERS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


def best(work: Callable[[], Any], device: str, runs: int = 3) -> float:
    work()
    return min((wall_once if device == "cuda" else cpu_once)(work) for _ in range(runs))


def rates(device: str, dtype: torch.dtype) -> tuple[float, float, float]:
    """Operations a second of a matrix product and of a convolution, and bytes a second that a copy reads and writes."""
    count, side = (8192, 128) if device == "cuda" else (1024, 64)
    a = torch.randn(count, count, device=device).to(dtype)
    matrix = 2 * count**3 / best(lambda: a @ a, device)
    x = torch.randn(1, 512, side, side, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    w = torch.randn(512, 512, 3, 3, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    convolution = 2 * 9 * 512 * 512 * side * side / best(lambda: F.conv2d(x, w, padding=1), device)
    words = torch.empty(2**27 if device == "cuda" else 2**26, device=device)
    other = torch.empty_like(words)
    copied = 2 * words.numel() * 4 / best(lambda: other.copy_(words), device)
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
    """The decode in fp64 by plain operations of torch's, on the CPU."""
    weights = {name: tensor.detach().double().cpu() for name, tensor in codec.source().items()}
    x, waiting = raw.double().cpu(), []

    def conv(name: str, x: Tensor, pad: int) -> Tensor:
        return F.conv2d(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"), padding=pad)

    def norm(op: Any, x: Tensor) -> Tensor:
        y = F.group_norm(x, op.groups, weights[f"{op.name}.weight"], weights[f"{op.name}.bias"], op.eps)
        return F.silu(y) if op.act == "silu" else y

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
    out = F.scaled_dot_product_attention(q, k, v)[:, 0].transpose(1, 2).reshape(h.shape)
    weight = weights[f"{op.name}.proj_out.weight"].flatten(1)[:, :, None, None]
    return F.conv2d(out, weight, weights[f"{op.name}.proj_out.bias"])


def ways(codec: Autoencoder, raw: Tensor, asked: Flags) -> Iterator[tuple[str, str, Callable[[], Tensor]]]:
    """Precision, how, and the work of each way to run the decoder."""
    names = [name for name in DTYPES if asked.device == "cuda" or name != "fp16"]
    for name in names:
        net = codec.in_precision(DTYPES[name]).net(DTYPES[name])
        for order, layout in ORDERS.items():
            plain = _plain(net, codec.decoder, raw.to(DTYPES[name]), layout)
            yield name, order, plain
            if asked.device == "cuda":
                yield name, f"{order}, graph", _graph(plain)
                yield name, f"{order}, compiled", torch.compile(plain)
        del net
        gc.collect()


def _plain(net: Net, program: Program, raw: Tensor, layout: torch.memory_format) -> Callable[[], Tensor]:
    def call() -> Tensor:
        before, execute.layout = execute.layout, lambda device, dtype: layout
        try:
            return run(net, program, (raw,), 0, len(program.ops), Norms())[0]
        finally:
            execute.layout = before

    return call


def _graph(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """The work as a CUDA graph, recorded at its first call."""
    kept: list[Any] = []

    def call() -> Tensor:
        if not kept:
            stream = torch.cuda.Stream()
            with torch.cuda.stream(stream):
                work()
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                kept.append(work())
            kept.append(graph)
        kept[1].replay()
        result: Tensor = kept[0]
        return result

    return call


def measured(work: Callable[[], Tensor], asked: Flags, runs: int) -> tuple[float, int, Tensor]:
    """Median seconds, peak bytes on a GPU, and what came out."""
    if asked.device == "cuda":
        work()
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
    kept: list[Tensor] = []
    once = wall_once if asked.device == "cuda" else cpu_once
    seconds = median(once(lambda: kept.append(work())) for _ in range(runs))
    peak = torch.cuda.max_memory_allocated() - held if asked.device == "cuda" else 0
    return seconds, peak, kept[-1]


def told(side: int, asked: Flags, speeds: dict[str, tuple[float, float, float]], truth: Tensor | None) -> float:
    """The table of one size; gives the product's own way over the floor. truth: the fp64 decode, where there is one."""
    codec = replace(ours(peer("SD1, SDXL"), asked.device))
    raw = next(codec.raws(latent("SD1, SDXL", side, asked.device)))[1]
    wanted = reference(codec, raw) if truth is None and side <= 256 else truth
    macs = codec.decoder.macs(0, len(codec.decoder.ops), side // 8, side // 8)
    rows, own, name = [], 0.0, NAMES[asked.device]
    for precision, how, work in ways(codec, raw, asked):
        item = DTYPES[precision].itemsize
        matrix, convolution, copied = speeds[precision]
        floor = max(2 * macs / max(matrix, convolution), traffic(codec.decoder, side // 8, item) / copied)
        try:
            seconds, peak, made = measured(work, asked, 3 if side <= 512 else 1)
        except RuntimeError as failure:
            rows.append([precision, how, f"{floor:.3g}", f"not possible: {type(failure).__name__}", "", "", ""])
            continue
        error = "" if wanted is None else f"{float((made.double().cpu() - wanted).abs().max() * 127.5):.4f}"
        held = f"{peak / 2**20:,.0f}" if peak else ""
        rows.append([precision, how, f"{floor:.3g}", f"{seconds:.3g}", f"{seconds / floor:.2f}", held, error])
        own = seconds / floor if (precision, how) == name else own
    head = (f"{side} px", "how", "floor, s", "measured, s", "over the floor", "peak, MiB", "against fp64, 1/255")
    print(f"\n{2 * macs / 1e12:.2f} TFLOP, {traffic(codec.decoder, side // 8, 4) / 1e9:.1f} GB in fp32.")
    table(head, rows, words=2)
    return own


NAMES = {"cpu": ("fp32", "channels last"), "cuda": ("bf16", "contiguous")}  # what the product does


def main() -> None:
    asked = flags()
    if asked.device == "cpu":
        torch.set_num_threads(1)
    sides = (
        [64] if asked.quick else [512, 1024, 2048] if asked.device == "cuda" else [512] if asked.full_size else [256]
    )
    print(machine("torch", device=asked.device))
    with torch.no_grad():
        names = [name for name in DTYPES if asked.device == "cuda" or name != "fp16"]
        speeds = {name: rates(asked.device, DTYPES[name]) for name in names}
        table(
            ("precision", "matrix, TFLOP/s", "convolution, TFLOP/s", "copy, GB/s"),
            [(n, f"{a / 1e12:.3f}", f"{b / 1e12:.3f}", f"{c / 1e9:.1f}") for n, (a, b, c) in speeds.items()],
        )
        own = {side: told(side, asked, speeds, None) for side in sides}
    text = ", ".join(f"{side} px {value:.2f} x" for side, value in own.items())
    found("floor", f"{text} the floor as the product decodes", True, asked.device)


if __name__ == "__main__":
    main()
