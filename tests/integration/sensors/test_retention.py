"""What months of work leave behind: ticks and printed output go after a while, events and costs never."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType

from assetgen_dagster.assets.keys import JOB_NAME, image_key
from assetgen_dagster.cli.costs import materialized_costs
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.sensors.log_retention import delete_output, log_retention
from assetgen_dagster.settings import load_settings
from assetgen_dagster.support import log
from assetgen_dagster.support.log import make_room
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.harness import both_storages, manifest_of
from tests.helpers.studio import Dagit


@pytest.fixture
def dagit(dagster_home: None, gemini: GeminiEmulator, tmp_path: Path) -> Iterator[Dagit]:
    """An instance as every command sets it up, with a project of one picture."""
    with open_instance(load_settings()) as instance:
        found = Dagit(instance, tmp_path / "workspace")
        found.write_manifest(manifest_of(1))
        yield found


def output_of(result: dg.ExecuteInProcessResult, tmp_path: Path) -> list[Path]:
    folder = tmp_path / "dagster_home" / "storage" / result.run_id
    return [path for path in folder.rglob("*.err") if path.stat().st_size]


def days_later(days: float, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + days * 86400)


@both_storages
def test_an_instance_forgets_ticks_that_did_nothing_after_two_days_and_all_others_after_a_month(dagit: Dagit) -> None:
    kept = dagit.instance.get_tick_retention_settings(InstigatorType.SENSOR)
    days = {status.value.lower(): days for status, days in kept.items()}
    assert days == {"skipped": 2, "success": 30, "failure": 30, "started": 30}


@both_storages
def test_what_a_run_printed_is_deleted_when_its_time_is_over_and_its_events_and_costs_are_kept(
    dagit: Dagit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSETGEN_LOG_DAYS", "7")
    run = dagit.materialize()
    assert run.success
    assert output_of(run, tmp_path), "the run printed its log events"
    context = dagit.sensor_context()

    days_later(6.9, monkeypatch)
    assert "of 0 runs" in str(log_retention(context))
    assert output_of(run, tmp_path)
    days_later(0.2, monkeypatch)
    capfd.readouterr()
    assert "of 1 runs" in str(log_retention(context))
    assert "of 1 runs" in capfd.readouterr().err, "it is logged, too"
    assert output_of(run, tmp_path) == []
    assert "of 0 runs" in str(log_retention(context)), "each is deleted once"
    assert "of 0 runs" not in capfd.readouterr().err
    assert materialized_costs(load_settings()) == {"poke1:vid_123": pytest.approx(dagit.total())}
    assert dagit.materializations(image_key(1))


def test_the_output_of_runs_at_work_is_let_be(dagit: Dagit) -> None:
    job = dagit.definitions.resolve_job_def(JOB_NAME)
    for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.FAILURE):
        dagit.instance.create_run_for_job(job, status=status)
    assert delete_output(dagit.instance, since=0.0, before=time.time() + 60) == 1


def test_a_log_file_that_has_become_large_is_put_aside_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_LARGE_BYTES", 3)
    file = tmp_path / "assetgen.log"
    make_room(file)
    for text in ("old", "older", "new"):
        file.write_text(text)
        make_room(file)
    assert (file.read_text(), (tmp_path / "assetgen.log.1").read_text()) == ("new", "older")
