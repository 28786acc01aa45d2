"""A sheet of the pocket family's VAEs: `python -m benchmarks.family [PNG]`, for docs/pocket-model.md.

Held-out close-ups are encoded by the base; the very same latents are decoded by the base, its fine-tunes and the VAE of
another family. Below every picture its eyes, enlarged. Nothing is picked: the first scenes of the seed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from lib_vaeface.vae.autoencoder import load
from lib_vaeface.vae.contact_sheet import to_image
from lib_vaeface.vae.picked import raw
from pocket_webui.measure.vae import held_out
from pocket_webui.portraits import eye_boxes

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "pocket_webui" / "models"
FILES = {"base": "pocket", "EMA": "pocket-ema", "MSE": "pocket-mse", "another family": "pocket-xl-vae"}
COUNT, SEED, SIDE, EYES, LINE = 4, 3, 256, 80, 18


def columns(pictures: Tensor) -> dict[str, Tensor]:
    """Name -> pictures [n,3,H,W] in 0..1: the truth, and what each VAE makes of the base's latents."""
    codecs = {name: raw(load(MODELS / f"{file}.safetensors")) for name, file in FILES.items()}
    latents = codecs["base"].encode(pictures)
    return {"rendered": pictures, **{name: codec.decode(latents) for name, codec in codecs.items()}}


def eyes(image: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    """The strip with both eyes, as wide as the picture."""
    left, top, right, bottom = box
    middle, half = (top + bottom) / 2, (right - left) * EYES / SIDE / 2
    return image.resize((SIDE, EYES), Image.Resampling.NEAREST, (left, middle - half, right, middle + half))


def main(out: Path) -> None:
    made = list(held_out(COUNT, SEED, SIDE))[:COUNT]
    found = columns(torch.stack([picture for _, picture in made]).float() / 255)
    sheet = Image.new("RGB", (len(found) * SIDE, LINE + COUNT * (SIDE + EYES)), "white")
    for column, (name, pictures) in enumerate(found.items()):
        ImageDraw.Draw(sheet).text((column * SIDE + 4, 3), name, fill="black")
        for row, (scene, _) in enumerate(made):
            image, boxes = to_image(pictures[row]), eye_boxes(scene.people[0])
            both = (min(b[0] for b in boxes) - 6, boxes[0][1], max(b[2] for b in boxes) + 6, boxes[0][3])
            top = LINE + row * (SIDE + EYES)
            sheet.paste(image, (column * SIDE, top))
            sheet.paste(eyes(image, both), (column * SIDE, top + SIDE))
    sheet.quantize(256).save(out, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pocket-vaes.png")
