"""One picture's file: verifies it, measures it, and publishes it."""

import hashlib
import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from assetgen_dagster.drawing.thumbnails import Thumbnails, thumbnails
from assetgen_dagster.project.records import PictureFacts
from assetgen_dagster.support.files import replace_durably, write_atomically

#: Formats accepted under ``.png``. Pillow's default list has others, for some of which it starts a program.
_FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000")

#: A picture counts as one colour if every channel varies by less than this.
_FLAT_RANGE = 8


class BrokenPictureError(ValueError):
    """A file that is not a picture, or only part of one."""


@dataclass(frozen=True)
class Picture:
    """A picture that was decoded completely.

    Attributes:
        facts: Measurements of its file and pixels.
        is_png: Whether the content is PNG, regardless of the file's name.
        thumbnails: For the event log.
    """

    facts: PictureFacts
    is_png: bool
    thumbnails: Thumbnails


def inspect_picture(path: Path) -> Picture:
    """Decodes a whole picture.

    Raises:
        BrokenPictureError: It is empty, truncated, or not a picture.
        OSError: It cannot be read.
    """
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise BrokenPictureError(f"{path.name} is a folder") from None
    image = _decode(content, path)
    return Picture(
        facts=PictureFacts(
            sha256=hashlib.sha256(content).hexdigest(),
            width=image.width,
            height=image.height,
            size_bytes=len(content),
            flat=_is_flat(image),
        ),
        is_png=image.format == "PNG",
        thumbnails=thumbnails(image),
    )


def check_asset_exists(path: Path) -> bool:
    """Returns whether ``path`` is a whole picture; a truncated one does not count."""
    try:
        inspect_picture(path)
    except (OSError, BrokenPictureError):
        return False
    return True


def file_sha256(path: Path) -> str | None:
    """Returns a file's hash, or None if there is no such file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None


def make_png(path: Path) -> Picture:
    """Verifies a picture in the staging folder and converts it to PNG if necessary.

    Raises:
        BrokenPictureError: See ``inspect_picture``.
        OSError: It cannot be read or written.
    """
    picture = inspect_picture(path)
    if picture.is_png:
        return picture
    png = io.BytesIO()
    image = _decode(path.read_bytes(), path)
    mode = "RGBA" if image.has_transparency_data else "RGB"
    image.convert(mode).save(png, format="PNG", compress_level=6)
    write_atomically(path, png.getvalue())  # the original was paid for: replaced only by a complete file
    return inspect_picture(path)


def publish(staging: Path, target: Path) -> None:
    """Renames a verified picture to its final name; until then the previous one stays.

    Raises:
        OSError: It cannot be written.
    """
    with staging.open("rb") as file:
        os.fsync(file.fileno())
    target.parent.mkdir(exist_ok=True)
    replace_durably(staging, target)


def _decode(content: bytes, path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # Pillow only warns about a decompression bomb; we refuse it.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
            image.load()
    except MemoryError:
        raise  # the machine is short of memory, the picture may be fine: a later run inspects it again
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise BrokenPictureError(f"{path.name}: {error}") from None
    except Exception as error:  # decoders raise any exception on damaged bytes
        reason = "it is empty" if not content else f"{type(error).__name__}: {str(error)[:200]}"
        raise BrokenPictureError(f"{path.name} is not a whole picture ({reason})") from None
    return image


def _is_flat(image: Image.Image) -> bool:
    extrema = image.convert("RGB").getextrema()
    return all(high - low < _FLAT_RANGE for low, high in extrema)  # type: ignore[misc]  # RGB has a pair a channel
