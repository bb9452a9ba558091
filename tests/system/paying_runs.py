"""Several projects drawn at once against one emulator, each by an ``assetgen generate`` in a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers import commands
from tests.helpers.commands import Command
from tests.helpers.harness import manifest_of, write_project


def assetgen(*arguments: str) -> str:
    """Runs a command to its end and returns what it printed."""
    done = commands.run(*arguments, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def generating(workspace: Path, *, runs: int, pictures: int) -> Iterator[list[Command]]:
    """Starts the runs; what is left of them is ended afterwards."""
    started = []
    for number in range(1, runs + 1):
        write_project(workspace, manifest_of(pictures), f"poke1:vid_{number}")
        arguments = ("generate", "--channel", "poke1", "--project", f"vid_{number}")
        started.append(commands.start(*arguments, output=workspace / f"output_{number}.txt"))
    try:
        yield started
    finally:
        for command in started:
            command.kill()


def finish(runs: list[Command], timeout: float) -> list[str]:
    """Waits for all and returns what each printed."""
    codes = [run.wait(timeout) for run in runs]
    outputs = [run.said for run in runs]
    assert codes == [0] * len(runs), "\n".join(outputs)
    return outputs
