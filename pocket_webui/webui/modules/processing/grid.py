"""The grid of all pictures of a job."""

from __future__ import annotations

from typing import Any

from modules import images, shared
from modules.processing.finish import Output, batch_infotext


def wants_grid(p: Any, count: int) -> bool:
    opts = shared.opts
    enough = count > 1 or (count == 1 and not opts.grid_only_if_multiple)
    return enough and (opts.return_grid or opts.grid_save) and not p.do_not_save_grid


def add_grid(p: Any, output: Output) -> None:
    """Put a grid before the pictures, and save it, as the settings say."""
    opts = shared.opts
    if not wants_grid(p, len(output.images)):
        return
    picture = images.image_grid(output.images, p.batch_size)
    text = batch_infotext(p, use_main_prompt=True)
    if opts.return_grid:
        output.infotexts.insert(0, text)
        if opts.enable_pnginfo:
            picture.info["parameters"] = text
        output.images.insert(0, picture)
        output.index_of_first_image = 1
    if opts.grid_save:
        images.save_image(picture, p.outpath_grids, "grid", p.all_seeds[0], p.all_prompts[0], opts.grid_format,
                          info=text, short_filename=not opts.grid_extended_filename, p=p, grid=True)
