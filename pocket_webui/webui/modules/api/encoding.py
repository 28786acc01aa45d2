"""Pictures as base64, both ways."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

from fastapi.exceptions import HTTPException
from PIL import Image, PngImagePlugin

from modules import images
from modules.shared import opts


def decode_base64_to_image(encoding: str) -> Image.Image:
    """The picture in a base64 text or data address. HTTP 500 if it is none, or an address on the network."""
    if encoding.startswith(("http://", "https://")):
        raise HTTPException(status_code=500, detail="Requests not allowed")
    if encoding.startswith("data:image/"):
        encoding = encoding.partition(",")[2]
    try:
        return images.read(io.BytesIO(base64.b64decode(encoding)))
    except (OSError, ValueError, binascii.Error) as e:
        raise HTTPException(status_code=500, detail="Invalid encoded image") from e


def _png_options(image: Image.Image) -> dict[str, Any]:
    chunks = PngImagePlugin.PngInfo()
    for key, value in image.info.items():
        if isinstance(key, str) and isinstance(value, str):
            chunks.add_text(key, value)
    return {"format": "PNG", "pnginfo": chunks}


def _exif_options(image: Image.Image, format: str) -> dict[str, Any]:
    import piexif
    import piexif.helper

    comment = piexif.helper.UserComment.dump(image.info.get("parameters") or "", encoding="unicode")
    exif = piexif.dump({"Exif": {piexif.ExifIFD.UserComment: comment}})
    return {"format": format, "exif": exif, "quality": opts.jpeg_quality}


def encode_pil_to_base64(image: Image.Image | str) -> bytes | str:
    """The picture with its infotext in the format of the setting samples_format; a text is returned as it is."""
    if isinstance(image, str):
        return image
    kind = opts.samples_format.lower()
    if kind == "png":
        options = _png_options(image)
    elif kind in ("jpg", "jpeg", "webp"):
        image = image.convert("RGB") if image.mode in ("RGBA", "P") else image
        options = _exif_options(image, "WEBP" if kind == "webp" else "JPEG")
    else:
        raise HTTPException(status_code=500, detail="Invalid image format")
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return base64.b64encode(buffer.getvalue())
