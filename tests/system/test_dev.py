"""``make dev``: the UI's server, the daemon and the queue; a run that is launched, cancelled and launched again."""

import re
from pathlib import Path

import psutil
import pytest

from assetgen_dagster.cli.doctor import services as examined
from assetgen_dagster.cli.doctor.services import examine_services
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers import commands
from tests.helpers.dev import Dev, eventually
from tests.helpers.harness import billed, manifest_of, write_project


@pytest.mark.slow
def test_a_run_from_the_ui_is_queued_tagged_cancelled_and_resumed(
    dev: Dev, gemini: GeminiEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_project(tmp_path / "workspace", manifest_of(4))
    dev.add_partition()
    gemini.set_latency(8)
    first = dev.launch()
    gemini.wait_for(lambda calls: sum(call.in_flight for call in calls) == 4, timeout=60)
    tags = {tag["key"]: tag["value"] for tag in dev.run(first)["tags"]}
    assert (tags["channel"], tags["project"]) == ("poke1", "vid_123")
    dev.ask("mutation($id: String!) { terminateRun(runId: $id) { __typename } }", id=first)
    eventually(lambda: dev.run(first)["status"] == "CANCELED")
    assert [call.outcome for call in gemini.journal()] == ["ok"] * 4, "what was in flight was received"

    # By force it ends at once.
    gemini.set_latency(60)
    picked = dev.launch_picture("image_02")
    gemini.wait_for(lambda calls: calls[-1].in_flight, timeout=60)
    scripts = [p for p in psutil.process_iter(["cmdline"]) if str(project) in " ".join(p.info["cmdline"] or [])]
    assert len(scripts) == 1
    dev.ask(
        """mutation($id: String!) { terminateRun(runId: $id, terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) {
             __typename } }""",
        id=picked,
    )
    assert psutil.wait_procs(scripts, timeout=30)[1] == []
    assert dev.run(picked)["status"] == "CANCELED"

    gemini.set_latency(0)
    second = dev.launch()
    eventually(lambda: dev.run(second)["status"] in ("SUCCESS", "FAILURE"))
    assert dev.run(second)["status"] == "SUCCESS"
    assert len(list((project / "assets").glob("*/*.png"))) == 4
    assert len(billed(gemini.journal())) == 4

    # One picture again, alone: the sums and the sheet follow by themselves.
    dev.launch_picture("image_02")
    refreshes = dev.wait_for_runs_of("refresh_project_assets")
    assert refreshes == ["SUCCESS"]
    assert len(billed(gemini.journal())) == 5

    # A second daemon on the same instance is refused, whatever its port.
    second_dev = commands.run("dev", "--port", "0")
    assert second_dev.returncode == 1
    assert re.search(rf"process \d+, {re.escape(dev.url.removesuffix('/graphql'))}\. ", second_dev.stderr)

    # What a monitor asks: daemon and sensors are heard of, and would be missed.
    eventually(lambda: [finding.ok for finding in examine_services(load_settings(), needed=True)] == [True])
    monkeypatch.setattr(examined, "STALE_SECONDS", 0.0)
    assert [finding.ok for finding in examine_services(load_settings(), needed=False)] == [False]
