"""One picture's file: is it whole, what does it show, and how it gets to where the next step looks for it."""

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

#: What a script or a person may leave under ``.png``. Pillow tries others as well: for some it starts a program.
_FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000")

#: A picture whose every channel varies less than this shows one colour.
_FLAT_RANGE = 8


class BrokenPictureError(ValueError):
    """A file that is no picture, or only part of one."""


@dataclass(frozen=True)
class Picture:
    """A picture that was decoded from its first to its last row.

    Attributes:
        facts: What its file and pixels say.
        is_png: Whether the file is a PNG whatever its name says.
        thumbnails: For the event log.
    """

    facts: PictureFacts
    is_png: bool
    thumbnails: Thumbnails


def inspect_picture(path: Path) -> Picture:
    """Decodes a whole picture.

    Raises:
        BrokenPictureError: It is empty, half, or no picture.
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
    """Returns whether a whole picture lies at ``path``; a half one does not count."""
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
    """Makes sure that a picture in the staging folder is a whole PNG, converting what is not.

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
    write_atomically(path, png.getvalue())  # until it is there, the other one, which was paid for
    return inspect_picture(path)


def publish(staging: Path, target: Path) -> None:
    """Puts a verified picture under its final name; until then the previous one stays.

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
            # A picture large enough to be an attack on memory is refused, not only warned about.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
            image.load()
    except MemoryError:
        raise  # the machine's trouble, not the picture's: it is looked at again
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise BrokenPictureError(f"{path.name}: {error}") from None
    except Exception as error:  # decoders raise whatever they like at damaged bytes
        reason = "it is empty" if not content else f"{type(error).__name__}: {str(error)[:200]}"
        raise BrokenPictureError(f"{path.name} is no whole picture ({reason})") from None
    return image


def _is_flat(image: Image.Image) -> bool:
    extrema = image.convert("RGB").getextrema()
    return all(high - low < _FLAT_RANGE for low, high in extrema)  # type: ignore[misc]  # RGB has a pair a channel
