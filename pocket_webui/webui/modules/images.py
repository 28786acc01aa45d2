"""Images: files, names, sizes and grids. What extensions import as `modules.images`."""

from __future__ import annotations

from modules.image_files import save_image, save_image_with_geninfo  # noqa: F401
from modules.image_grids import (  # noqa: F401
    Grid,
    GridAnnotation,
    combine_grid,
    draw_grid_annotations,
    draw_prompt_matrix,
    get_font,
    image_grid,
    split_grid,
)
from modules.image_info import (  # noqa: F401
    IGNORED_INFO_KEYS,
    fix_image,
    fix_png_transparency,
    flatten,
    image_data,
    read,
    read_info_from_image,
)
from modules.image_names import (  # noqa: F401
    NOTHING_AND_SKIP_PREVIOUS_TEXT,
    FilenameGenerator,
    get_next_sequence_number,
    get_sampler_scheduler,
    get_sampler_scheduler_str,
    get_scheduler_str,
    invalid_filename_chars,
    max_filename_part_length,
    sanitize_filename_part,
)
from modules.image_resize import LANCZOS, resize_image  # noqa: F401
