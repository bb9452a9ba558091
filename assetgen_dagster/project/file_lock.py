"""Locks that end with their holder: ``flock`` on a file, released by the kernel however a process dies.

Two uses: the project's lock, held by the run's process only; and one lock per script, which the script inherits, so
that it shows whether the script still runs after its run has died.
"""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.project.workspace import unwritable

_RETRY_SECONDS = 0.05


class ProjectBusyError(OneCodeError):
    """Another run holds the project."""

    code = Code.PROJECT_BUSY


class FileLock:
    """An exclusive lock on a file that names its holder.

    Attributes:
        path: The lock file. It stays when the lock is released: removing it would let two holders in.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Takes the lock, waiting for it."""
        self._acquire(fcntl.LOCK_EX)

    def try_acquire(self) -> bool:
        """Takes the lock if it is free; returns whether we hold it."""
        return self._acquire(fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_free(self) -> bool:
        """Returns whether the lock is free; concurrent checks do not disturb each other."""
        free = self._acquire(fcntl.LOCK_SH | fcntl.LOCK_NB)
        self.release()
        return free

    def _acquire(self, operation: int) -> bool:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, operation)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return True

    @property
    def fd(self) -> int:
        """The descriptor for a child process that shall hold the lock, too."""
        if self._fd is None:
            raise RuntimeError(f"{self.path} is not locked by us")
        return self._fd

    def describe(self, **holder: object) -> None:
        """Writes the holder into the file, for messages."""
        content = json.dumps(holder).encode()
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, content, 0)

    def holder(self) -> dict[str, object]:
        """Returns the description of the current or last holder; empty if unreadable."""
        try:
            content = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def ensure(self) -> None:
        """Does nothing: the kernel keeps the lock while the process lives. See ``ProjectLock``."""

    def release(self) -> None:
        """Releases the lock in this process; does nothing if it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_project(path: Path, *, run_id: str) -> FileLock:
    """Takes a project's lock for a run.

    Raises:
        ProjectBusyError: Another run holds it; the message names that run.
        WorkspaceError: The lock file cannot be written.
    """
    lock = FileLock(path)
    try:
        # Retries for a second: is_locked holds the lock for a moment as well.
        tries = 20
        while not (ours := lock.try_acquire()) and (tries := tries - 1):
            time.sleep(_RETRY_SECONDS)
    except OSError as error:
        raise unwritable(path, error) from error
    if not ours:
        raise busy(lock.holder())
    lock.describe(run_id=run_id, pid=os.getpid())
    return lock


def busy(holder: Mapping[str, object]) -> ProjectBusyError:
    """Returns the error of a run whose project another run holds."""
    on = f" on {holder['host']}" if "host" in holder else ""
    return ProjectBusyError(
        f"Run {holder.get('run_id', 'unknown')} (process {holder.get('pid', 'unknown')}{on}) is working on this "
        "project. Wait until it ends, or cancel it. This run drew nothing and paid nothing."
    )


def is_locked(path: Path) -> bool:
    """Returns whether some process holds the lock, so that its run is alive.

    Raises:
        WorkspaceError: The lock file cannot be opened.
    """
    try:
        if not path.exists():
            return False
        return not FileLock(path).is_free()
    except OSError as error:
        raise unwritable(path, error) from error


def describe_process(lock: FileLock, pid: int) -> None:
    """Writes a script's process into its lock file, so that a later run can kill it if it hangs."""
    started = 0.0
    with contextlib.suppress(psutil.Error):
        started = _started(pid)
    with contextlib.suppress(OSError):  # a full disk is no reason to kill the script
        lock.describe(pid=pid, started=started, host=socket.gethostname())


def kill_holder(lock: FileLock) -> None:
    """Kills the process group of the script named in a lock file, if that process is still the same one."""
    holder = lock.holder()
    pid, started = holder.get("pid"), holder.get("started")
    if not isinstance(pid, int) or not isinstance(started, float) or holder.get("host") != socket.gethostname():
        return
    with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
        if _started(pid) == started:
            os.killpg(pid, 9)


def _started(pid: int) -> float:
    """Returns when a process started, in seconds since boot: a time of day would change with the clock."""
    return round(psutil.Process(pid).create_time() - psutil.boot_time(), 2)
