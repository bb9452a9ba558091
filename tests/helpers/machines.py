"""Several machines on this one: Redis, and workers that are process trees of their own."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.helpers.dev import free_port

PASSWORD = "only-for-tests"


class Redis:
    """A broker as ``deploy/celery`` has it: asks for a password, and writes what it was told to a file.

    Attributes:
        url: Its address; the same after a restart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Starts it, and returns when it takes connections."""
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        options += ["--requirepass", PASSWORD, "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(["redis-server", *options], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "redis.log").read_text()
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.05)

    def _answers(self) -> bool:
        import redis

        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def waiting(self) -> int:
        """Returns how many runs wait for a worker."""
        import redis

        with redis.Redis.from_url(self.url) as client:
            return sum(int(client.llen(name)) for name in client.keys("dagster*"))

    def forget(self) -> None:
        """Loses everything, as a broker without a disk does when it restarts."""
        import redis

        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def stop(self) -> None:
        """Ends it as a restart of its machine would."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None


@contextlib.contextmanager
def running_redis(folder: Path) -> Iterator[Redis]:
    folder.mkdir()
    redis = Redis(folder)
    try:
        redis.start()
        yield redis
    finally:
        redis.stop()


class Machine:
    """A worker with everything below it.

    Args:
        name: What it is called.
        folder: Its ``DAGSTER_HOME`` and its log.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        folder.mkdir()
        self.log = folder / "worker.log"
        environment = {**os.environ, "DAGSTER_HOME": str(folder / "dagster_home")}
        command = [sys.executable, "-m", "assetgen_dagster", "worker", "--slots", "2", "--name", name]
        with self.log.open("w") as log:
            self._process = psutil.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def ready(self) -> bool:
        assert self._process.is_running(), self.log.read_text()
        return f"{self.name}@{socket.gethostname()} ready." in self.log.read_text()

    def works_on(self, project: Path) -> bool:
        """Whether a script of this machine is drawing for a project."""
        return any(str(project) in " ".join(words) for words in self._command_lines())

    def _command_lines(self) -> Iterator[list[str]]:
        for process in self._process.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                yield process.cmdline()

    def memory(self) -> str:
        """Returns how many MB its processes hold alone, largest first."""
        held = []
        for process in [self._process, *self._process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                held.append(process.memory_full_info().uss >> 20)
        return ", ".join(map(str, sorted(held, reverse=True)))

    def lose_power(self) -> None:
        """Ends every process of it at once."""
        family = [self._process, *self._process.children(recursive=True)]
        for process in family:  # stopped first, so that none sees another one die
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGSTOP)
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(family, timeout=30)

    def stop(self) -> None:
        """Ends it as an operator does: what is at work is finished first, unless that takes too long."""
        if self._process.is_running():
            self._process.terminate()
            if psutil.wait_procs([self._process], timeout=30)[1]:
                self.lose_power()


@contextlib.contextmanager
def running_machine(name: str, folder: Path) -> Iterator[Machine]:
    machine = Machine(name, folder / name)
    try:
        yield machine
    finally:
        machine.stop()


#: Marks tests that need what only ``make deploy-test`` installs, and Redis.
on_several_machines = [
    pytest.mark.deploy,
    pytest.mark.timeout(420),
    pytest.mark.skipif(
        shutil.which("redis-server") is None,
        reason="redis-server is not installed (Debian: apt-get install redis-server)",
    ),
    pytest.mark.skipif(
        importlib.util.find_spec("dagster_celery") is None, reason="run by make deploy-test, which installs Celery"
    ),
]
