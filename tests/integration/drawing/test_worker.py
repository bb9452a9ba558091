"""The thread that draws: it ends with its run, and takes its scripts along."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import psutil
import pytest

from assetgen_dagster.drawing import worker as workers
from assetgen_dagster.drawing.worker import Worker
from assetgen_dagster.providers.cli_script import run_cli_script

SLEEPER = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])\n"


async def count(emit: Callable[[int], None], _stop: asyncio.Event) -> str:
    for number in range(3):
        emit(number)
        await asyncio.sleep(0)
    return "all told"


def test_events_arrive_in_order_and_then_the_result() -> None:
    worker = Worker(count)
    assert list(worker.events()) == [0, 1, 2]
    assert worker.result == "all told"


def test_an_error_in_the_thread_is_raised_where_the_events_are_read() -> None:
    async def fail(emit: Callable[[int], None], _stop: asyncio.Event) -> None:
        emit(1)
        raise LookupError("deep inside")

    worker = Worker(fail)
    with pytest.raises(LookupError, match="deep inside"):
        list(worker.events())


def test_leaving_the_events_early_ends_the_script_and_its_children(tmp_path: Path) -> None:
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER)
    ended = []

    async def run(emit: Callable[[int], None], _stop: asyncio.Event) -> None:
        try:
            await run_cli_script(script, [], timeout=60, started=emit)
        finally:
            ended.append(True)

    events = Worker(run).events()
    assert isinstance(events, Generator)
    process = psutil.Process(next(events))
    family = [process, *process.children(recursive=True)]
    events.close()
    assert ended == [True]
    assert psutil.wait_procs(family, timeout=5)[1] == []


async def until_stopped(emit: Callable[[str], None], stop: asyncio.Event) -> str:
    emit("begun")
    await stop.wait()
    emit("stopped")
    return "ended by itself"


async def deaf(emit: Callable[[str], None], _stop: asyncio.Event) -> str:
    emit("begun")
    await asyncio.sleep(3600)
    return "never"


def interrupted_at(worker: Worker[str, str], *events: str) -> list[str]:
    """Returns the events of a worker whose reader is interrupted after each of these."""
    found = []
    for event in worker.events():
        found.append(event)
        if event in events:
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()
    return found


def test_an_interrupt_lets_the_coroutine_end_by_itself_and_is_kept() -> None:
    worker = Worker(until_stopped, patience=60)
    assert interrupted_at(worker, "begun") == ["begun", "stopped"]
    assert worker.result == "ended by itself"
    assert isinstance(worker.interruption, KeyboardInterrupt)
    assert not worker.killed


def test_leaving_the_events_lets_the_coroutine_end_by_itself() -> None:
    worker = Worker(until_stopped, patience=60)
    events = worker.events()
    next(events)
    worker.close()
    assert worker.result == "ended by itself"


async def slow_to_end(emit: Callable[[str], None], stop: asyncio.Event) -> str:
    emit("begun")
    await stop.wait()
    emit("stopped")
    await asyncio.sleep(3600)
    return "never"


def test_a_second_interrupt_ends_the_coroutine_at_once() -> None:
    worker = Worker(slow_to_end, patience=3600)
    assert interrupted_at(worker, "begun", "stopped") == ["begun", "stopped"]
    assert worker.killed


def test_an_interrupt_while_it_is_closed_ends_the_coroutine_at_once() -> None:
    worker = Worker(deaf, patience=3600)
    events = worker.events()
    next(events)
    threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()
    worker.close()
    assert worker.killed


def test_patience_ends_and_a_run_that_was_given_up_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CHECK_SECONDS", 0.01)
    for worker in (Worker(deaf), Worker(deaf, patience=3600, given_up=lambda: True)):
        events = worker.events()
        next(events)
        worker.close()
        assert worker.killed


def test_closing_twice_or_before_the_start_does_nothing() -> None:
    worker = Worker(count)
    worker.close()
    assert list(worker.events()) == [0, 1, 2]
    worker.close()
    assert worker.result == "all told"


def test_the_script_is_started_without_a_terminal_and_in_a_group_of_its_own(tmp_path: Path) -> None:
    script = tmp_path / "who.py"
    script.write_text("import os, sys; print(os.getpgid(0) == os.getpid(), sys.stdin.read() == '')")
    output = asyncio.run(run_cli_script(script, []))
    assert output.stdout == "True True\n"


def test_undecodable_output_is_read_leniently(tmp_path: Path) -> None:
    script = tmp_path / "bytes.py"
    script.write_text("import sys; sys.stdout.buffer.write(b'caf\\xe9 ok')")
    assert asyncio.run(run_cli_script(script, [])).stdout == "caf\N{REPLACEMENT CHARACTER} ok"


def test_long_output_is_shortened_in_the_middle(tmp_path: Path) -> None:
    script = tmp_path / "long.py"
    script.write_text("print('begin' + 'x' * 500_000 + 'end')")
    output = asyncio.run(run_cli_script(script, [])).stdout
    assert output.startswith("begin")
    assert output.endswith("end\n")
    assert len(output) < 70_000


def test_three_scripts_run_beside_each_other(tmp_path: Path) -> None:
    # Each waits until all three are there: one after another they would never end.
    script = tmp_path / "meet.py"
    script.write_text(
        "import pathlib, sys, time\nhere = pathlib.Path(sys.argv[1])\n(here / sys.argv[2]).touch()\n"
        "while len(list(here.iterdir())) < 3: time.sleep(0.01)\n"
    )
    (tmp_path / "room").mkdir()

    async def all_three() -> None:
        await asyncio.gather(*(run_cli_script(script, [str(tmp_path / "room"), n], timeout=20) for n in "abc"))

    asyncio.run(all_three())


def test_the_interpreter_that_runs_us_runs_a_plain_python_file(tmp_path: Path) -> None:
    script = tmp_path / "which.py"
    script.write_text("import sys; print(sys.executable)")
    assert asyncio.run(run_cli_script(script, [])).stdout.strip() == sys.executable
