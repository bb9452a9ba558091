"""Disk space for the pictures in flight, and where a script keeps a picture that does not fit.

A picture is paid for before it is written, and the script, which may be a producer's own, writes it. So a call holds a
file of a picture's size while its script works. When the disk runs full, the file goes, and the script finds the space.
"""

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from assetgen_dagster.support.files import remove, reserve

#: Disk space for one picture, in bytes: 1376×768 pixels take 4.2 MB without any compression.
ROOM_PER_PICTURE = 4 * 1024 * 1024

_SUFFIX = ".room"


class Room:
    """Space that is held in a file, as a context manager.

    Args:
        staging: The project's staging folder, where the file is.
        token: The call's token.
    """

    def __init__(self, staging: Path, token: str) -> None:
        self._path = staging / f"{token}{_SUFFIX}"
        self._held = False

    def __enter__(self) -> Self:
        """Takes the space.

        Raises:
            OSError: There is not as much.
        """
        try:
            reserve(self._path, ROOM_PER_PICTURE)
        except OSError:
            remove(self._path)
            raise
        self._held = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def yield_if_scarce(self) -> None:
        """Releases the space if the disk has less than that left."""
        if self._held and shutil.disk_usage(self._path.parent).free < ROOM_PER_PICTURE:
            self.release()

    def release(self) -> None:
        """Gives the space back; idempotent."""
        self._held = False
        with contextlib.suppress(OSError):
            remove(self._path)


def release_rooms(staging: Path) -> None:
    """Gives back the space that runs held in a staging folder until they were killed."""
    for path in staging.glob(f"*{_SUFFIX}"):
        remove(path)


def fetch_kept(staging: Path) -> None:
    """Moves a picture to its staging path from where our script kept it because it could not be written there.

    Raises:
        OSError: It cannot be written there still.
    """
    kept = kept_path(staging)
    try:
        about = kept.lstat()
    except OSError:
        return
    # The folder is open to all users of the machine.
    if staging.exists() or not stat.S_ISREG(about.st_mode) or about.st_uid != os.getuid():
        return
    arriving = staging.with_name(f".{staging.name}")
    try:
        shutil.copyfile(kept, arriving)
        arriving.replace(staging)
    except OSError as error:
        remove(arriving)
        raise OSError(error.errno, error.strerror, str(staging)) from None
    remove(kept)


def kept_path(staging: Path) -> Path:
    """Returns where ``scripts/generate_asset.py`` keeps a picture; its name holds the call's token."""
    return Path(tempfile.gettempdir()) / f"assetgen-{staging.name}"
