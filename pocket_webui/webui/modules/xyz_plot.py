"""Painting all cells of an X/Y/Z plot and putting them together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from typing import Any

from PIL import Image

from modules import images
from modules.processing import Processed
from modules.shared import state

Cell = Callable[[int, int, int], Processed]


def cells_by_cost(sizes: Sequence[int], costs: Sequence[float]) -> Iterator[tuple[int, int, int]]:
    """All (ix, iy, iz) with the dearest axis outermost, so that what is slow to change changes seldom.

    Of axes equally dear z is outside y, and y outside x."""
    order = sorted((2, 1, 0), key=lambda axis: -costs[axis])
    for indices in itertools.product(*(range(sizes[axis]) for axis in order)):
        by_axis = dict(zip(order, indices, strict=True))
        yield by_axis[0], by_axis[1], by_axis[2]


def paint_cells(p: Any, sizes: Sequence[int], costs: Sequence[float], cell: Cell) -> list[Processed]:
    """Results of all cells, x fastest, then y, then z."""
    count = sizes[0] * sizes[1] * sizes[2]
    state.job_count = count * p.n_iter
    results: list[Any] = [None] * count
    for ix, iy, iz in cells_by_cost(sizes, costs):
        index = ix + sizes[0] * (iy + sizes[1] * iz)
        state.job = f"{index + 1} out of {count}"
        results[index] = cell(ix, iy, iz)
    return results


def _pictures(results: list[Processed]) -> list[Image.Image]:
    """First picture of each cell; black ones of the same size where a cell has none."""
    first = next(r.images[0] for r in results if r.images)
    return [r.images[0] if r.images else Image.new(first.mode, first.size) for r in results]


def _annotate(grid: Image.Image, cells: list[Image.Image], across: list, down: list, margin: int) -> Image.Image:
    width, height = max(c.width for c in cells), max(c.height for c in cells)
    hor = [[images.GridAnnotation(str(text))] for text in across]
    ver = [[images.GridAnnotation(str(text))] for text in down]
    return images.draw_grid_annotations(grid, width, height, hor, ver, margin)


def draw_grids(
    pictures: list[Image.Image], labels: Sequence[list], draw_legend: bool, margin: int
) -> tuple[Image.Image, list[Image.Image]]:
    """(the whole plot, one grid per z). `labels` are those of x, y and z."""
    x_labels, y_labels, z_labels = labels
    per_grid, grids = len(x_labels) * len(y_labels), []
    for start in range(0, len(pictures), per_grid):
        cells = pictures[start : start + per_grid]
        grid = images.image_grid(cells, rows=len(y_labels))
        grids.append(_annotate(grid, cells, x_labels, y_labels, margin) if draw_legend else grid)
    whole = images.image_grid(grids, rows=1)
    return (_annotate(whole, grids, z_labels, [""], 0) if draw_legend else whole), grids


def collect(
    p: Any, results: list[Processed], labels: Sequence[list], draw_legend: bool, margin: int
) -> Processed | None:
    """One result with all pictures: whole plot, grids, cells. None if no cell has a picture."""
    if not any(result.images for result in results):
        return None
    pictures = _pictures(results)
    whole, grids = draw_grids(pictures, labels, draw_legend, margin)
    per_grid = len(labels[0]) * len(labels[1])
    firsts = [results[start] for start in range(0, len(results), per_grid)]
    template = next(result for result in results if result.images)
    merged = copy(template)
    merged.images = [whole, *grids, *pictures]
    merged.index_of_first_image = 1
    described = [*firsts, *results]
    merged.all_prompts = [result.prompt for result in described]
    merged.all_seeds = [result.seed for result in described]
    texts = [result.infotexts[0] if result.infotexts else "" for result in described]
    merged.infotexts = [texts[0], *texts]
    return merged
