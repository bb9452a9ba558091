"""The services of ``deploy/compose/compose.yaml``, run as that file says, without Docker: same commands, same order.

Only addresses differ: ports are free ones, and the code server is on this machine instead of in a container.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from assetgen_dagster.settings import PROJECT_ROOT
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.dev import Dev, eventually, free_port
from tests.helpers.harness import billed, manifest_of, write_project

FILE = PROJECT_ROOT / "deploy/compose/compose.yaml"

#: The dependencies of a service come before it.
ORDER = ("code", "webserver", "daemon")


@contextlib.contextmanager
def running(name: str, replaced: dict[str, str], folder: Path) -> Iterator[psutil.Process]:
    """Runs a service, and yields its process when its own health check is content."""
    service = yaml.safe_load(FILE.read_text())["services"][name]
    environment = {**os.environ, **{key: value for key, value in replaced.items() if key in service["environment"]}}
    environment["DAGSTER_HOME"] = replaced["DAGSTER_HOME"]
    environment["HOME"] = "/proc"  # as in the container, nothing can be written there

    def command(words: list[str]) -> list[str]:
        for old, new in replaced.items():
            words = [word.replace(old, new) for word in words]
        return [str(Path(sys.executable).with_name(words[0])), *words[1:]]

    with (folder / f"{name}.log").open("w") as log:
        process = psutil.Popen(command(service["command"]), env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        kind, *check = service["healthcheck"]["test"]
        assert kind == "CMD"
        asked = command(check)
        eventually(
            lambda: subprocess.run(asked, env=environment, capture_output=True, check=False).returncode == 0, 120
        )
        yield process
    finally:
        family = process.children(recursive=True)
        process.terminate()
        for left in psutil.wait_procs([process, *family], timeout=20)[1]:
            left.kill()


def memory(process: psutil.Process) -> str:
    family = [process, *process.children(recursive=True)]
    return ", ".join(f"{one.memory_info().rss >> 20}" for one in family)


@pytest.mark.slow
def test_the_services_start_in_order_and_draw(
    gemini: GeminiEmulator, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "dagster_home"
    home.mkdir()
    shutil.copy(PROJECT_ROOT / "deploy/dagster-postgres.yaml", home / "dagster.yaml")
    code, ui = str(free_port()), str(free_port())
    workspace = (FILE.parent / "workspace.yaml").read_text()
    (tmp_path / "workspace.yaml").write_text(workspace.replace("host: code", "host: 127.0.0.1").replace("4000", code))
    replaced = {
        "ASSETGEN_POSTGRES_URL": postgres_url,
        "DAGSTER_HOME": str(home),
        "deploy/compose/workspace.yaml": str(tmp_path / "workspace.yaml"),
        "0.0.0.0": "127.0.0.1",
        "4000": code,
        "3000": ui,
    }
    write_project(tmp_path / "workspace", manifest_of(4))
    monkeypatch.delenv("DAGSTER_HOME")
    with contextlib.ExitStack() as stack:
        processes = {name: stack.enter_context(running(name, replaced, tmp_path)) for name in ORDER}
        services = Dev(int(ui))
        eventually(services.ready)
        services.add_partition()
        run_id = services.launch()
        ended = services.wait_for(run_id, 120)
        for name, process in processes.items():
            print(f"{name}: {memory(process)} MB")
        assert ended == "SUCCESS"
    assert len(billed(gemini.journal())) == 4
