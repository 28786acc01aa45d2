"""The batch tab of img2img: one job after the other, for each picture of a folder or an upload."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from modules import images, infotext_utils, processing, scripts, sd_models, shared

KINDS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def list_inputs(source: str | list[Any]) -> list[str]:
    """Picture files of a folder, or of an upload. AssertionError says what is missing."""
    if isinstance(source, str):
        assert not shared.cmd_opts.hide_ui_dir_config, "--hide-ui-dir-config does not allow folders as input"
        assert os.path.isdir(source), f"There is no folder '{source}' to take pictures from."
        return list(shared.walk_files(source, allowed_extensions=KINDS))
    assert source, "There is no picture in the batch: upload some, or name a folder."
    return [os.path.abspath(file.name) for file in source]


def find_mask(path: Path, mask_dir: str) -> Image.Image | None:
    """The mask for a picture: the only file of the folder, or the one of the same name."""
    masks = shared.listfiles(mask_dir)
    if len(masks) == 1:
        return images.read(masks[0])
    found = sorted(Path(mask_dir).glob(f"{path.stem}.*"))
    return images.read(found[0]) if found else None


class PngInfo:
    """Parameters that a picture's own infotext changes, over those of the job, which come back for the next one."""

    def __init__(self, p: Any, props: list[str] | None, folder: str | None) -> None:
        self.props, self.folder = set(props or []), folder
        self.base = {name: getattr(p, name)
                     for name in ("prompt", "negative_prompt", "seed", "cfg_scale", "sampler_name", "steps")}
        self.checkpoint = p.override_settings.get("sd_model_checkpoint")

    def _read(self, image: Image.Image, path: str) -> dict[str, Any]:
        try:
            source = images.read(os.path.join(self.folder, os.path.basename(path))) if self.folder else image
            text, _ = images.read_info_from_image(source)
            found = infotext_utils.parse_generation_parameters(text)
        except Exception:
            return {}
        return {key: value for key, value in found.items() if key in self.props}

    def apply(self, p: Any, image: Image.Image, path: str) -> None:
        found, base = self._read(image, path), self.base
        for name, key in (("prompt", "Prompt"), ("negative_prompt", "Negative prompt")):
            setattr(p, name, base[name] + (f" {found[key]}" if key in found else ""))
        p.seed = int(found.get("Seed", base["seed"]))
        p.cfg_scale = float(found.get("CFG scale", base["cfg_scale"]))
        p.sampler_name = found.get("Sampler", base["sampler_name"])
        p.steps = int(found.get("Steps", base["steps"]))
        info = sd_models.get_closet_checkpoint_match(found.get("Model hash"))
        checkpoint = info.name if info is not None else self.checkpoint
        p.override_settings.pop("sd_model_checkpoint", None)
        if checkpoint:
            p.override_settings["sd_model_checkpoint"] = checkpoint


def set_output(p: Any, output_dir: str, path: Path) -> None:
    """Save results into that folder, under the names of the pictures they come from."""
    several = p.n_iter > 1 or p.batch_size > 1
    p.outpath_samples = output_dir
    p.override_settings.update({
        "save_to_dirs": False, "save_images_replace_action": "Add number suffix",
        "samples_filename_pattern": f"{path.stem}-[generation_number]" if several else path.stem})


def read_input(path: str) -> Image.Image | None:
    """The picture the right way up; None, with a line in the log, if the file is none."""
    try:
        return ImageOps.exif_transpose(images.read(path))
    except UnidentifiedImageError as error:
        print(error)
        return None


def process_batch(p: Any, input: str | list[Any], output_dir: str, inpaint_mask_dir: str, args: Any,
                  to_scale: bool = False, scale_by: float = 1.0, use_png_info: bool = False,
                  png_info_props: list[str] | None = None, png_info_dir: str | None = None) -> Any:
    """Run the job for each picture. Returns one Processed with the results of all (as many as the settings let it
    show), None if there was none."""
    paths = list_inputs(input)
    processing.fix_seed(p)
    print(f"Will process {len(paths)} images, creating {p.n_iter * p.batch_size} new images for each.")
    shared.state.job_count = len(paths) * p.n_iter
    png_info = PngInfo(p, png_info_props, png_info_dir) if use_png_info else None
    result = None
    for number, path in enumerate(paths, 1):
        shared.state.job = f"{number} out of {len(paths)}"
        shared.state.skipped = False
        if shared.state.interrupted or shared.state.stopping_generation:
            break
        image = read_input(path)
        if image is None or not _set_mask(p, Path(path), inpaint_mask_dir):
            continue
        if to_scale:
            p.width, p.height = int(image.width * scale_by), int(image.height * scale_by)
        p.init_images = [image] * p.batch_size
        if png_info is not None:
            png_info.apply(p, image, path)
        if output_dir.strip():
            set_output(p, output_dir.strip(), Path(path))
        result = _joined(result, scripts.scripts_img2img.run(p, *args) or processing.process_images(p))
    return result


def _set_mask(p: Any, path: Path, mask_dir: str) -> bool:
    if not mask_dir or not shared.listfiles(mask_dir):
        return True
    mask = find_mask(path, mask_dir)
    if mask is None:
        print(f"Warning: mask is not found for {path} in {mask_dir}. Skipping it.")
        return False
    p.image_mask = mask
    return True


def _joined(result: Any, more: Any) -> Any:
    """`result` with the pictures of `more` behind its own, up to the limit of the settings (-1: none)."""
    limit = int(shared.opts.img2img_batch_show_results_limit)
    if result is None:
        result = more
    elif not 0 <= limit <= len(result.images):
        result.images.extend(more.images)
        result.infotexts.extend(more.infotexts)
    if 0 <= limit < len(result.images):
        result.images, result.infotexts = result.images[:limit], result.infotexts[:limit]
    return result
