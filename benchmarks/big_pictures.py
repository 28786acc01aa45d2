"""Big pictures: memory against time of our exact tiles, of the whole decode and of diffusers' tiling, to 4096 px.

`python -m benchmarks big_pictures [--full-size]`. Each point is a process of its own. Without --full-size a narrow
decoder of the same structure, with it SD1's and SDXL's, on a CPU of 512 and 2048 px.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

import torch

from benchmarks.decoders import FULL, PEER, PEER_TILES, TILES, Measured, Task, run
from benchmarks.flags import Flags, flags
from benchmarks.plots import chart
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import exponent

SHARES = (0.75, 0.5, 0.35, 0.18)  # of the bytes of a whole decode; peaks are measured
QUARTER = 0.18  # planned; what is measured has the process's own things in it, and stays under a quarter
LINEAR = 1.05
Row = tuple[str, Measured, float]


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


def measured(asked: Flags, net: str, side: int, ways: list[tuple[str, float]]) -> list[Row]:
    """Each way with its largest difference to the whole decode, in levels of 255."""
    runs = 3 if side <= 512 else 1
    with tempfile.TemporaryDirectory() as folder:
        files = {one: str(Path(folder) / f"{n}.pt") for n, one in enumerate(ways)}
        made = {one: run(Task(net, one[0], side, asked.device, runs, one[1], keep=files[one])) for one in ways}
        whole = torch.load(files[ways[0]])
        errors = {one: float((torch.load(files[one]) - whole).abs().max() * 255) for one in ways}
    return [(_name(*one), made[one], errors[one]) for one in ways]


def _name(way: str, share: float) -> str:
    return f"tiles, {share:.0%} of the bytes" if way == TILES else f"whole ({way})" if way == PEER else way


def told(side: int, rows: list[Row], net: str) -> bool | None:
    """The rows of one side; whether a point is within the bar, None where no tiles were measured."""
    whole = rows[0][1]
    table(
        (f"{net}, {side} px", "seconds", "of the whole", "peak, MiB", "of the whole", "max. difference, 1/255"),
        (
            (
                name, f"{median(one.seconds):.2f}", f"{median(one.seconds) / median(whole.seconds):.2f}",
                f"{one.peak / 2**20:,.0f}", f"{one.peak / whole.peak:.2f}", f"{error:.4f}",
            )
            for name, one, error in rows
        ),
    )  # fmt: skip
    ours = [(one, error) for name, one, error in rows if name.startswith("tiles")]
    return any(
        one.peak < whole.peak / 4 and median(one.seconds) < 2 * median(whole.seconds) and error < 1
        for one, error in ours
    )


def curve(name: str, title: str, rows: list[Row]) -> None:
    """Memory against time."""
    ours = [one for label, one, _ in rows if label == FULL or label.startswith("tiles")]
    theirs = {label: one for label, one, _ in rows if label in (_name(PEER, 1), PEER_TILES)}
    series = {"ours, exact": ([one.peak / 2**20 for one in ours], [median(one.seconds) for one in ours])}
    series |= {label: ([one.peak / 2**20], [median(one.seconds)]) for label, one in theirs.items()}
    chart(name, title, "peak memory, MiB", "seconds", series, log=False)


def growth(net: str, every: dict[int, list[Row]]) -> None:
    sides = [side for side in every if len(every) > 1]
    if len(sides) < 2:
        return
    pixels = [float(side * side) for side in sides]
    whole = [every[side][0][1] for side in sides]
    tiles = [next(one for name, one, _ in every[side] if name.startswith(f"tiles, {QUARTER:.0%}")) for side in sides]
    operations = [one.operations / 1e9 for one in whole]
    seconds = {"whole": [median(one.seconds) for one in whole], "tiles": [median(one.seconds) for one in tiles]}
    chart(
        f"growth-pixels{'-full' if net != 'narrow' else ''}", f"Decoding by pixels ({net})", "pixels", "seconds",
        {name: (pixels, values) for name, values in seconds.items()},
    )  # fmt: skip
    slopes = {name: exponent(operations, values) for name, values in seconds.items()}
    by_pixels = exponent(pixels, seconds["whole"])
    print(
        f"Exponents from {sides[0]} to {sides[-1]} px: time of the whole decode against pixels {by_pixels:.2f}, against"
        f" its operations {slopes['whole']:.2f}; of tiles against operations {slopes['tiles']:.2f}. Operations grow"
        f" with pixels by {exponent(pixels, operations):.2f}: the attention in the VAE's middle compares every pixel of"
        " the latent with every other."
    )
    met = max(slopes.values()) <= LINEAR
    text = ", ".join(f"{name} {slope:.2f}" for name, slope in slopes.items())
    found("growth", f"exponents {text}", met, f"pixels, against operations ({net})", "" if met else "see the chart")


def main() -> None:
    asked = flags()
    net, wanted = points(asked)
    print(machine("torch", "diffusers", device=asked.device))
    print(
        "\nThe peak is that of a process's memory above what it held before (on a GPU: what torch allocated)."
        " Repeats: 3 to 512 px, medians; 1 above."
    )
    every, met = {}, {}
    for side, ways in wanted.items():
        every[side] = measured(asked, net, side, ways)
        met[side] = told(side, every[side], net)
    label = "memory-time-full" if asked.full_size else "memory-time"
    label = f"{label}-cuda" if asked.device == "cuda" else label
    for side in [one for one, ways in wanted.items() if len(ways) > 4][:1]:
        curve(label, f"{net}, {side} px: memory against time", every[side])
    growth(net, every)
    largest = max(wanted)
    name, one, error = next(row for row in every[largest] if row[0].startswith(f"tiles, {QUARTER:.0%}"))
    whole = every[largest][0][1]
    text = (
        f"{one.peak / whole.peak:.2f} of the memory at {median(one.seconds) / median(whole.seconds):.2f} x the time,"
        f" {error:.4f}/255 off"
    )
    found("big", text, bool(met[largest]), f"{net}, {largest} px", "" if met[largest] else "see the table")


if __name__ == "__main__":
    main()
