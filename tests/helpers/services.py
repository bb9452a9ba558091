"""Services to be killed: their processes, told apart by what they do, and started again as a supervisor would.

They are known by a variable in their environment, also those whose parents are dead.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
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
    DEV = "assetgen dev"
    HELPER = "helper"


#: What outlives its services: runs, and what belongs to them.
RUNS = frozenset({Kind.SCRIPT, Kind.RUN, Kind.HELPER})
SERVICES = frozenset(Kind) - RUNS

_SIGNS = {  # in command lines; runs are processes that the code server has spawned
    Kind.SCRIPT: ("generate_asset.py",),
    Kind.RUN: ("multiprocessing.spawn",),
    Kind.CODE: ("code-server start", "dagster api grpc"),
    Kind.DAEMON: ("dagster._daemon", "dagster-daemon"),
    Kind.WEBSERVER: ("assetgen webserver", "assetgen_dagster webserver"),
    Kind.DEV: ("assetgen_dagster dev",),
}


def kind_of(process: psutil.Process) -> Kind:
    """Returns what a process is there for.

    Raises:
        psutil.Error: It has just ended.
    """
    words = " ".join(process.cmdline())
    return next((kind for kind, signs in _SIGNS.items() if any(sign in words for sign in signs)), Kind.HELPER)


class Services:
    """Services that are killed and started again; what they leave behind is found.

    Args:
        folder: For the logs.
        commands: What to run, by name; ``assetgen dev`` on a free port unless given.
        environment: Variables of all services, besides this process's own.
    """

    def __init__(
        self,
        folder: Path,
        commands: Mapping[str, list[str]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._commands = commands or {"dev": [sys.executable, "-m", "assetgen_dagster", "dev", "--port", "0"]}
        self._mark = {_MARK: str(folder)}
        self._environment = environment or {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.starts = 0

    def start(self) -> None:
        """Starts what is not running."""
        for name, command in self._commands.items():
            if name in self._running and self._running[name].poll() is None:
                continue
            self.starts += 1
            with (self._folder / f"{name}{self.starts}.log").open("w") as log:
                environment = os.environ | self._mark | dict(self._environment)
                self._running[name] = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def stop(self) -> None:
        """Ends the services as Ctrl-C does."""
        for process in self._running.values():
            process.send_signal(signal.SIGINT)
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)

    def kill(self, kinds: frozenset[Kind] = SERVICES) -> None:
        """Ends the processes of these kinds at once; runs live on unless named, as they do when the services die."""
        victims = [process for process, kind in self.processes() if kind in kinds]
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        psutil.wait_procs(victims, timeout=30)

    def processes(self) -> Iterator[tuple[psutil.Process, Kind]]:
        """Yields all processes that are at work."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                ours = self._mark.items() <= process.environ().items()
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    yield process, kind_of(process)
