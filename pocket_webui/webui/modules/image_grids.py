"""Grids: several images in one, cut into tiles and put together again, with texts beside rows and columns."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from modules import script_callbacks, shared


def get_font(fontsize: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of the setting, else the one that comes with Pillow."""
    if shared.opts.font:
        try:
            return ImageFont.truetype(shared.opts.font, fontsize)
        except OSError:
            pass
    try:
        return ImageFont.load_default(fontsize)
    except TypeError:  # Pillow before 10.1 has one size only
        return ImageFont.load_default()


def _rows(count: int, batch_size: int) -> int:
    if shared.opts.n_rows > 0:
        return shared.opts.n_rows
    if shared.opts.n_rows == 0:
        return batch_size
    if shared.opts.grid_prevent_empty_spots:
        return next(rows for rows in range(math.isqrt(count), 0, -1) if count % rows == 0)
    return round(math.sqrt(count))


def image_grid(imgs: Sequence[Image.Image], batch_size: int = 1, rows: int | None = None) -> Image.Image:
    """All images in one, each centred in a cell of the largest size. Rows: as given, else by the settings."""
    rows = min(_rows(len(imgs), batch_size) if rows is None else rows, len(imgs))
    params = script_callbacks.ImageGridLoopParams(imgs, math.ceil(len(imgs) / rows), rows)
    script_callbacks.image_grid_callback(params)
    w, h = (max(image.size[axis] for image in imgs) for axis in (0, 1))
    color = ImageColor.getcolor(shared.opts.grid_background_color, "RGB")
    grid = Image.new("RGB", (params.cols * w, params.rows * h), color)
    for i, image in enumerate(params.imgs):
        left, top = i % params.cols * w, i // params.cols * h
        grid.paste(image, (left + (w - image.width) // 2, top + (h - image.height) // 2))
    return grid


class Grid(namedtuple("_Grid", ["tiles", "tile_w", "tile_h", "image_w", "image_h", "overlap"])):
    """An image cut into tiles: `tiles` is [[y, height, [[x, width, image], ...]], ...]; pixels."""

    @property
    def tile_count(self) -> int:
        return sum(len(row[2]) for row in self.tiles)


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin so that they cover `length` pixels and overlap at least as asked."""
    count = max(math.ceil((length - overlap) / (tile - overlap)), 1)
    step = (length - tile) / (count - 1) if count > 1 else 0
    return [min(int(i * step), max(length - tile, 0)) for i in range(count)]


def split_grid(image: Image.Image, tile_w: int = 512, tile_h: int = 512, overlap: int = 64) -> Grid:
    """Cut an image into equal tiles that overlap."""
    tiles = [
        [y, tile_h, [[x, tile_w, image.crop((x, y, x + tile_w, y + tile_h))]
                     for x in _starts(image.width, tile_w, overlap)]]
        for y in _starts(image.height, tile_h, overlap)
    ]
    return Grid(tiles, tile_w, tile_h, image.width, image.height, overlap)


def combine_grid(grid: Grid) -> Image.Image:
    """Put the tiles together, each fading into the one before over the overlap."""
    ramp = (np.arange(grid.overlap, dtype=np.float32) * 255 / max(grid.overlap, 1)).astype(np.uint8)
    across = Image.fromarray(np.tile(ramp, (grid.tile_h, 1)))
    down = Image.fromarray(np.tile(ramp[:, None], (1, grid.image_w)))
    whole = Image.new("RGB", (grid.image_w, grid.image_h))
    for y, h, row in grid.tiles:
        strip = Image.new("RGB", (grid.image_w, h))
        for x, w, tile in row:
            strip.paste(tile.crop((0, 0, grid.overlap, h)), (x, 0), mask=across if x else None)
            strip.paste(tile.crop((grid.overlap, 0, w, h)), (x + grid.overlap, 0))
        whole.paste(strip.crop((0, 0, grid.image_w, grid.overlap)), (0, y), mask=down if y else None)
        whole.paste(strip.crop((0, grid.overlap, grid.image_w, h)), (0, y + grid.overlap))
    return whole


class GridAnnotation:
    """A text beside a grid; inactive ones are grey and struck through."""

    def __init__(self, text: str = "", is_active: bool = True) -> None:
        self.text = text
        self.is_active = is_active
        self.size: tuple[int, int] | None = None


Texts = list[list[GridAnnotation]]


def _wrap(draw: ImageDraw.ImageDraw, texts: list[GridAnnotation], font: ImageFont.ImageFont, width: int) -> None:
    """Replace the texts by lines no wider than `width` pixels where words allow it, with their sizes."""
    lines: list[GridAnnotation] = []
    for text in texts:
        parts = [""]
        for word in text.text.split():
            longer = f"{parts[-1]} {word}".strip()
            if draw.textlength(longer, font=font) <= width:
                parts[-1] = longer
            else:
                parts.append(word)
        lines += [GridAnnotation(part, text.is_active) for part in parts]
    for line in lines:
        left, top, right, bottom = draw.textbbox((0, 0), line.text, font=font)
        line.size = (int(right - left), int(bottom - top))
    texts[:] = lines


def _draw_lines(
    draw: ImageDraw.ImageDraw, x: float, y: float, lines: list[GridAnnotation], fontsize: int, width: int, spacing: int
) -> None:
    active = ImageColor.getcolor(shared.opts.grid_text_active_color, "RGB")
    inactive = ImageColor.getcolor(shared.opts.grid_text_inactive_color, "RGB")
    for line in lines:
        size, font = fontsize, get_font(fontsize)
        while size > 1 and draw.textlength(line.text, font=font) > width:
            size -= 1
            font = get_font(size)
        w, h = line.size or (0, 0)
        draw.text((x, y + h / 2), line.text, font=font, fill=active if line.is_active else inactive, anchor="mm")
        if not line.is_active:
            draw.line((x - w // 2, y + h // 2, x + w // 2, y + h // 2), fill=inactive, width=4)
        y += h + spacing


def _heights(texts: Texts, spacing: int) -> list[int]:
    return [sum((line.size or (0, 0))[1] + spacing for line in lines) - spacing for lines in texts]


def draw_grid_annotations(
    im: Image.Image, width: int, height: int, hor_texts: Texts, ver_texts: Texts, margin: int = 0
) -> Image.Image:
    """The grid `im` of cells of width x height pixels, with one list of texts per column above and per row at the
    left. AssertionError if their numbers differ from the grid's."""
    cols, rows = im.width // width, im.height // height
    assert cols == len(hor_texts), f"bad number of horizontal texts: {len(hor_texts)}; must be {cols}"
    assert rows == len(ver_texts), f"bad number of vertical texts: {len(ver_texts)}; must be {rows}"
    fontsize = max((width + height) // 25, 1)
    spacing = fontsize // 2
    pad_left = width * 3 // 4 if any(line.text for lines in ver_texts for line in lines) else 0
    background = ImageColor.getcolor(shared.opts.grid_background_color, "RGB")
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    for texts, room in ((hor_texts, width), (ver_texts, pad_left)):
        for lines in texts:
            _wrap(measure, lines, get_font(fontsize), room)
    above, beside = _heights(hor_texts, spacing), _heights(ver_texts, spacing)
    pad_top = max(above) + spacing * 2 if any(line.text for lines in hor_texts for line in lines) else 0
    result = Image.new("RGB", (im.width + pad_left + margin * (cols - 1), im.height + pad_top + margin * (rows - 1)),
                       background)
    for row in range(rows):
        for col in range(cols):
            cell = im.crop((width * col, height * row, width * (col + 1), height * (row + 1)))
            result.paste(cell, (pad_left + (width + margin) * col, pad_top + (height + margin) * row))
    draw = ImageDraw.Draw(result)
    for col in range(cols):
        x = pad_left + (width + margin) * col + width / 2
        _draw_lines(draw, x, pad_top / 2 - above[col] / 2, hor_texts[col], fontsize, width, spacing)
    for row in range(rows):
        y = pad_top + (height + margin) * row + height / 2 - beside[row] / 2
        _draw_lines(draw, pad_left / 2, y, ver_texts[row], fontsize, pad_left, spacing)
    return result


def _combinations(prompts: list[str]) -> Texts:
    return [
        [GridAnnotation(text, is_active=bool(pos & (1 << i))) for i, text in enumerate(prompts)]
        for pos in range(1 << len(prompts))
    ]


def draw_prompt_matrix(
    im: Image.Image, width: int, height: int, all_prompts: list[str], margin: int = 0
) -> Image.Image:
    """Annotate a grid of all combinations of the optional prompts (all but the first), half of them along each side."""
    optional = all_prompts[1:]
    half = math.ceil(len(optional) / 2)
    return draw_grid_annotations(im, width, height, _combinations(optional[:half]), _combinations(optional[half:]),
                                 margin)
