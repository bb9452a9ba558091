"""The launcher against a real broker: what is handed over, and what a broker that is away or forgets comes to."""

import time
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.launcher import LaunchRunContext

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.cli.doctor.finding import Finding
from assetgen_dagster.cli.doctor.workers import examine_workers
from assetgen_dagster.definitions import defs
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.launchers.celery.claim import claim
from assetgen_dagster.launchers.celery.starting import monitor_starting_runs
from assetgen_dagster.settings import PROJECT_ROOT, load_settings
from tests.helpers.machines import PASSWORD, Redis, on_several_machines
from tests.helpers.postgres import PostgresServer

pytestmark = on_several_machines


def told(findings: list[Finding]) -> list[tuple[bool, str]]:
    return [(one.ok, one.detail) for one in findings]


def test_doctor_tells_a_broker_that_is_away_and_that_no_worker_is_there(redis: Redis) -> None:
    [(fine, said)] = told(examine_workers(redis.url, needed=False))
    assert fine
    assert "no worker does" in said
    [(fine, _)] = told(examine_workers(redis.url, needed=True))
    assert not fine
    redis.stop()
    [(fine, said)] = told(examine_workers(redis.url, needed=False))
    assert not fine
    assert "cannot be used" in said
    assert PASSWORD not in said


@pytest.fixture
def instance(redis: Redis) -> Iterator[dg.DagsterInstance]:
    with open_instance(load_settings()) as found:
        yield found


def starting_run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """Returns a run that Dagster has taken from its queue."""
    code = ReconstructableRepository.for_module("assetgen_dagster.definitions", "defs", str(PROJECT_ROOT))
    run = instance.create_run_for_job(
        defs.resolve_job_def(JOB_NAME),
        status=dg.DagsterRunStatus.NOT_STARTED,
        job_code_origin=code.get_reconstructable_job(JOB_NAME).get_python_origin(),
    )
    instance.report_dagster_event(
        dg.DagsterEvent(event_type_value=dg.DagsterEventType.PIPELINE_STARTING.value, job_name=JOB_NAME), run.run_id
    )
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found


def test_a_run_is_handed_over_and_again_when_the_broker_forgot_it(
    redis: Redis, instance: dg.DagsterInstance, postgres_url: str
) -> None:
    run = starting_run(instance)
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    assert redis.waiting() == 1
    redis.forget()
    since = monitor_starting_runs(instance, postgres_url, {})
    assert redis.waiting() == 0  # it has been on its way for a moment only
    monitor_starting_runs(instance, postgres_url, dict.fromkeys(since, 0.0))
    assert redis.waiting() == 1


def test_a_broker_that_is_away_keeps_the_queue_waiting_for_a_moment_and_gets_the_run_when_it_is_back(
    redis: Redis, instance: dg.DagsterInstance, postgres_url: str
) -> None:
    run = starting_run(instance)
    redis.stop()
    begun = time.monotonic()
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    assert time.monotonic() - begun < 20, "the daemon would count as dead"
    told = [entry.message for entry in instance.all_logs(run.run_id) if "broker" in entry.message]
    assert len(told) == 1
    assert "ASSETGEN_BROKER_URL" in told[0]
    assert PASSWORD not in told[0]
    redis.start()
    monitor_starting_runs(instance, postgres_url, {run.run_id: 0.0})
    assert redis.waiting() == 1


def test_a_run_whose_worker_died_before_it_began_fails_and_is_not_handed_over(
    redis: Redis, instance: dg.DagsterInstance, postgres: PostgresServer, postgres_url: str
) -> None:
    run = starting_run(instance)
    claim(postgres_url, run.run_id)
    statement = "UPDATE assetgen_claims SET claimed_at = claimed_at - interval '10 minutes'"
    postgres.query_in(postgres_url, statement)
    monitor_starting_runs(instance, postgres_url, {run.run_id: 0.0})
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE
    assert redis.waiting() == 0


def test_a_broker_that_is_away_is_told_and_fails_no_run(
    redis: Redis, instance: dg.DagsterInstance, postgres_url: str
) -> None:
    run = starting_run(instance)
    redis.stop()
    with pytest.raises(AssetgenError, match="ASSETGEN_BROKER_URL"):
        monitor_starting_runs(instance, postgres_url, {run.run_id: 0.0})
    still = instance.get_run_by_id(run.run_id)
    assert still is not None
    assert still.status is dg.DagsterRunStatus.STARTING


def test_a_cancelled_run_is_asked_to_end_through_its_status(redis: Redis, instance: dg.DagsterInstance) -> None:
    run = starting_run(instance)
    redis.stop()
    assert instance.run_launcher.terminate(run.run_id)
    asked = instance.get_run_by_id(run.run_id)
    assert asked is not None
    assert asked.status is dg.DagsterRunStatus.CANCELING
