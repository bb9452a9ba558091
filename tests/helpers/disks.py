"""Small disks for tests, and what fills them."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(place: Path, *, size: str = "24m") -> Iterator[None]:
    """A small disk at a folder, which is created unless it is there."""
    place.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting a small disk is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, *, leave: int = 0) -> Path:
    """Fills a disk but for so many bytes; returns the file that takes them."""
    filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
    size = 0
    with contextlib.suppress(OSError):
        while True:
            size += os.write(filler, b"x" * 4096)
    os.ftruncate(filler, size - leave)
    os.close(filler)
    return disk / "filler"


@contextlib.contextmanager
def filled_when(happens: Callable[[], object], disk: Path, *, greedy: bool = False) -> Iterator[None]:
    """Fills a disk once ``happens`` returns; if greedy, also takes all that is freed later. Empties it at the end."""
    over = threading.Event()

    def take() -> None:
        happens()
        with (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                with contextlib.suppress(OSError):
                    while filler.write(b"x" * 4096):
                        pass
                if not greedy or over.wait(0.001):
                    return

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        (disk / "filler").unlink()
