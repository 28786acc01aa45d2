"""Sheets of the pocket model for docs/pocket-model.md: `python -m benchmarks.captions [FOLDER]`.

24 close-ups and 6 groups, each with captions: the first scenes of unseen seeds, one noise each, nothing picked.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from pocket_webui.measure.painting import SCENES
from pocket_webui.nets import checkpoint
from pocket_webui.portraits import caption, sample
from pocket_webui.train.conditioning import encode_prompts
from pocket_webui.train.sheets import grid, sample_euler, to_pil

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "pocket_webui" / "models" / "pocket.safetensors"
SEED, STEPS, CFG = 24, 12, 4.0
LINES, LINE = 5, 13


@torch.no_grad()
def painted(prompts: list[str], size: tuple[int, int]) -> list[Image.Image]:
    """One picture per prompt, of size (W, H)."""
    model = checkpoint.load(MODEL)
    empty, made = encode_prompts(model, [""], size), []
    for number, prompt in enumerate(tqdm(prompts, desc="painting", unit="picture")):
        z = sample_euler(model, encode_prompts(model, [prompt], size), empty, size, STEPS, CFG, SEED + number)
        made += to_pil(model.decode_first_stage(z))
    return made


def labelled(picture: Image.Image, text: str) -> Image.Image:
    """The picture with its caption in small letters below."""
    made = Image.new("RGB", (picture.width, picture.height + LINES * LINE + 4), "white")
    made.paste(picture)
    lines = textwrap.wrap(text, picture.width // 6)[:LINES]
    ImageDraw.Draw(made).multiline_text(
        (3, picture.height + 2), "\n".join(lines), fill="black", font=ImageFont.load_default(), spacing=2
    )
    return made


def sheet(kind: str, count: int, size: tuple[int, int], columns: int, out: Path) -> None:
    prompts = [caption(scene) for scene in sample(SCENES + SEED, count, kind, *size)]
    made = [labelled(picture, text) for picture, text in zip(painted(prompts, size), prompts, strict=True)]
    grid(made, columns).quantize(256).save(out, optimize=True)


def main(folder: Path) -> None:
    sheet("closeup", 24, (256, 256), 6, folder / "pocket-model.png")
    sheet("group", 6, (384, 256), 3, folder / "pocket-groups.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")
