"""Several projects drawn at once, each by an ``assetgen generate`` of its own: real processes against one stand-in."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness import manifest_of, write_project


def assetgen(*arguments: str) -> str:
    """Runs a command to its end and returns what it printed."""
    command = [sys.executable, "-m", "assetgen_dagster", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@contextmanager
def generating(workspace: Path, *, runs: int, pictures: int) -> Iterator[list["subprocess.Popen[str]"]]:
    """Starts the runs; what is left of them is ended afterwards."""
    started = []
    for number in range(1, runs + 1):
        write_project(workspace, manifest_of(pictures), f"poke1:vid_{number}")
        command = [sys.executable, "-m", "assetgen_dagster", "generate", "--channel", "poke1", "--project"]
        started.append(
            subprocess.Popen(
                [*command, f"vid_{number}"],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=os.environ.copy(),
            )
        )
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def finish(runs: list["subprocess.Popen[str]"], timeout: float) -> list[str]:
    """Waits for all and returns what each printed."""
    outputs = [run.communicate(timeout=timeout)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * len(runs), "\n".join(outputs)
    return outputs
