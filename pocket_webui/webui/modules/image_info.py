"""Reading images and the infotext inside them."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageOps

EXIF_IFD = 0x8769
USER_COMMENT = 0x9286
_CHARSET_LENGTH = 8

IGNORED_INFO_KEYS = {
    "jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "exif", "loop", "background", "timestamp", "duration",
    "progressive", "progression", "icc_profile", "chromaticity", "photoshop",
}

_LONGEST_TEXT_FILE = 10000


def encode_user_comment(text: str) -> bytes:
    """EXIF bytes that hold `text` as the user comment, the way A1111 writes it into JPEG and WebP files."""
    exif = Image.Exif()
    exif[EXIF_IFD] = {USER_COMMENT: b"UNICODE\0" + text.encode("utf-16-be")}
    return exif.tobytes()


def _decode_user_comment(raw: bytes | str) -> str:
    if isinstance(raw, str):
        return raw
    charset, text = raw[:_CHARSET_LENGTH], raw[_CHARSET_LENGTH:]
    if charset == b"UNICODE\0":
        return text.decode("utf-16-be", errors="ignore")
    if charset in (b"ASCII\0\0\0", b"\0" * _CHARSET_LENGTH):
        return text.decode("utf8", errors="ignore")
    return raw.decode("utf8", errors="ignore")


def _exif_comment(image: Image.Image) -> str:
    try:
        return _decode_user_comment(image.getexif().get_ifd(EXIF_IFD).get(USER_COMMENT, b""))
    except Exception:
        # A broken EXIF block must not keep a picture from being opened.
        return ""


def read_info_from_image(image: Image.Image) -> tuple[str | None, dict[str, Any]]:
    """(infotext or None, other text entries) of a PNG's text, a JPEG's or WebP's EXIF comment, a GIF's comment."""
    items = dict(image.info or {})
    infotext = items.pop("parameters", None)
    if "exif" in items:
        infotext = _exif_comment(image) or infotext
    elif "comment" in items:
        comment = items["comment"]
        infotext = comment.decode("utf8", errors="ignore") if isinstance(comment, bytes) else comment
    return infotext, {key: value for key, value in items.items() if key not in IGNORED_INFO_KEYS}


def image_data(data: bytes) -> tuple[Any, None]:
    """(infotext, None) of an image's or a short text file's bytes; no change of the page for anything else."""
    import gradio as gr

    try:
        return read_info_from_image(read(io.BytesIO(data)))[0], None
    except Exception:
        pass  # not an image
    try:
        text = data.decode("utf8")
    except UnicodeDecodeError:
        return gr.update(), None
    return (text if len(text) < _LONGEST_TEXT_FILE else gr.update()), None


def flatten(img: Image.Image, bgcolor: str) -> Image.Image:
    """RGB image with `bgcolor` ("#ffffff") where `img` is transparent."""
    if img.mode == "RGBA":
        background = Image.new("RGBA", img.size, bgcolor)
        background.paste(img, mask=img)
        img = background
    return img.convert("RGB")


def read(fp: Any, **kwargs: Any) -> Image.Image:
    """Open an image, turned the way its EXIF says."""
    return fix_image(Image.open(fp, **kwargs))


def fix_image(image: Any) -> Any:
    """Apply the EXIF rotation and turn palette transparency into an alpha channel; None stays None."""
    if image is None:
        return None
    try:
        return fix_png_transparency(ImageOps.exif_transpose(image))
    except Exception:
        return image


def fix_png_transparency(image: Image.Image) -> Image.Image:
    """RGBA for images whose transparency is a table per colour."""
    tabled = image.mode in ("RGB", "P") and isinstance(image.info.get("transparency"), bytes)
    return image.convert("RGBA") if tabled else image
