"""How visible a pasted face is: S, T and detail of `tests/face/seam.py`, with the tone matched and without.

Faces: a photograph and eight rendered people. "within range": tones brought to 10..90 % before, so that nothing of the
shift is cut off at black or white; "as they are": with what is cut off, which nothing can bring back.
"""

from __future__ import annotations

from random import Random

import torch
from torch import Tensor

from benchmarks.tables import machine, table
from lib_vaeface.face.blend import blend
from lib_vaeface.face.protocol import Face
from lib_vaeface.face.regions import region
from tests.face import seam
from tests.face.people import astronaut, rendered


def faces() -> list[tuple[Tensor, Face]]:
    found = [astronaut(), *((picture, boxes[0]) for picture, boxes in rendered("closeup", 8))]
    return [seam.at_height(picture, box) for picture, box in found]


def measured(picture: Tensor, face: Face, kind: str, tone: float, seed: int) -> tuple[float, float, float]:
    left, top, right, bottom = box = region(face, (picture.shape[2], picture.shape[1]))

    def pasted(new: Tensor) -> Tensor:
        return blend(picture, new[:, top:bottom, left:right], box, face, tone=tone)

    sharper = seam.other_tone(picture, kind, Random(seed), detail=True)
    steps = seam.seam(picture, pasted(seam.other_tone(picture, kind, Random(seed))), face)
    return *steps, seam.detail_kept(sharper, pasted(sharper), face)


def main() -> None:
    torch.set_num_threads(1)
    rows = []
    for name, squeeze in (("within range", True), ("as they are", False)):
        for tone in (0.0, 1.0):
            row = [name, "matched" if tone else "soft edge only"]
            for kind in seam.KINDS:
                cases = [(p * 0.8 + 0.1 if squeeze else p, face) for p, face in faces()]
                values = torch.tensor([measured(p, face, kind, tone, n) for n, (p, face) in enumerate(cases)])
                mean = values.mean(0).tolist()
                row.append(f"{mean[0]:.2f} / {mean[1]:.2f} / {mean[2]:.2f}")
            rows.append(row)
    table(["tones", "paste", *seam.KINDS], rows, words=2)
    print(machine("torch"))


if __name__ == "__main__":
    main()
