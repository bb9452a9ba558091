"""``assetgen dev`` as a process, spoken to as the browser does."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

KEY = "poke1:vid_123"
LOCATION = {"repositoryName": "__repository__", "repositoryLocationName": "assetgen_dagster"}


class Dev:
    """The UI's GraphQL interface."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self.url, data=body, headers={"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = json.load(answer)
        assert "errors" not in content, content
        return dict(content["data"])

    def ready(self) -> bool:
        try:
            found = self.ask("{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }")
        except (OSError, urllib.error.URLError):
            return False
        entries = found["workspaceOrError"].get("locationEntries", [])
        return [entry["loadStatus"] for entry in entries] == ["LOADED"]

    def add_partition(self, key: str = KEY) -> None:
        self.ask(
            """mutation($r: RepositorySelector!, $k: String!) { addDynamicPartition(
                 repositorySelector: $r, partitionsDefName: "projects", partitionKey: $k) { __typename } }""",
            r=LOCATION,
            k=key,
        )

    def launch(self, key: str = KEY) -> str:
        return self._launch(key, {"jobName": "generate_project_assets"})

    def launch_picture(self, name: str, key: str = KEY) -> str:
        """Materializes one picture alone."""
        return self._launch(key, {"jobName": "__ASSET_JOB", "assetSelection": [{"path": [name]}]})

    def _launch(self, key: str, what: dict[str, Any]) -> str:
        done = self.ask(
            """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
                 __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }""",
            p={
                "selector": {**LOCATION, **what},
                "runConfigData": {},
                "executionMetadata": {"tags": [{"key": "dagster/partition", "value": key}]},
            },
        )["launchRun"]
        assert done["__typename"] == "LaunchRunSuccess", done
        return str(done["run"]["runId"])

    def run(self, run_id: str) -> dict[str, Any]:
        query = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }"
        return dict(self.ask(query, id=run_id)["runOrError"])

    def wait_for(self, run_id: str, seconds: float = 240) -> str:
        """Returns how a run ended."""
        eventually(lambda: self.run(run_id)["status"] in ("SUCCESS", "FAILURE", "CANCELED"), seconds)
        return str(self.run(run_id)["status"])

    def runs(self) -> list[dict[str, Any]]:
        return list(
            self.ask("{ runsOrError { ... on Runs { results { jobName status } } } }")["runsOrError"]["results"]
        )

    def wait_for_runs_of(self, job: str, seconds: float = 60) -> list[str]:
        """Returns how the runs of a job ended, once there are some and all have ended."""

        def found() -> list[str]:
            return [run["status"] for run in self.runs() if run["jobName"] == job]

        eventually(lambda: found() and set(found()) <= {"SUCCESS", "FAILURE", "CANCELED"}, seconds)
        return found()


def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    """Asks again and again: Dagster tells nobody when a run's state changes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.2)


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running_dev(folder: Path) -> Iterator[Dev]:
    """Runs everything of ours: UI, daemon, code location; its log goes to ``folder``."""
    port = free_port()
    log = (folder / "dev.log").open("w")
    command = [sys.executable, "-m", "assetgen_dagster", "dev", "--port", str(port)]
    process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ.copy())
    try:
        found = Dev(port)
        eventually(found.ready)
        yield found
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
        for left in psutil.wait_procs(family, timeout=10)[1]:
            left.kill()
