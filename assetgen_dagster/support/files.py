"""Files that are never half written, whatever ends the process, and what is removed."""

import errno
import os
import shutil
from pathlib import Path

#: The two names lie on different mounts, or the file system has no links.
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP})

#: The file system reserves nothing, such as NFS before 4.2; or a process may not write files of that size.
_NOT_RESERVED = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EFBIG})


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces a file's content such that, whatever happens, either the old or the new is there, whole."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        replace_durably(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def replace_durably(source: Path, target: Path) -> None:
    """Renames a file that is on disk already; returns when the new name is on disk, too."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        write_atomically(target, source.read_bytes())  # its folder is a mount of its own
        source.unlink()
        return
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Returns when the names of a folder's files are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> None:
    """Gives a file a second name, or a copy under that name where a link cannot be had."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        write_atomically(target, source.read_bytes())


def remove(path: Path) -> None:
    """Removes a file, if it is there, or a folder with all that can be removed of it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def reserve(path: Path, size: int) -> None:
    """Gives a file so much space on disk, where the system can.

    Raises:
        OSError: There is not as much.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in _NOT_RESERVED:
            raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        os.close(descriptor)
