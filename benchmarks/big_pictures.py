"""Big pictures: memory against time of our exact tiles, of the whole decode and of diffusers' tiling, to 4096 px.

`python -m benchmarks big_pictures [--full-size]`; with --a1111 the hosts' own tilings beside ours (`big_peers`). Each
point is a process of its own. Without --full-size a narrow decoder of the same structure, with it SD1's and SDXL's, on
a CPU of 512 and 2048 px. On a GPU in fp32, where tiles are compared with the whole to its last digits, and in the
precision that the product takes there, whose own rounding is more than what tiles add.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from benchmarks import big_peers
from benchmarks.big_rows import Row, row, told
from benchmarks.decoders import FULL, PEER, PEER_TILES, TILES, Measured, OutOfMemory, Task, run
from benchmarks.flags import Flags, flags
from benchmarks.plots import chart
from benchmarks.summary import found
from benchmarks.tables import machine
from benchmarks.timing import exponent, last_exponent
from lib_vaeface.vae.precision import NAMES, best_dtype

SHARES = (0.75, 0.5, 0.35, 0.25, 0.155)  # of the bytes of a whole decode; peaks are measured
QUARTER = 0.155  # planned; what is measured has the process's own things in it, and stays under a quarter
LINEAR = 1.05


def points(asked: Flags) -> tuple[str, dict[int, list[tuple[str, float]]]]:
    """The network, and for each side what is measured there: (way, share)."""
    peers = [(PEER, 1.0), (PEER_TILES, 1.0)]
    curve = [(FULL, 1.0), *((TILES, share) for share in SHARES), *peers]
    ends = [(FULL, 1.0), (TILES, QUARTER), (PEER_TILES, 1.0)]
    if asked.quick:
        return "narrow", {64: curve, 128: curve}
    if asked.full_size and asked.device == "cpu":
        return "SD1, SDXL", {512: ends, 2048: ends[:2]}
    if asked.full_size:
        return "SD1, SDXL", {512: ends, 1024: curve, 2048: curve, 4096: ends}
    return "narrow", {256: ends, 512: ends, 1024: curve, 2048: ends, 4096: ends}


def precisions(device: str) -> list[str]:
    return list(dict.fromkeys(["fp32", NAMES[best_dtype(torch.device(device), "sd1")]]))


def measured(task: Task, ways: list[tuple[str, float]]) -> list[Row]:
    """Each way with its difference to the whole decode in the same precision; what memory is too short for without."""
    with tempfile.TemporaryDirectory() as folder:
        files = {one: str(Path(folder) / f"{n}.pt") for n, one in enumerate(ways)}
        return [row(_name(*one), tried(task.of(*one, files[one])), files[one], files[ways[0]]) for one in ways]


def tried(task: Task) -> Measured | None:
    try:
        return run(task)
    except OutOfMemory:
        return None


def _name(way: str, share: float) -> str:
    return f"tiles, {share:.0%} of the bytes" if way == TILES else f"whole ({way})" if way == PEER else way


def curve(name: str, title: str, rows: list[Row]) -> None:
    """Memory against time."""
    there = [one for one in rows if one.taken]
    sets = {"ours, exact": [one for one in there if one.name == FULL or one.name.startswith("tiles")]}
    sets |= {one.name: [one] for one in there if one.name in (_name(PEER, 1), PEER_TILES)}
    series = {
        label: ([one.taken.peak / 2**20 for one in some if one.taken], [one.seconds for one in some])
        for label, some in sets.items()
    }
    chart(name, title, "peak memory, MiB", "seconds", series, log=False)


def growth(net: str, every: dict[int, list[Row]]) -> None:
    points = [(side, rows[0], _ours(rows)) for side, rows in every.items()]
    kept = [(side, whole, tiles) for side, whole, tiles in points if whole.taken and tiles.taken]
    if len(kept) < 3:
        return
    sides = [side for side, _, _ in kept]
    pixels = [float(side * side) for side in sides]
    operations = [whole.taken.operations / 1e9 for _, whole, _ in kept if whole.taken]
    seconds = {"whole": [whole.seconds for _, whole, _ in kept], "tiles": [tiles.seconds for _, _, tiles in kept]}
    chart(
        f"growth-pixels{'-full' if net != 'narrow' else ''}", f"Decoding by pixels ({net})", "pixels", "seconds",
        {name: (pixels, values) for name, values in seconds.items()},
    )  # fmt: skip
    slopes = {name: last_exponent(operations, values) for name, values in seconds.items()}
    every = {name: exponent(operations, values) for name, values in seconds.items()}
    half = sides[-max((len(sides) + 1) // 2, 2)]
    print(
        f"Exponents from {half} to {sides[-1]} px (from {sides[0]} px): time of the whole decode against its operations"
        f" {slopes['whole']:.2f} ({every['whole']:.2f}), of tiles {slopes['tiles']:.2f} ({every['tiles']:.2f}); what a"
        " small decode makes stays in the processor's caches. Against pixels the whole decode's time grows by"
        f" {exponent(pixels, seconds['whole']):.2f} and its operations by {exponent(pixels, operations):.2f}: the"
        " attention in the VAE's middle compares every pixel of the latent with every other."
    )
    met = max(slopes.values()) <= LINEAR
    text = ", ".join(f"{name} {slope:.2f}" for name, slope in slopes.items())
    part = f"pixels, against operations ({net})"
    found("growth", f"exponents {text} from {half} px", met, part, "" if met else "see the chart")


def _ours(rows: list[Row]) -> Row:
    return next(one for one in rows if one.name.startswith(f"tiles, {QUARTER:.0%}"))


def in_precision(asked: Flags, precision: str) -> dict[int, list[Row]]:
    net, wanted = points(asked)
    every, met = {}, {}
    for side, ways in wanted.items():
        every[side] = measured(Task(net, FULL, side, asked.device, 3 if side <= 512 else 1, precision=precision), ways)
        met[side] = told(f"{net}, {side} px{'' if asked.device == 'cpu' else f', {precision}'}", every[side])
    largest = max(wanted)
    part = f"{net}, {largest} px" + ("" if asked.device == "cpu" else f", {precision}, GPU")
    rounding = "" if precision == "fp32" else f"; the whole decode is off by more in {precision}"
    text = _ours(every[largest]).beside(every[largest][0])
    found("big", text, met[largest], part, "" if met[largest] else f"see the table{rounding}")
    return every


def main() -> None:
    asked = flags()
    if asked.a1111:
        big_peers.main(asked)
        return
    net, wanted = points(asked)
    print(machine("torch", "diffusers", device=asked.device))
    print(
        "\nThe peak is that of a process's memory above what it held before (on a GPU: what torch allocated)."
        " Repeats: 3 to 512 px, medians; 1 above."
    )
    for precision in precisions(asked.device):
        every = in_precision(asked, precision)
    label = "memory-time-full" if asked.full_size else "memory-time"
    for side in [one for one, ways in wanted.items() if len(ways) > 4][:1]:
        curve(label, f"{net}, {side} px: memory against time", every[side])
    growth(net, every)


if __name__ == "__main__":
    main()
