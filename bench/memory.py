"""Whether daemon and code server grow, tick by tick: the real ones, made to look without a pause."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psutil
import yaml

from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.settings import PROJECT_ROOT, load_settings
from bench.many import a_board, an_instance, grow

LIMIT_MB = 10.0

_WAITING = 30
_LOOK_SECONDS = 1.0


def measure(first: int, last: int) -> bool:
    """Prints the resident memory at two ticks of ``notion_tasks``; returns whether neither process grew too much."""
    with tempfile.TemporaryDirectory() as temporary, a_board(waiting=_WAITING, asking=0) as pages:
        environment = an_instance(Path(temporary))
        grow(environment, 0, _WAITING, pages)
        _leave_alone(Path(environment["DAGSTER_HOME"]) / "dagster.yaml")
        os.environ |= environment
        with open_instance(load_settings()) as instance, _services(Path(temporary)) as services:
            begun = time.monotonic()
            found = []
            for tick in (first, last):
                _wait_for(instance, services, tick)
                found.append({name: one.memory_info().rss / 1e6 for name, one in services.items()})
                print(f"tick {tick}, after {time.monotonic() - begun:.0f} s:", flush=True)
                for name, size in found[-1].items():
                    print(f"  {name:12} {size:7.1f} MB", flush=True)
    grown = {name: size - found[0][name] for name, size in found[1].items()}
    for name, size in grown.items():
        print(f"{name}: {size:+.1f} MB from tick {first} to tick {last} (limit {LIMIT_MB:g})")
    return max(grown.values()) <= LIMIT_MB


def _leave_alone(configuration: Path) -> None:
    """Lets the runs that wait do so: nothing will ever start them."""
    found = yaml.safe_load(configuration.read_text())
    configuration.write_text(yaml.safe_dump(found | {"run_monitoring": {"enabled": False}}))


@contextmanager
def _services(folder: Path) -> Iterator[dict[str, psutil.Process]]:
    """Runs code server and daemon, the former for as long as the latter, as in a deployment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = {"host": "127.0.0.1", "port": port, "location_name": "assetgen_dagster"}
    workspace = folder / "workspace.yaml"
    workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    address = ["--host", "127.0.0.1", "--port", str(port)]
    commands = {
        "code server": ["dagster", "api", "grpc", "--module-name", "bench.quick_definitions", *address],
        "daemon": ["bench.quick_daemon", "run", "--workspace", str(workspace)],
    }
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(_running(command, folder / f"{name}.log")) for name, command in commands.items()
        }


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[psutil.Process]:
    with log.open("w") as output:
        line = [sys.executable, "-m", *command]
        process = subprocess.Popen(line, stdout=output, stderr=output, cwd=PROJECT_ROOT, start_new_session=True)
    family = [psutil.Process(process.pid)]
    try:
        yield family[0]
    finally:
        with contextlib.suppress(psutil.Error):
            family += family[0].children(recursive=True)
        process.terminate()
        for left in psutil.wait_procs(family, timeout=20)[1]:
            left.kill()


def _wait_for(instance: dg.DagsterInstance, services: dict[str, psutil.Process], tick: int) -> None:
    while _ticks(instance) < tick:
        if ended := [name for name, one in services.items() if one.status() == psutil.STATUS_ZOMBIE]:
            sys.exit(f"the {ended[0]} ended")
        time.sleep(_LOOK_SECONDS)


def _ticks(instance: dg.DagsterInstance) -> int:
    for state in instance.all_instigator_state():
        if state.instigator_name == "notion_tasks":
            ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
            if failed := next((tick.error for tick in ticks if tick.error), None):
                sys.exit(f"a tick failed: {failed.message}")
            return len(ticks)
    return 0
