"""A whole picture's state in bands of rows: rows that no tile needs any more are let go of one band after the other."""

from __future__ import annotations

from typing import Union

import torch
from torch import Tensor

from .crops import Box, crop

PARTS = 32  # bands of a picture


def band_rows(height: int) -> int:
    """Latent rows of a band."""
    return -(-height // PARTS)


class Bands:
    """[1,C,H,W] that is written and read by boxes. rows: of a band; a band takes memory once something is written."""

    def __init__(
        self, shape: tuple[int, int, int, int], rows: int, dtype: torch.dtype, device: torch.device,
        order: torch.memory_format,
    ) -> None:  # fmt: skip
        self.shape, self.rows, self.dtype, self.device, self._order = shape, rows, dtype, device, order
        self._parts: dict[int, Tensor] = {}

    def put(self, box: Box, values: Tensor) -> None:
        """Write the pixels of a box."""
        for number, inner, rows in self._touched(box):
            if number not in self._parts:
                self._parts[number] = self._empty(min(self.rows, self.shape[2] - number * self.rows))
            crop(self._parts[number], inner).copy_(values[:, :, rows])

    def take(self, box: Box) -> Tensor:
        """The pixels of a box: a view where it lies in one band. KeyError: some of it was let go of."""
        found = [crop(self._parts[number], inner) for number, inner, _ in self._touched(box)]
        return torch.cat(found, 2) if len(found) > 1 else found[0]

    def let_go(self, first: int, last: int) -> None:
        """Forget the bands that lie wholly between two rows."""
        for number in [n for n in self._parts if first <= n * self.rows and (n + 1) * self.rows <= last]:
            del self._parts[number]

    def whole(self) -> Tensor:
        """All of it in one piece; the bands are let go of."""
        made = self._empty(self.shape[2])
        for number in sorted(self._parts):
            part = self._parts.pop(number)
            made[:, :, number * self.rows : number * self.rows + part.shape[2]] = part
        return made

    def _empty(self, rows: int) -> Tensor:
        shape = (1, self.shape[1], rows, self.shape[3])
        return torch.empty(shape, dtype=self.dtype, device=self.device, memory_format=self._order)

    def _touched(self, box: Box) -> list[tuple[int, Box, slice]]:
        """Bands of a box: number, the box's part in it, and which of the box's rows these are."""
        found = []
        for number in range(box.top // self.rows, -(-box.bottom // self.rows)):
            start = number * self.rows
            top, bottom = max(box.top, start), min(box.bottom, start + self.rows)
            inner = Box(box.left, top - start, box.right, bottom - start)
            found.append((number, inner, slice(top - box.top, bottom - box.top)))
        return found


Held = Union[Tensor, Bands]  # noqa: UP007  (evaluated at run time, on Python 3.10)


def put(x: Held, box: Box, values: Tensor) -> None:
    """Write the pixels of a box."""
    if isinstance(x, Bands):
        x.put(box, values)
    else:
        crop(x, box).copy_(values)


def whole_of(x: Held) -> Tensor:
    """In one piece; bands are let go of."""
    return x.whole() if isinstance(x, Bands) else x
