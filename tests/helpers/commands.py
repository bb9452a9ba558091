"""``assetgen`` commands as processes of their own.

Each is forked from a process that has imported everything: it starts in a tenth of the time, and is the same otherwise.
That the real command starts, and how fast, is seen wherever ``make demo``, ``assetgen dev`` or a worker is a process.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from assetgen_dagster.cli import main as cli

_CONTEXT = multiprocessing.get_context("forkserver")
#: Also what is imported only when it is needed; a name that does not exist any more would cost time, nothing else.
_PRELOADED = [
    "tests.helpers.commands",
    "assetgen_dagster.cli.generate",
    "assetgen_dagster.cli.progress",
    "dagster_postgres",
]
_PRELOADED += [
    "assetgen_dagster.cli.planning",
    "assetgen_dagster.cli.cost_report",
    "assetgen_dagster.cli.doctor.examine",
]
_PRELOADED += ["dagster._core.storage.sqlite_storage", "dagster._core.instance.ref", "alembic.command"]
_CONTEXT.set_forkserver_preload(_PRELOADED)


@dataclass(frozen=True)
class Command:
    """A command under way.

    Attributes:
        process: What carries it out.
        output: The file of what it prints.
    """

    process: ForkServerProcess
    output: Path

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def said(self) -> str:
        """What it has printed until now."""
        return self.output.read_text()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.process.kill()

    def wait(self, timeout: float) -> int:
        """Returns its exit code, negative for a signal."""
        self.process.join(timeout)
        assert self.process.exitcode is not None, f"it has not ended after {timeout:g} s:\n{self.said}"
        return self.process.exitcode


def start(
    *arguments: str,
    output: Path,
    errors: Path | None = None,
    environment: Mapping[str, str] | None = None,
    prepare: Callable[[], None] | None = None,
) -> Command:
    """Starts ``assetgen`` in this process's folder.

    Args:
        arguments: The command line.
        output: Where what it prints goes.
        errors: Where what it prints to stderr goes; to ``output``, too, when not given.
        environment: This process's own when not given.
        prepare: Called in its process before.
    """
    given = (arguments, dict(environment or os.environ), str(Path.cwd()), str(output), str(errors or output), prepare)
    process = _CONTEXT.Process(target=_assetgen, args=given)
    process.start()
    return Command(process, output)


def run(*arguments: str, timeout: float = 120, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command to its end, with these variables set besides."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        command = start(*arguments, output=output, errors=errors, environment=os.environ | environment)
        try:
            code = command.wait(timeout)
        finally:
            command.kill()
        return subprocess.CompletedProcess(arguments, code, output.read_text(), errors.read_text())


def _assetgen(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    folder: str,
    output: str,
    errors: str,
    prepare: Callable[[], None] | None,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for name, number in ((output, 1), (errors, 2)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND), number)
    sys.argv = ["assetgen", *arguments]
    if prepare is not None:
        prepare()
    cli.main()
