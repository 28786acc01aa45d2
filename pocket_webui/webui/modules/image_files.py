"""Saving images with their infotext."""

from __future__ import annotations

import os
from typing import Any

from PIL import Image, PngImagePlugin

from modules import errors, script_callbacks, shared
from modules.image_info import encode_user_comment
from modules.image_names import FilenameGenerator, get_next_sequence_number
from modules.image_resize import LANCZOS

_SIXTEEN_TO_EIGHT_BITS = 255 / 65535
_LONGEST_SIDE = {"jpg": 65535, "jpeg": 65535, "webp": 16383}


def _without_alpha(image: Image.Image, extension: str) -> Image.Image:
    if image.mode == "RGBA":
        return image.convert("RGB")
    if image.mode == "I;16":
        eight = image.point(lambda value: value * _SIXTEEN_TO_EIGHT_BITS)
        return eight.convert("RGB" if extension == ".webp" else "L")
    return image


def save_image_with_geninfo(
    image: Image.Image,
    geninfo: str | None,
    filename: str,
    extension: str | None = None,
    existing_pnginfo: dict[str, Any] | None = None,
    pnginfo_section_name: str = "parameters",
) -> None:
    """Write the image to `filename` in the format of `extension` (".png"; by default the file name's).

    Infotext goes into a PNG's text under the section's name, with the other entries; into the EXIF comment of JPEG and
    WebP; into a GIF's comment. The setting enable_pnginfo switches that off."""
    extension = (extension or os.path.splitext(filename)[1]).lower()
    kind = Image.registered_extensions()[extension]
    with_info = shared.opts.enable_pnginfo
    quality = shared.opts.jpeg_quality
    if extension == ".png":
        info = None
        if with_info:
            info = PngImagePlugin.PngInfo()
            for key, value in {**(existing_pnginfo or {}), pnginfo_section_name: geninfo}.items():
                if value is not None:
                    info.add_text(key, str(value))
        image.save(filename, format=kind, pnginfo=info)
    elif extension in (".jpg", ".jpeg", ".webp"):
        exif = {"exif": encode_user_comment(geninfo)} if with_info and geninfo is not None else {}
        flat = _without_alpha(image, extension)
        flat.save(filename, format=kind, quality=quality, lossless=shared.opts.webp_lossless, **exif)
    elif extension == ".gif":
        image.save(filename, format=kind, comment=geninfo or "")
    else:
        image.save(filename, format=kind, quality=quality)


def _folder(path: str, namegen: FilenameGenerator, save_to_dirs: bool) -> str:
    if save_to_dirs:
        pattern = shared.opts.directories_filename_pattern or "[prompt_words]"
        path = os.path.join(path, namegen.apply(pattern).lstrip(" ").rstrip("\\ /"))
    os.makedirs(path, exist_ok=True)
    return path


def _file_stem(path: str, basename: str, namegen: FilenameGenerator, short: bool, suffix: str, extension: str) -> str:
    """Name without extension: number and decoration, as the settings ask; not the name of an existing file as long as
    names are numbered."""
    decoration = ""
    if not short:
        fallback = "[seed]" if shared.opts.save_to_dirs else "[seed]-[prompt_spaces]"
        decoration = namegen.apply(shared.opts.samples_filename_pattern or fallback)
    decoration += suffix
    if not shared.opts.save_images_add_number and decoration:
        return decoration
    tail = f"-{decoration}" if decoration else ""
    number = get_next_sequence_number(path, basename)
    while True:
        stem = (f"{basename}-{number:04}" if basename else f"{number:05}") + tail
        if not os.path.exists(os.path.join(path, f"{stem}.{extension}")):
            return stem
        number += 1


def _write(image: Image.Image, stem: str, extension: str, params: Any, section: str) -> None:
    """Write beside the target first, so that nobody watching the folder sees half a file."""
    partial = f"{stem}.tmp"
    info = params.pnginfo.get(section)
    save_image_with_geninfo(image, info, partial, extension, dict(params.pnginfo), section)
    filename, number = stem + extension, 0
    while shared.opts.save_images_replace_action != "Replace" and os.path.exists(filename):
        number += 1
        filename = f"{stem}-{number}{extension}"
    os.replace(partial, filename)


def _save_smaller_copy(image: Image.Image, stem: str, filename: str, params: Any, section: str) -> None:
    """A JPEG beside the file if that is larger than the settings' limits, scaled down to them."""
    opts = shared.opts
    longest = max(image.size)
    oversize = longest > opts.target_side_length
    if not opts.export_for_4chan or not (
        oversize or os.stat(filename).st_size > opts.img_downscale_threshold * 1024 * 1024
    ):
        return
    try:
        if oversize:
            scale = opts.target_side_length / longest
            image = image.resize((round(image.width * scale), round(image.height * scale)), LANCZOS)
        _write(image, stem, ".jpg", params, section)
    except Exception as e:
        errors.display(e, "saving image as downscaled JPG")


def _fitting(extension: str, image: Image.Image) -> str:
    longest = _LONGEST_SIDE.get(extension.lower())
    if longest is None or max(image.size) <= longest:
        return extension
    print("Image dimensions too large; saving as PNG")
    return "png"


def _shortened(params: Any, path: str) -> str:
    """Cut params.filename to what the file system allows; returns it without extension."""
    stem, extension = os.path.splitext(params.filename)
    if hasattr(os, "statvfs"):
        stem = stem[: os.statvfs(path).f_namemax - max(4, len(extension))]
        params.filename = stem + extension
    return stem


def save_image(
    image: Image.Image,
    path: str,
    basename: str,
    seed: Any = None,
    prompt: str | None = None,
    extension: str = "png",
    info: str | None = None,
    short_filename: bool = False,
    no_prompt: bool = False,
    grid: bool = False,
    pnginfo_section_name: str = "parameters",
    p: Any = None,
    existing_info: dict[str, Any] | None = None,
    forced_filename: str | None = None,
    suffix: str = "",
    save_to_dirs: bool | None = None,
) -> tuple[str, str | None]:
    """Save an image below the folder `path`; returns (file, text file or None).

    `info` is the infotext. The name is made of `basename` and the settings' patterns, unless `forced_filename` (without
    extension) is given. Subfolders: as `save_to_dirs` says, else the settings. The callbacks on_before_image_saved and
    on_image_saved run; the first may replace image, file name and texts."""
    namegen = FilenameGenerator(p, seed, prompt, image, basename=basename)
    extension = _fitting(extension, image)
    if save_to_dirs is None:
        save_to_dirs = shared.opts.grid_save_to_dirs if grid else shared.opts.save_to_dirs and not no_prompt
    path = _folder(path, namegen, save_to_dirs)
    short = short_filename or seed is None
    stem = forced_filename or _file_stem(path, basename, namegen, short, suffix, extension)
    texts = existing_info or {}
    if info is not None:
        texts[pnginfo_section_name] = info
    params = script_callbacks.ImageSaveParams(image, p, os.path.join(path, f"{stem}.{extension}"), texts)
    script_callbacks.before_image_saved_callback(params)

    stem = _shortened(params, path)
    _write(params.image, stem, os.path.splitext(params.filename)[1], params, pnginfo_section_name)
    params.image.already_saved_as = params.filename
    _save_smaller_copy(params.image, stem, params.filename, params, pnginfo_section_name)
    infotext, text_file = params.pnginfo.get(pnginfo_section_name), None
    if shared.opts.save_txt and infotext is not None:
        text_file = f"{stem}.txt"
        with open(text_file, "w", encoding="utf8") as file:
            file.write(f"{infotext}\n")
    script_callbacks.image_saved_callback(params)
    return params.filename, text_file
