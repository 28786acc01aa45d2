"""Files that the page sends: their contents as text, never a path.

gradio's own components for files take a path from the client, in gradio 3.41 without asking whose file it is. So the
page's script reads the file and sends [{"name": ..., "data": base64}, ...] in a text, see javascript/parts/tab.js.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageOps
from torch import Tensor

from lib_vaeface.ui.html import Markup, tag
from lib_vaeface.vae.latent_files import SUFFIX
from lib_vaeface.vae.sampled import StoredFile, read_file

MOST_BYTES = 96 * 2**20
MOST_PIXELS = 64 * 2**20
LATENTS = tuple(SUFFIX.values())


@dataclass(frozen=True)
class Upload:
    """One file. name: the last part of what the client calls it, harmless characters only."""

    name: str
    data: bytes

    @property
    def is_latents(self) -> bool:
        return Path(self.name).suffix.lower() in LATENTS

    def picture(self) -> Tensor:
        """[1,3,H,W] in 0..1. ValueError: it is no picture."""
        try:
            with Image.open(io.BytesIO(self.data)) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise ValueError(f"{self.name}: {image.width}x{image.height} pixels are too many.")
                upright = ImageOps.exif_transpose(image) or image
                pixels = numpy.array(upright.convert("RGB"))
        except (OSError, SyntaxError, Image.DecompressionBombError):
            raise ValueError(f"{self.name}: it is no picture that can be read.") from None
        return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255

    def infotext(self) -> str:
        """What a WebUI has written into a PNG, "" if nothing."""
        try:
            with Image.open(io.BytesIO(self.data)) as image:
                found = image.info.get("parameters", "")
        except (OSError, SyntaxError, Image.DecompressionBombError):
            return ""
        return found if isinstance(found, str) else ""

    def latents(self) -> StoredFile:
        """What a latent file holds. VaeFileError, a ValueError: none."""
        with tempfile.TemporaryDirectory(prefix="vaeface-") as folder:
            path = Path(folder) / self.name
            path.write_bytes(self.data)
            return read_file(path)


def read(text: str | None) -> list[Upload]:
    """The files in a text that the page's script sent. ValueError: it is none of ours, or too large."""
    if not text:
        return []
    if len(text) > MOST_BYTES * 4 // 3 + 4096:
        raise ValueError(f"These files are too large; {MOST_BYTES // 2**20} MB can be sent at once.")
    try:
        listed = json.loads(text)
        return [Upload(_name(str(one["name"])), base64.b64decode(one["data"], validate=True)) for one in listed]
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        raise ValueError("The file did not arrive whole. Choose it again.") from None


def _name(given: str) -> str:
    last = re.split(r"[\\/]", given)[-1]
    return re.sub(r"[^\w .()+-]", "_", last).lstrip(". ")[-80:] or "file"


def drop_zone(elem_id: str, title: str, accept: str, several: bool = False) -> Markup:
    """A place to drop files on or to choose them with; its contents are what `vaefaceUpload(elem_id)` gives."""
    extra = {"multiple": "multiple"} if several else {}
    chooser = tag("input", type="file", accept=accept, data_most=MOST_BYTES, **extra)
    text = tag("span", title, class_="vaeface-drop-title")
    named = tag("span", "", class_="vaeface-drop-name", role="status")
    return tag("label", chooser, text, named, class_="vaeface-drop", id=elem_id)


def sent_first(elem_id: str, inputs: int) -> str:
    """JavaScript for an event of so many inputs whose first is to be what the drop zone holds."""
    return f"(_, ...rest) => [vaefaceUpload('{elem_id}'), ...rest].slice(0, {inputs})"
