"""``make dev``: the UI's server, the daemon and the queue; a run that is launched, cancelled and launched again."""

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
from pathlib import Path
from typing import Any

import psutil
import pytest

from assetgen_dagster.standins.gemini import GeminiStandIn
from assetgen_dagster.story.source import MANIFEST_FILE
from tests.harness import billed, manifest_of

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

    def launch(self) -> str:
        done = self.ask(
            """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
                 __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }""",
            p={
                "selector": {**LOCATION, "jobName": "generate_project_assets"},
                "runConfigData": {},
                "executionMetadata": {"tags": [{"key": "dagster/partition", "value": KEY}]},
            },
        )["launchRun"]
        assert done["__typename"] == "LaunchRunSuccess", done
        return str(done["run"]["runId"])

    def run(self, run_id: str) -> dict[str, Any]:
        query = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }"
        return dict(self.ask(query, id=run_id)["runOrError"])

    def runs(self) -> list[dict[str, Any]]:
        return list(
            self.ask("{ runsOrError { ... on Runs { results { jobName status } } } }")["runsOrError"]["results"]
        )


def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    """Asks again and again: Dagster tells nobody when a run's state changes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.2)


@pytest.fixture
def dev(gemini: GeminiStandIn, tmp_path: Path) -> Iterator[Dev]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path / "dev.log").open("w")
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


def test_a_run_from_the_ui_is_queued_tagged_cancelled_with_its_scripts_and_resumed(
    dev: Dev, gemini: GeminiStandIn, tmp_path: Path
) -> None:
    project = tmp_path / "workspace/channels/poke1/projects/vid_123"
    project.mkdir(parents=True)
    content = manifest_of(4).model_dump(mode="json", include={"global_atmosphere", "assets"})
    (project / MANIFEST_FILE).write_text(json.dumps(content))
    dev.ask(
        """mutation($r: RepositorySelector!, $k: String!) { addDynamicPartition(
             repositorySelector: $r, partitionsDefName: "projects", partitionKey: $k) { __typename } }""",
        r=LOCATION,
        k=KEY,
    )
    gemini.set_latency(60)
    first = dev.launch()
    gemini.wait_for(lambda calls: sum(call.in_flight for call in calls) == 4, timeout=60)
    tags = {tag["key"]: tag["value"] for tag in dev.run(first)["tags"]}
    assert (tags["channel"], tags["project"]) == ("poke1", "vid_123")
    scripts = [p for p in psutil.process_iter(["cmdline"]) if str(project) in " ".join(p.info["cmdline"] or [])]
    assert len(scripts) == 4

    dev.ask("mutation($id: String!) { terminateRun(runId: $id) { __typename } }", id=first)
    eventually(lambda: dev.run(first)["status"] == "CANCELED")
    assert psutil.wait_procs(scripts, timeout=10)[1] == []

    gemini.set_latency(0)
    second = dev.launch()
    eventually(lambda: dev.run(second)["status"] in ("SUCCESS", "FAILURE"))
    assert dev.run(second)["status"] == "SUCCESS"
    assert len(list((project / "assets").glob("*/*.png"))) == 4
    assert len(billed(gemini.journal())) == 4

    # One picture again, alone: the sums and the sheet follow by themselves.
    done = dev.ask(
        """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
             __typename ... on LaunchRunSuccess { run { runId } } } }""",
        p={
            "selector": {**LOCATION, "jobName": "__ASSET_JOB", "assetSelection": [{"path": ["image_02"]}]},
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": KEY}]},
        },
    )["launchRun"]
    assert done["__typename"] == "LaunchRunSuccess"
    eventually(
        lambda: [run["status"] for run in dev.runs() if run["jobName"] == "refresh_project_assets"] == ["SUCCESS"]
    )
    assert len(billed(gemini.journal())) == 5
