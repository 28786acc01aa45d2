"""What the commands share: exit codes, output, and how VAEs, sizes and pictures are written as arguments.

Nothing here imports torch before a command needs it, so that `timeline` and `--help` stay quick.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from lib_vaeface.vae.codec import Autoencoder
    from lib_vaeface.vae.formats import LatentFormat

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = Any

DONE, FAILED, WRONG, ASKED = 0, 1, 2, 3
EXIT_CODES = """exit codes: 0 done, or it fits; 1 it failed, or does not fit; 2 wrong arguments or files;
3 not decided: say which VAE, or allow it; 130 stopped"""
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class Failed(Exception):
    """A command that ends without its result: the text is for the person, the code for the caller."""

    def __init__(self, text: str, code: int = FAILED, details: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        self.code, self.details = code, details or {}


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def progress(done: int, total: int, what: str) -> None:
    """Shows on stderr how far a command is: a bar in a terminal, lines elsewhere; nothing for a single thing."""
    if total < 2:
        return
    if not sys.stderr.isatty():
        print(f"{done} of {total} {what}", file=sys.stderr, flush=True)
        return
    full = 20 * done // total
    print(f"\r[{'#' * full}{'.' * (20 - full)}] {done} of {total} {what}\033[K", end="", file=sys.stderr, flush=True)
    if done == total:
        print(file=sys.stderr)


def out_option(parser: argparse.ArgumentParser, what: str, required: bool = False) -> None:
    parser.add_argument("-o", "--out", type=Path, required=required, help=what)
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")


def codec_options(parser: argparse.ArgumentParser) -> None:
    """Where and within what to compute."""
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps ... (cpu)")
    parser.add_argument("--dtype", choices=("fp16", "bf16", "fp32"), help="precision to start with (the device's best)")
    parser.add_argument("--max-bytes", type=number_of_bytes, metavar="N", help="of each decode or encode, e.g. 800M; "
                        "more goes in exact tiles")  # fmt: skip
    json_option(parser)


def json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document instead of text")


def number_of_bytes(text: str) -> int:
    """ "800M", "1.5G", "123456": in units of 1024."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)i?B?", text.strip(), re.IGNORECASE)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes; write 800M or 1.5G")
    return int(float(match[1]) * 1024 ** " KMG".index(match[2].upper() or " "))


def size(text: str) -> tuple[int, int]:
    """ "512x768" (width x height) -> (height, width)."""
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if not match or not int(match[1]) or not int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write WIDTHxHEIGHT, for instance 1024x768")
    return int(match[2]), int(match[1])


VAE_HELP = "FILE or FILE@FORMAT: whose scale its latents have, a key of `formats` or scale[,shift] (sdxl, 0.13025)"


def split_vae(text: str) -> tuple[Path, str]:
    """ "vae.safetensors@sdxl" -> (path, "sdxl"). A file whose whole name is the text wins."""
    head, at, tail = text.rpartition("@")
    if at and head and not Path(text).is_file():
        return Path(head), tail
    return Path(text), ""


def format_of(text: str, path: Path) -> LatentFormat | None:
    """A latent format by key, or "scale[,shift]" with the channels of the file. ValueError."""
    from lib_vaeface.vae.formats import BY_KEY, LatentFormat
    from lib_vaeface.vae.inspect import require

    if not text:
        return None
    if text in BY_KEY:
        return BY_KEY[text]
    match = re.fullmatch(r"(\d*\.?\d+)(?:,(-?\d*\.?\d+))?", text)
    if not match or float(match[1]) <= 0:
        raise ValueError(f"{text!r} is no latent format; known are {', '.join(BY_KEY)}, or write scale[,shift]")
    info = require(path).info
    scale, shift = float(match[1]), float(match[2] or 0)
    return LatentFormat(text, f"scale {text}", info.channels, info.downscale, scale, shift, space=f"scale {text}")


def open_vae(text: str, asked: argparse.Namespace) -> Autoencoder:
    """The codec of a VAE argument, as the options say."""
    from lib_vaeface.vae.autoencoder import load
    from lib_vaeface.vae.precision import RUNGS

    path, name = split_vae(text)
    dtype = RUNGS[asked.dtype] if asked.dtype else None
    return load(path, asked.device, dtype, format_of(name, path))


def pictures_in(path: Path) -> list[Path]:
    """A picture, or every picture below a folder, in order of their names. ValueError: there is none."""
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if one.suffix.lower() in PICTURES and one.is_file())
        if not found:
            raise ValueError(f"{path}: no picture ({', '.join(PICTURES)}) in this folder")
        return found
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file or folder")
    return [path]


def read_picture(path: Path) -> Tensor:
    """[1,3,H,W] in 0..1; transparency is left out, orientation is kept. ValueError: it is no picture."""
    import numpy
    import torch
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image) or image
            pixels = numpy.array(upright.convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError) as error:
        raise ValueError(f"{path}: not a picture that can be read ({error})") from None
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def write_pictures(pictures: Tensor, path: Path) -> Iterator[Path]:
    """PNG files: `path` for one, path-1, path-2, ... for several."""
    from lib_vaeface.vae.contact_sheet import to_image

    for number, picture in enumerate(pictures, 1):
        one = path if len(pictures) == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        to_image(picture).save(one)
        yield one


def writable(path: Path, overwrite: bool) -> Path:
    """A file that may be written. Failed: it is there already, or its folder is not."""
    if path.exists() and not overwrite:
        raise Failed(f"{path} is there already; --overwrite replaces it", WRONG)
    if not path.parent.is_dir():
        raise Failed(f"{path.parent}: there is no such folder", WRONG)
    return path
