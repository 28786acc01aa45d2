"""A comparison as one picture: a column per VAE, rows for pictures, differences and regions."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .compare import Comparison, Entry, Region, difference_map, shared_gain
from .compare_words import PICTURE

CELL, GAP, LINE = 256, 6, 14
PAPER, INK, FAINT = (24, 24, 27), (235, 235, 235), (160, 160, 165)
ROWS = 24  # rows of cells at most: a sheet is to be looked at


def contact_sheet(comparison: Comparison, cell: int = CELL) -> Image.Image:
    """The reference and every VAE's pictures, their differences from it (amplified as labelled), and every region.

    cell: side in pixels of the square that each picture is fitted into. Of more than ROWS rows the first are shown.
    """
    entries, gain = comparison.measured, shared_gain(comparison)
    rows = [part for part, _ in entries[0].parts]
    rows = [row for number in range(len(comparison.reference)) for row in rows if row.picture == number]
    drawn: list[tuple[str, Region, bool]] = []
    for row in rows:
        drawn.append((_title(row), row, False))
        if row.kind == PICTURE:
            drawn.append((f"difference x{gain}", row, True))
    drawn = drawn[:ROWS]
    sheet = _Sheet(1 + len(entries), len(drawn), cell)
    sheet.header(0, comparison.against if comparison.has_truth else "reference", "")
    for column, entry in enumerate(entries, 1):
        sheet.header(column, entry.name, _figures(entry, comparison))
    for line, (title, row, difference) in enumerate(drawn):
        sheet.note(line, title)
        if not difference:
            sheet.place(0, line, _crop(comparison.reference, row))
        for column, entry in enumerate(entries, 1):
            assert entry.images is not None
            picture, there = _crop(entry.images, row), _crop(comparison.reference, row)
            sheet.place(column, line, difference_map(picture, there, gain) if difference else picture)
    return sheet.image


def to_image(picture: Tensor) -> Image.Image:
    """[3,H,W] in 0..1 -> 8 bits, rounded."""
    levels = (picture.detach().float().cpu().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous()
    return Image.fromarray(levels.numpy())


class _Sheet:
    """The canvas: a header, then rows of cells, each under a line of text."""

    def __init__(self, columns: int, rows: int, cell: int) -> None:
        self.cell, self.top = cell, 2 * LINE + 2 * GAP
        size = (GAP + columns * (cell + GAP), self.top + rows * (cell + LINE + GAP))
        self.image = Image.new("RGB", size, PAPER)
        self._draw = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default()

    def header(self, column: int, name: str, figures: str) -> None:
        self._text(self._left(column), GAP, name, INK)
        self._text(self._left(column), GAP + LINE, figures, FAINT)

    def note(self, row: int, text: str) -> None:
        self._text(GAP, self.top + row * (self.cell + LINE + GAP), text, FAINT)

    def place(self, column: int, row: int, picture: Tensor) -> None:
        """Fitted into its cell: small parts are enlarged pixel by pixel, large pictures scaled down."""
        image = to_image(picture)
        scale = min(self.cell / image.width, self.cell / image.height)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)
        top = self.top + row * (self.cell + LINE + GAP) + LINE
        self.image.paste(image, (self._left(column), top))

    def _left(self, column: int) -> int:
        return GAP + column * (self.cell + GAP)

    def _text(self, left: int, top: int, text: str, colour: tuple[int, int, int]) -> None:
        # Pillow's own font has no more than Latin-1 in all versions.
        shown = _fitting(text.encode("latin-1", "replace").decode("latin-1"), self.cell, self._font.getlength)
        self._draw.text((left, top), shown, fill=colour, font=self._font)


def _fitting(text: str, width: int, length: Callable[[str], float]) -> str:
    while len(text) > 4 and length(text) > width:
        text = text[:-4] + "..."
    return text


def _title(row: Region) -> str:
    return f"picture {row.picture + 1}" if row.kind == PICTURE else f"{row.kind}, picture {row.picture + 1}"


def _figures(entry: Entry, comparison: Comparison) -> str:
    figures = entry.figures()
    if not comparison.has_truth and entry.name == comparison.against:
        return "the reference"
    said = "equal" if figures.error == 0 else f"{figures.psnr:.2f} dB"
    return said + ("" if figures.ssim is None else f"  SSIM {figures.ssim:.3f}")


def _crop(images: Tensor, region: Region) -> Tensor:
    left, top, right, bottom = (max(0, round(edge)) for edge in region.box)
    height, width = images.shape[-2:]
    left, top = min(left, width - 1), min(top, height - 1)
    return images[region.picture][:, top : max(bottom, top + 1), left : max(right, left + 1)]
