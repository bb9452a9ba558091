"""Small pictures as Markdown, for the tables of metadata in the Dagster UI.

The UI shows Markdown of less than 1,000 characters inline; longer text is behind a link (dagster-webserver 1.13.27).
"""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

#: The longest Markdown that the UI shows inline.
INLINE_CHARACTERS = 999

#: The longest preview of one picture behind a link: the event log keeps 22 of them per round.
PREVIEW_CHARACTERS = 6 * 1024

#: The longest preview of a contact sheet: the event log keeps one per round.
SHEET_CHARACTERS = 100 * 1024

_QUALITIES = (70, 50, 30, 10)

#: Height over width up to which only the width is limited.
_TALLEST = 4

_INLINE_WIDTHS = (160, 144, 128, 112, 96, 80, 64)
_PREVIEW_WIDTHS = (320, 256, 192, 128)
_SHEET_WIDTHS = (1000, 800, 600, 400)


@dataclass(frozen=True)
class Thumbnails:
    """One picture in two sizes, as Markdown.

    Attributes:
        inline: At most ``INLINE_CHARACTERS``; empty if the picture cannot be made that small.
        preview: At most ``PREVIEW_CHARACTERS``; likewise.
    """

    inline: str
    preview: str


def thumbnails(image: Image.Image) -> Thumbnails:
    """Returns a picture for the event log."""
    return Thumbnails(inline_picture(image), _first_that_fits(image, _PREVIEW_WIDTHS, "preview", PREVIEW_CHARACTERS))


def inline_picture(image: Image.Image) -> str:
    """Returns Markdown of at most ``INLINE_CHARACTERS``; empty if the picture cannot be made that small."""
    return _first_that_fits(image, _INLINE_WIDTHS, "thumbnail", INLINE_CHARACTERS)


def sheet_picture(sheet: Image.Image) -> str:
    """Returns Markdown of at most ``SHEET_CHARACTERS``; empty if the sheet cannot be made that small."""
    return _first_that_fits(sheet, _SHEET_WIDTHS, "contact sheet", SHEET_CHARACTERS)


def _first_that_fits(image: Image.Image, widths: Iterable[int], label: str, longest: int) -> str:
    """Tries the largest size first, each from the best quality down."""
    for width in widths:
        small = image.convert("RGB")
        small.thumbnail((width, width * _TALLEST), reducing_gap=2.0)
        for quality in _QUALITIES:
            buffer = io.BytesIO()
            small.save(buffer, format="WEBP", quality=quality)
            markdown = f"![{label}](data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()})"
            if len(markdown) <= longest:
                return markdown
    return ""
