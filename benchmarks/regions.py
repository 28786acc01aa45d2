"""Faces decoded exactly as regions: cost against the whole decode, and against the number of faces.

`python -m benchmarks regions [--full-size]`. Each point is a process of its own. Without --full-size a narrow decoder
of the same structure, with it SD1's and SDXL's, and Flux's at 512 px.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from benchmarks.decoders import FULL, REGIONS, Measured, Task, ours, peer, run
from benchmarks.flags import Flags, flags
from benchmarks.plots import chart
from benchmarks.summary import found
from benchmarks.tables import machine, table
from lib_vaeface.vae.autoencoder import FIRST_STAGE, LATENT
from lib_vaeface.vae.regions import cut_position

BAR, ERROR, LINEAR = 1.15, 1e-3, 1.05
CONTEXT = {FIRST_STAGE: 7, LATENT: 18}  # latent pixels around a region
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Parts:
    """Of a decoder at one size: the share of its operations that the low-resolution part, kept by a decode, has."""

    low: float

    @staticmethod
    def of(net: str, side: int) -> Parts:
        program, size = ours(peer(net), "cpu").decoder, side // 8
        stop = len(program.ops)
        return Parts(
            program.macs(0, cut_position(program, FIRST_STAGE), size, size) / program.macs(0, stop, size, size)
        )

    def bound(self, side: int, face: int, cut: str) -> tuple[float, float]:
        """Area share with context of the high-resolution part; and that with the low-resolution part."""
        area = min(1.0, ((face + 16 * CONTEXT[cut]) / side) ** 2)
        return area, area + self.low


def cases(asked: Flags) -> list[tuple[str, int, int]]:
    """Network, picture, face."""
    if asked.quick:
        return [("narrow", 128, 32)]
    if asked.full_size:
        more = [("SD1, SDXL", 2048, 256)] if asked.device == "cuda" else []
        return [("SD1, SDXL", 512, 128), ("Flux", 512, 128), ("SD1, SDXL", 1024, 256), *more]
    return [("narrow", 512, 128), ("narrow", 1024, 256), ("narrow", 2048, 256)]


def centred(side: int, face: int) -> Box:
    at = (side - face) // 16 * 8
    return (at, at, at + face, at + face)


def one(asked: Flags, net: str, side: int, face: int) -> tuple[list[list[str]], bool, str]:
    """Rows of the table; whether the bar is met; in words."""
    box, runs = centred(side, face), 3 if side <= 1024 else 1
    parts, rows, met, words = Parts.of(net, side), [], True, ""
    with tempfile.TemporaryDirectory() as name:
        file = str(Path(name) / "whole.pt")
        whole = run(Task(net, FULL, side, asked.device, runs, keep=file))
        picture: Tensor = torch.load(file)[:, :, box[1] : box[3], box[0] : box[2]].clone()
        for cut in (FIRST_STAGE, LATENT):
            made = run(Task(net, REGIONS, side, asked.device, max(3, runs), boxes=(box,), cut=cut, keep=file))
            error = float((torch.load(file) - picture).abs().max())
            cost = median(made.seconds) / median(whole.seconds)
            area, both = parts.bound(side, face, cut)
            fits = cost <= BAR * both and error < ERROR
            met &= fits
            words = words or f"{cost:.3f} of the whole, bound {BAR * both:.3f}, error {error:.0e}"
            rows.append([
                f"{net}, {side} / {face}", cut, f"{median(made.seconds):.3f}", f"{cost:.3f}", f"{area:.3f}",
                f"{BAR * both:.3f}", f"{error:.1e}", f"{made.peak / whole.peak:.2f}",
            ])  # fmt: skip
    return rows, met, words


def by_faces(asked: Flags) -> None:
    """1 to 32 faces of 64 px in one picture."""
    net, side, face = "narrow", 1024, 64
    counts = [1, 2] if asked.quick else [1, 2, 4, 8, 16, 32]
    made: list[Measured] = []
    for count in counts:
        boxes = [(x, y, x + face, y + face) for y in range(64, 960, 224) for x in range(8, 960, 119)][:count]
        made.append(run(Task(net, REGIONS, side, asked.device, 5, boxes=tuple(boxes))))
    seconds = [median(each.seconds) for each in made]
    slope = chart(
        "growth-faces-decoded", f"Faces of {face} px decoded again, of {side} px ({net})", "faces", "seconds",
        {"regions": ([float(count) for count in counts], seconds)},
    )["regions"]  # fmt: skip
    told = "" if slope <= LINEAR else "see the chart"
    found("growth", f"exponent {slope:.2f}", slope <= LINEAR, "faces decoded again", told)


def main() -> None:
    asked = flags()
    print(machine("torch", "diffusers", device=asked.device))
    print(
        "\nAgainst the whole decode of the same VAE. *Area*: the face's square with its context, of the picture's."
        f" *Bound*: {BAR} times the area and the low-resolution part's share of the operations. A region from the first"
        " stage starts where the picture's own decode kept it, so that part is not computed again; one from the latent"
        " computes it around the face. Error: of full scale."
    )
    head = ("network, picture / face px", "from", "seconds", "of the whole", "area", "bound", "error", "memory")
    every = [(net, one(asked, net, side, face)) for net, side, face in cases(asked)]
    table(head, [row for _, (rows, _, _) in every for row in rows], words=2)
    for (net, side, face), (_, (_, met, words)) in zip(cases(asked), every, strict=True):
        found("regions", words, met, f"{net}, {side} / {face} px", "" if met else "see the table")
    if not asked.full_size:
        by_faces(asked)


if __name__ == "__main__":
    main()
