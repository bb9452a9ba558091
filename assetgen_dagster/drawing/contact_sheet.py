"""The contact sheet: all pictures of a project on one labelled sheet."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from assetgen_dagster.drawing.thumbnails import inline_picture, sheet_picture
from assetgen_dagster.support.files import write_atomically

_COLUMNS = 5
_CELL = (384, 220)
_LABEL_HEIGHT = 30
_GAP = 10
_HEADER = 64
_BACKGROUND = (22, 24, 28)
_TEXT = (232, 232, 226)
_FAINT = (150, 154, 160)
_ALERT = (255, 140, 90)


@dataclass(frozen=True)
class Cell:
    """One picture on the sheet.

    Attributes:
        number: The picture's number.
        name: The picture's name.
        path: The picture's file.
        defect: What is wrong with the picture; empty if nothing is.
    """

    number: int
    name: str
    path: Path
    defect: str = ""


@dataclass(frozen=True)
class SheetThumbnails:
    """Thumbnails of a sheet for Dagster's event log, as Markdown.

    Attributes:
        sheet: The whole sheet.
        pictures: Each picture by number, small enough to be shown inline.
    """

    sheet: str
    pictures: dict[int, str]


def draw_contact_sheet(cells: Sequence[Cell], *, title: str, subtitle: str, output: Path) -> SheetThumbnails:
    """Draws the sheet as PNG to ``output`` and returns thumbnails.

    Args:
        cells: The pictures, in order.
        title: First line, such as the project's key.
        subtitle: Second line, such as counts and cost.
        output: The sheet's file; replaced atomically.

    Raises:
        OSError: A picture cannot be read, or the sheet cannot be written.
    """
    rows = math.ceil(len(cells) / _COLUMNS)
    width = _COLUMNS * (_CELL[0] + _GAP) + _GAP
    height = _HEADER + rows * (_CELL[1] + _LABEL_HEIGHT + _GAP) + _GAP
    sheet = Image.new("RGB", (width, height), _BACKGROUND)
    canvas = ImageDraw.Draw(sheet)
    canvas.text((_GAP + 2, 10), title, fill=_TEXT, font=ImageFont.load_default(24))
    canvas.text((_GAP + 2, 40), subtitle, fill=_FAINT, font=ImageFont.load_default(14))
    font = ImageFont.load_default(15)
    pictures: dict[int, str] = {}
    for index, cell in enumerate(cells):
        left = _GAP + (index % _COLUMNS) * (_CELL[0] + _GAP)
        top = _HEADER + (index // _COLUMNS) * (_CELL[1] + _LABEL_HEIGHT + _GAP)
        picture = _fitted(cell.path)
        pictures[cell.number] = inline_picture(picture)
        sheet.paste(picture, (left + (_CELL[0] - picture.width) // 2, top + (_CELL[1] - picture.height) // 2))
        if cell.defect:
            canvas.rectangle((left, top, left + _CELL[0] - 1, top + _CELL[1] - 1), outline=_ALERT, width=3)
        # The defect first: it must be readable, and a long name need not.
        text = f"{cell.number:02d}  {cell.defect}: {cell.name}" if cell.defect else f"{cell.number:02d}  {cell.name}"
        label = _shortened(text, font, _CELL[0])
        canvas.text((left + 2, top + _CELL[1] + 6), label, fill=_ALERT if cell.defect else _TEXT, font=font)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", compress_level=6)
    write_atomically(output, buffer.getvalue())
    return SheetThumbnails(sheet_picture(sheet), pictures)


def compress(path: Path, *, largest: int) -> bytes:
    """Returns a sheet as JPEG of at most ``largest`` bytes: lowers the quality first, then the size.

    Raises:
        OSError: It cannot be read.
    """
    with Image.open(path) as image:
        sheet = image.convert("RGB")
    qualities = iter((88, 75, 60))
    quality = next(qualities)
    while True:
        buffer = io.BytesIO()
        sheet.save(buffer, format="JPEG", quality=quality, optimize=True)
        if buffer.tell() <= largest or max(sheet.size) < 64:
            return buffer.getvalue()
        if (lower := next(qualities, None)) is not None:
            quality = lower
        else:
            sheet = sheet.resize((max(1, sheet.width // 2), max(1, sheet.height // 2)), reducing_gap=2.0)


def _fitted(path: Path) -> Image.Image:
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail(_CELL, reducing_gap=2.0)
    return picture


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
