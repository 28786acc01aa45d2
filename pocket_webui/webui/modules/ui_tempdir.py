"""Where the page keeps its pictures: temporary files with their infotext, or the already saved file itself."""

from __future__ import annotations

import os
import tempfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image, PngImagePlugin

from modules import shared

Savedfile = namedtuple("Savedfile", ["name"])


def register_tmp_file(demo: Any, filename: str) -> None:
    """Allow the running page to serve `filename`."""
    if hasattr(demo, "temp_file_sets"):
        demo.temp_file_sets[0] = demo.temp_file_sets[0] | {os.path.abspath(filename)}


def check_tmp_file(demo: Any, filename: str) -> bool:
    """Whether the running page itself made or received `filename`."""
    path = os.path.abspath(filename.rsplit("?", 1)[0])
    known = any(name in files for files in getattr(demo, "temp_file_sets", ()) for name in (filename, path))
    return known or is_gradio_temp_path(path)


def _servable(path: str) -> bool:
    """gradio refuses every path with a part that starts with a dot, such as the default data folder."""
    return not any(part.startswith(".") for part in Path(path).absolute().parts)


def _text_chunks(image: Image.Image) -> PngImagePlugin.PngInfo | None:
    texts = {k: v for k, v in image.info.items() if isinstance(k, str) and isinstance(v, str)}
    if not texts:
        return None
    chunks = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        chunks.add_text(key, text)
    return chunks


def save_pil_to_file(self: Any, pil_image: Image.Image, dir: str | None = None, format: str = "png") -> str:
    """gradio's hook for pictures it shows: the name of a file with the picture and its infotext.

    A picture that the WebUI has saved already is shown from there if gradio may serve that folder."""
    saved = getattr(pil_image, "already_saved_as", None)
    if saved and os.path.isfile(saved) and _servable(saved):
        for name in (saved, with_mtime := f"{saved}?{os.path.getmtime(saved)}"):
            register_tmp_file(shared.demo, name)
        return with_mtime
    folder = shared.opts.temp_dir or dir or tempfile.gettempdir()
    os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile(delete=False, suffix=".png", dir=folder) as file:
        pil_image.save(file, format="PNG", pnginfo=_text_chunks(pil_image))
    return file.name


def save_pil_to_cache(img: Image.Image, cache_dir: str, name: str = "image", format: str = "png") -> str:
    """gradio 4's name of the same."""
    return save_pil_to_file(None, img, cache_dir)


def install_ui_tempdir_override() -> None:
    """gradio's own method drops infotext."""
    gr.components.IOComponent.pil_to_temp_file = save_pil_to_file
    if hasattr(gr.processing_utils, "save_pil_to_cache"):
        gr.processing_utils.save_pil_to_cache = save_pil_to_cache


def on_tmpdir_changed() -> None:
    """Make the folder of the option `temp_dir` and let the page serve it."""
    if shared.opts.temp_dir == "" or shared.demo is None:
        return
    os.makedirs(shared.opts.temp_dir, exist_ok=True)
    register_tmp_file(shared.demo, os.path.join(shared.opts.temp_dir, "x"))


def cleanup_tmpdr() -> None:
    """Delete the pictures in the option's folder; nothing if no folder is set."""
    folder = shared.opts.temp_dir
    if folder == "" or not os.path.isdir(folder):
        return
    for path in Path(folder).rglob("*.png"):
        path.unlink(missing_ok=True)


def is_gradio_temp_path(path: str | Path) -> bool:
    """Whether `path` lies in a folder for temporary pictures."""
    folders = [shared.opts.temp_dir, os.environ.get("GRADIO_TEMP_DIR"), os.path.join(tempfile.gettempdir(), "gradio")]
    return any(folder and Path(path).is_relative_to(folder) for folder in folders)
