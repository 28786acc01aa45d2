"""Settings about files that are written."""

from __future__ import annotations

import os

from modules import shared
from modules.option_tables.kinds import color, number, radio, slider
from modules.options import OptionInfo, options_section
from modules.paths_internal import data_path, default_output_dir
from modules.util import truncate_path

restricted_opts = {
    "samples_filename_pattern", "directories_filename_pattern", "outdir_samples", "outdir_txt2img_samples",
    "outdir_img2img_samples", "outdir_extras_samples", "outdir_grids", "outdir_txt2img_grids", "outdir_img2img_grids",
    "outdir_save", "outdir_init_images", "temp_dir", "clean_temp_dir_at_start",
}
"""Options that --hide-ui-dir-config protects."""


def _path(default: str, label: str) -> OptionInfo:
    return OptionInfo(default, label, component_args=shared.hide_dirs)


def _output(name: str, label: str) -> OptionInfo:
    return _path(truncate_path(os.path.join(default_output_dir, name)), label)


def images() -> dict[str, OptionInfo]:
    return options_section(("saving-images", "Saving images/grids", "saving"), {
        "samples_save": OptionInfo(True, "Save every generated image"),
        "samples_format": OptionInfo("png", "Image file format"),
        "samples_filename_pattern": _path("", "Image file name pattern"),
        "save_images_add_number": OptionInfo(True, "Number image files", component_args=shared.hide_dirs),
        "save_images_replace_action": radio("Replace", "If the file exists", ["Replace", "Add number suffix"]),
        "grid_save": OptionInfo(True, "Save every generated grid"),
        "grid_format": OptionInfo("png", "Grid file format"),
        "grid_extended_filename": OptionInfo(False, "Put seed and prompt into grid file names"),
        "grid_only_if_multiple": OptionInfo(True, "No grid for a single image"),
        "grid_prevent_empty_spots": OptionInfo(False, "Choose grid rows so that no place stays empty"),
        "grid_zip_filename_pattern": _path("", "Archive file name pattern"),
        "n_rows": slider(-1, "Grid rows", -1, 16, 1).info("-1 = automatic, 0 = as many as the batch is large"),
        "font": OptionInfo("", "Font file for texts in grids"),
        "grid_text_active_color": color("#000000", "Grid text colour"),
        "grid_text_inactive_color": color("#999999", "Grid text colour, inactive"),
        "grid_background_color": color("#ffffff", "Grid background colour"),
        "save_images_before_face_restoration": OptionInfo(False, "Also save images before face restoration"),
        "save_images_before_highres_fix": OptionInfo(False, "Also save images before hires fix"),
        "save_images_before_color_correction": OptionInfo(False, "Also save images before colour correction"),
        "save_mask": OptionInfo(False, "Save the mask when inpainting"),
        "save_mask_composite": OptionInfo(False, "Save the masked composite when inpainting"),
        "jpeg_quality": slider(80, "JPEG quality", 1, 100, 1),
        "webp_lossless": OptionInfo(False, "Lossless WebP"),
        "export_for_4chan": OptionInfo(True, "Also save a JPEG of large images"),
        "img_downscale_threshold": number(4.0, "Large is more than, MB"),
        "target_side_length": number(4000, "Large is wider or higher than, pixels"),
        "img_max_size_mp": number(200, "Largest image, megapixels"),
        "use_original_name_batch": OptionInfo(True, "Keep file names in batch processing"),
        "use_upscaler_name_as_suffix": OptionInfo(False, "Upscaler's name as file name suffix"),
        "save_selected_only": OptionInfo(True, "Save button saves only the selected image"),
        "save_write_log_csv": OptionInfo(True, "Save button writes log.csv"),
        "save_init_img": OptionInfo(False, "Save input images of img2img"),
        "temp_dir": OptionInfo("", "Folder for temporary images").info("empty = the system's"),
        "clean_temp_dir_at_start": OptionInfo(False, "Empty that folder at start"),
        "save_incomplete_images": OptionInfo(False, "Save interrupted images"),
        "notification_audio": OptionInfo(True, "Play a sound when done").needs_reload_ui(),
        "notification_volume": slider(100, "Volume of that sound, %", 0, 100, 1),
    })


def folders() -> dict[str, OptionInfo]:
    paths = options_section(("saving-paths", "Paths for saving", "saving"), {
        "outdir_samples": _path("", "Folder for all images").info("empty = the three folders below"),
        "outdir_txt2img_samples": _output("txt2img-images", "Folder for txt2img images"),
        "outdir_img2img_samples": _output("img2img-images", "Folder for img2img images"),
        "outdir_extras_samples": _output("extras-images", "Folder for extras images"),
        "outdir_grids": _path("", "Folder for all grids").info("empty = the two folders below"),
        "outdir_txt2img_grids": _output("txt2img-grids", "Folder for txt2img grids"),
        "outdir_img2img_grids": _output("img2img-grids", "Folder for img2img grids"),
        "outdir_save": _path(truncate_path(os.path.join(data_path, "log", "images")), "Folder of the Save button"),
        "outdir_init_images": _output("init-images", "Folder for input images of img2img"),
    })
    subfolders = options_section(("saving-to-dirs", "Saving to a directory", "saving"), {
        "save_to_dirs": OptionInfo(True, "Save images into subfolders"),
        "grid_save_to_dirs": OptionInfo(True, "Save grids into subfolders"),
        "use_save_to_dirs_for_ui": OptionInfo(False, "Save button saves into subfolders"),
        "directories_filename_pattern": _path("[date]", "Subfolder name pattern"),
        "directories_max_prompt_words": slider(8, "Words in [prompt_words]", 1, 20, 1),
    })
    return {**paths, **subfolders}
