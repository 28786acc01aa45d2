"""The Save buttons: write shown pictures to the folder of saved pictures, with a log of their parameters."""

from __future__ import annotations

import csv
import html
import json
import os
import zipfile
from types import SimpleNamespace
from typing import Any

import gradio as gr

from modules import images, infotext_utils, shared

_LOG_FIELDS = ["prompt", "seed", "width", "height", "sampler", "cfgs", "steps", "filename", "negative_prompt",
               "sd_model_name", "sd_model_hash"]


def _append_to_log(folder: str, data: SimpleNamespace, parameters: dict[str, Any], filename: str) -> None:
    path = os.path.join(folder, "log.csv")
    with open(path, "a", encoding="utf8", newline="") as file:
        writer = csv.writer(file)
        if file.tell() == 0:
            writer.writerow(_LOG_FIELDS)
        writer.writerow([parameters["Prompt"], parameters["Seed"], data.width, data.height, data.sampler_name,
                         data.cfg_scale, data.steps, filename, parameters["Negative prompt"], data.sd_model_name,
                         data.sd_model_hash])


def _save_one(data: SimpleNamespace, index: int, filedata: Any, folder: str) -> tuple[list[str], dict[str, Any]]:
    """Files written for picture `index`, and its parameters."""
    data.batch_index = index - 1
    parameters = infotext_utils.parse_generation_parameters(data.infotexts[index], [])
    picture, text = images.save_image(
        infotext_utils.image_from_url_text(filedata), folder, "", seed=parameters["Seed"],
        prompt=parameters["Prompt"], extension=shared.opts.samples_format, info=data.infotexts[index],
        grid=index < data.index_of_first_image, p=data, save_to_dirs=shared.opts.use_save_to_dirs_for_ui,
    )
    return [path for path in (picture, text) if path], parameters


def _zip(paths: list[str], folder: str, seed: object) -> str:
    name = os.path.join(folder, f"{os.path.splitext(os.path.basename(paths[0]))[0]}-{seed}.zip")
    with zipfile.ZipFile(name, "w") as archive:
        for path in paths:
            archive.write(path, os.path.relpath(path, folder))
    return name


def save_files(js_data: str, shown: list, do_make_zip: bool, index: int) -> tuple[Any, str]:
    """Save the selected picture, or all; `js_data` is `Processed.js()` of the job that made them.

    Returns the update for the list of files and a line of HTML that names the first."""
    if not shown or not js_data:
        return gr.File.update(visible=False), "<p>There is no picture to save yet.</p>"
    data = SimpleNamespace(**json.loads(js_data))
    folder, start = shared.opts.outdir_save, 0
    if index > -1 and shared.opts.save_selected_only and index >= data.index_of_first_image:
        shown, start = [shown[index]], index
    os.makedirs(folder, exist_ok=True)
    saved = [_save_one(data, number, filedata, folder) for number, filedata in enumerate(shown, start)]
    paths = [path for written, _ in saved for path in written]
    first = os.path.relpath(paths[0], folder)
    if shared.opts.save_write_log_csv:
        _append_to_log(folder, data, saved[0][1], first)
    if do_make_zip:
        paths.insert(0, _zip(paths, folder, saved[0][1]["Seed"]))
    return gr.File.update(value=paths, visible=True), f"<p>Saved: {html.escape(first)}</p>"
