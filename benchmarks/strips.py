"""Strips of pictures over X for docs/schedule.md: `python benchmarks/strips.py [NAME ...]`, with the pocket model.

Each strip paints one prompt with the extension switched on, the same seed, and X running; the file holds what the model
gave, nothing is picked.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "schedule"
STEPS, SEED, CFG = 40, 5, 4.0
WOMAN = "close-up portrait of a woman with long {}, light skin, green shirt, white background"
LOOK = "close-up portrait of a woman with long red hair, light skin, {}green shirt, white background"
EARLY = ("0.0", "0.03", "0.05", "0.08", "0.1", "0.15", "0.25", "0.5")  # colours are decided in the first steps
STRIPS: dict[str, tuple[str, tuple[str, ...], str]] = {  # file: (prompt with X, values of X, timing)
    "edit": (WOMAN.format("[red hair:blue hair:X]"), EARLY, "webui"),
    "blend": (
        WOMAN.format("[red hair:blue hair:0.0,X]"),
        ("0.05", "0.1", "0.15", "0.2", "0.3", "0.5", "1.0", "3.0"),
        "webui",
    ),
    "alternation": (LOOK.format("[|glasses, :X]"), ("1", "2", "4", "6", "8", "10", "14", "20"), "exact"),
    "window": (
        LOOK.format("[glasses, :0.0-X]"),
        ("0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.7", "1.0"),
        "webui",
    ),
    "weights": (
        f"{WOMAN.format('red hair')}:1->0 AND {WOMAN.format('blue hair')}:X->1",
        ("-1.0", "-0.5", "0.0", "0.2", "0.4", "0.6", "0.8", "1.0"),
        "webui",
    ),
}


def start() -> None:
    """The pocket WebUI in this process, without a page, with the extension of this checkout."""
    sys.path.insert(0, str(ROOT))
    from pocket_webui.launch import prepare_process

    prepare_process()
    from modules import initialize

    initialize.start(headless=True, args=["--extension", str(ROOT), "--skip-install"])


def paint(prompt: str, timing: str) -> Any:
    """One picture, 256x256."""
    from modules import initialize, processing, scripts, shared

    p = processing.StableDiffusionProcessingTxt2Img(
        sd_model=shared.sd_model, prompt=prompt, seed=SEED, steps=STEPS, cfg_scale=CFG, width=256, height=256,
        sampler_name="Euler", scheduler="Automatic", do_not_save_samples=True, do_not_save_grid=True,
    )  # fmt: skip
    p.is_api, p.scripts = True, scripts.scripts_txt2img
    p.script_args = list(initialize.script_defaults())
    ours = next(script for script in p.scripts.alwayson_scripts if script.title() == "VAE Face")
    p.script_args[ours.args_from : ours.args_from + 3] = [True, True, timing]
    done = processing.process_images(p)
    if done.comments:
        raise SystemExit(f"{prompt}: {done.comments}")
    return done.images[0]


def strip(prompt: str, values: tuple[str, ...], timing: str) -> Any:
    """The pictures side by side at half size, X above each."""
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (128 * len(values), 144), "white")
    pen = ImageDraw.Draw(sheet)
    for i, value in enumerate(values):
        picture = paint(prompt.replace("X", value), timing)
        sheet.paste(picture.resize((128, 128), Image.Resampling.LANCZOS), (128 * i, 16))
        pen.text((128 * i + 4, 2), f"X = {value}", fill="black")
    return sheet


def main() -> None:
    names = sys.argv[1:] or list(STRIPS)
    start()
    OUT.mkdir(exist_ok=True)
    for name in names:
        strip(*STRIPS[name]).save(OUT / f"{name}.png", optimize=True)
        print(f"{name}: {STRIPS[name][0]}")


if __name__ == "__main__":
    main()
