"""VAEs whose values leave fp16's range, in generations of a pocket WebUI, see child: {"count": 12, "seed": 0}."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faults_run

NAME = "loud.safetensors"
LOUD = "decoder.up.1.block.1.conv2.weight"


def write(gain: float, folder: Path) -> None:
    """The tuned VAE with one convolution so many times louder: of its decoder, so it is still kin of the model's."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(folder / "tuned.safetensors"))
    tensors[LOUD] = tensors[LOUD] * gain
    save_file(tensors, str(folder / NAME))


def work(asked: dict[str, Any], told: Callable[[int, int], None]) -> dict[str, Any]:
    """Each VAE decodes in fp16 at first. The second picture must not need to climb again, and be told of as well."""
    import vae_run

    from modules import sd_vae, shared

    data, chance = Path(sys.argv[2]), random.Random(asked["seed"])
    vae_run.write_files(data)
    shared.sd_model.image_size = 8
    wrong: list[str] = []
    figures = {"decoders": 0, "pictures": 0, "decoded again": 0, "black": 0}
    for number in range(asked["count"]):
        gain = 10 ** chance.uniform(5, 9)
        write(gain, data / "models" / "VAE")
        sd_vae.refresh_vae_list()
        faults_run.forget()
        settings = {"vae": True, "vae_name": NAME, "vae_precision": "fp16", "faces": True, "face_strength": 0.3,
                    "face_boxes": faults_run.BOXES, "face_estimate": number % 2 == 1, "face_guard": False}  # fmt: skip
        figures["decoders"] += 1
        for again in (False, True):
            faults_run.BASES["overflow"] = settings, {"batch_size": 1 + number % 2, "hires": number % 3 == 2}
            seen = faults_run.generate("overflow")
            figures["pictures"] += len(seen.pixels)
            told_of = seen.ours[0].get("VAE Face VAE", {}) if seen.ours else {}
            figures["decoded again"] += "decoded again in" in seen.comments
            figures["black"] += seen.blackest == 0
            what = f"gain {gain:.3g}, {'again' if again else 'first'}"
            if seen.error is not None:
                wrong.append(f"{what}: {type(seen.error).__name__}: {seen.error}")
                continue
            if seen.blackest == 0:
                wrong.append(f"{what}: a black picture")
            if told_of.get("used") != NAME or told_of.get("raised") not in ("bf16", "fp32"):
                wrong.append(f"{what}: the infotext says {told_of}, {seen.comments}")
            if not again and "decoded again in" not in seen.comments:
                wrong.append(f"{what}: nothing was said: {seen.comments}")
        told(number + 1, asked["count"])
    del faults_run.BASES["overflow"]
    return {"figures": figures, "wrong": wrong}
