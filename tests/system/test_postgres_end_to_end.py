"""All services on PostgreSQL: a row's run is killed, and nobody has to do anything about it; the demo."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import dagster as dg
import psutil
import pytest

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.partitions import PARTITIONS
from assetgen_dagster.assets.patience import PATIENCE_SECONDS
from assetgen_dagster.cli.costs import materialized_costs
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.settings import load_settings
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.dev import running_dev
from tests.helpers.harness import billed, billed_usd, manifest_of, write_project
from tests.helpers.pipeline import FINAL, ROW
from tests.helpers.postgres import PostgresServer
from tests.system.test_postgres_sessions import looked_at


def run_processes(project: Path) -> set[psutil.Process]:
    """Returns the processes that have scripts at work on a project."""
    family = psutil.Process(os.getpid()).children(recursive=True)
    return {
        parent for process in family if str(project) in " ".join(process.cmdline()) and (parent := process.parent())
    }


@pytest.mark.slow
def test_a_killed_run_is_started_again_and_pays_for_nothing_twice(
    notion: NotionEmulator,
    gemini: GeminiEmulator,
    postgres: PostgresServer,
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", postgres_url)
    project = write_project(tmp_path / "workspace", manifest_of(4))
    gemini.set_latency(5)
    with looked_at(postgres, postgres_url) as samples, running_dev(tmp_path):
        page = notion.add_row({**ROW, "Project ID": "vid_123"})
        gemini.wait_for(lambda calls: sum(call.in_flight for call in calls) == 4, timeout=90)
        [run] = run_processes(project)
        run.kill()
        gemini.set_latency(0)
        notion.wait_for(lambda _calls: notion.row(page)["Status"] in ("Assets Ready", "Asset Error"), timeout=120)
    assert notion.row(page)["Status"] == "Assets Ready", notion.row(page)["Error Log"]
    assert len(list((project / "assets").glob("*/*.png"))) == 4
    assert len(billed(gemini.journal())) == 4
    assert notion.row(page)["Cost (USD)"] == pytest.approx(billed_usd(gemini.journal()), abs=1e-3)
    assert sum(materialized_costs(load_settings()).values()) == pytest.approx(billed_usd(gemini.journal()), abs=1e-5)
    # The daemon's, the UI's and the code server's as well as the runs'.
    sessions = [session for _, found in samples for session in found]
    print("at once:", max(len(found) for _, found in samples))
    assert max(session.transaction for session in sessions) < 1


@pytest.mark.slow
def test_a_demo_with_postgresql_is_complete_and_leaves_the_producers_runs_alone(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", postgres_url)
    with open_instance(load_settings()) as instance:
        instance.add_dynamic_partitions(PARTITIONS, ["poke1:theirs"])
    command = [sys.executable, "-m", "assetgen_dagster", "demo", "--latency", "0.2", "--folder", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "billed 44 calls" in done.stdout
    assert not list((tmp_path / "demo/dagster_home").rglob("*.db")), "its runs are in PostgreSQL"
    with open_instance(load_settings()) as instance:
        assert instance.get_dynamic_partitions(PARTITIONS) == ["poke1:theirs"]
        assert instance.get_runs_count() == 0


@pytest.mark.slow
def test_sessions_that_are_ended_again_and_again_end_no_run(
    notion: NotionEmulator,
    gemini: GeminiEmulator,
    postgres: PostgresServer,
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", postgres_url)
    write_project(tmp_path / "workspace", manifest_of(8))
    monkeypatch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "2")
    gemini.set_latency(1)
    over = threading.Event()

    def end_sessions() -> None:
        gemini.wait_for(lambda calls: calls, timeout=90)
        while not over.wait(1):
            postgres.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE starts_with(application_name, 'assetgen run')"
            )

    thread = threading.Thread(target=end_sessions)
    with running_dev(tmp_path):
        thread.start()
        page = notion.add_row({**ROW, "Project ID": "vid_123"})
        notion.wait_for(lambda _calls: notion.row(page)["Status"] in FINAL, timeout=180)
        over.set()
        thread.join()
    assert notion.row(page)["Status"] == "Assets Ready", notion.row(page)["Error Log"]
    assert len(billed(gemini.journal())) == 8
    assert run_count() == 1


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_run_whose_database_stays_away_is_retried_by_itself_once_it_is_back(
    notion: NotionEmulator,
    gemini: GeminiEmulator,
    postgres: PostgresServer,
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", postgres_url)
    write_project(tmp_path / "workspace", manifest_of(4))
    gemini.set_latency(5)
    with running_dev(tmp_path):
        page = notion.add_row({**ROW, "Project ID": "vid_123"})
        gemini.wait_for(lambda calls: sum(call.in_flight for call in calls) == 4, timeout=90)
        postgres.stop()
        time.sleep(5 + 1.5 * PATIENCE_SECONDS)
        postgres.start()
        notion.wait_for(lambda _calls: notion.row(page)["Status"] in FINAL, timeout=180)
    assert notion.row(page)["Status"] == "Assets Ready", notion.row(page)["Error Log"]
    assert len(billed(gemini.journal())) == 4
    assert run_count() == 2


def run_count() -> int:
    with open_instance(load_settings()) as instance:
        return instance.get_runs_count(dg.RunsFilter(job_name=JOB_NAME))
