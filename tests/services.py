"""``assetgen dev`` to be killed: its processes, told apart by what they do, and started again as a supervisor would.

Its processes are known by a variable in their environment, also those whose parents are dead.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import psutil

_MARK = "STARTED_BY_THESE_SERVICES"


class Kind(StrEnum):
    """What a process is there for."""

    SCRIPT = "script"
    RUN = "run"
    CODE = "code server"
    DAEMON = "daemon"
    WEBSERVER = "webserver"
    DEV = "dagster dev"
    HELPER = "helper"


#: What outlives its services: runs, and what belongs to them.
RUNS = frozenset({Kind.SCRIPT, Kind.RUN, Kind.HELPER})
SERVICES = frozenset(Kind) - RUNS

_SIGNS = {  # in command lines; runs are processes that the code server has spawned
    Kind.SCRIPT: ("generate_asset.py",),
    Kind.RUN: ("multiprocessing.spawn",),
    Kind.CODE: ("code-server start", "dagster api grpc"),
    Kind.DAEMON: ("dagster._daemon",),
    Kind.WEBSERVER: ("dagster_webserver",),
    Kind.DEV: ("dagster dev", "assetgen_dagster dev"),
}


def kind_of(process: psutil.Process) -> Kind:
    """Returns what a process is there for.

    Raises:
        psutil.Error: It has just ended.
    """
    words = " ".join(process.cmdline())
    return next((kind for kind, signs in _SIGNS.items() if any(sign in words for sign in signs)), Kind.HELPER)


class Services:
    """``assetgen dev``, started and killed again and again; what it leaves behind is found.

    Args:
        folder: For the logs.
        port: The UI's; 0 takes a free one.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._folder = folder
        self._port = port
        self._mark = {_MARK: str(folder)}
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> None:
        self.starts += 1
        with (self._folder / f"dev{self.starts}.log").open("w") as log:
            command = [sys.executable, "-m", "assetgen_dagster", "dev", "--port", str(self._port)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | self._mark)

    @property
    def up(self) -> bool:
        """Whether the process that started the services is there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ends the services as Ctrl-C does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(60)

    def kill(self, kinds: frozenset[Kind] = SERVICES) -> None:
        """Ends the processes of these kinds at once; runs live on unless named, as they do when the services die."""
        victims = [process for process, kind in self.processes() if kind in kinds]
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        psutil.wait_procs(victims, timeout=30)
        if self._process is not None:
            self._process.wait(30)

    def processes(self) -> Iterator[tuple[psutil.Process, Kind]]:
        """Yields all processes that are at work."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                ours = self._mark.items() <= process.environ().items()
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    yield process, kind_of(process)
