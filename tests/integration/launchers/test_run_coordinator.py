"""The run queue: which tags a run has in it, and who goes first."""

from collections.abc import Mapping

import dagster as dg
import pytest

from assetgen_dagster.run_coordinator import ProjectRunCoordinator

PARTITION = {"dagster/partition": "poke1:vid_123"}
SENSOR = {"dagster/sensor_name": "notion_tasks"}


@dg.job
def job() -> None:
    """Stands for any."""


def submit(instance: dg.DagsterInstance, tags: Mapping[str, str], parent_run_id: str | None = None) -> dg.DagsterRun:
    """Returns a run as it is after the queue took it."""
    run = instance.create_run_for_job(
        job,
        tags=tags,
        parent_run_id=parent_run_id,
        root_run_id=parent_run_id,
        status=dg.DagsterRunStatus.STARTED,  # here is no code location that a queued one could come from
    )
    coordinator = ProjectRunCoordinator()
    coordinator.register_instance(instance)
    return coordinator.submit_run(dg.SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]


def queue(instance: dg.DagsterInstance) -> list[str]:
    """Returns the queued runs' ids in the daemon's order: the highest priority first, then the oldest."""
    runs = [record.dagster_run for record in instance.get_run_records(ascending=True)]
    runs.sort(key=lambda run: int(run.tags.get("dagster/priority", "0")), reverse=True)
    return [run.run_id for run in runs]


def test_a_run_that_a_person_asks_for_goes_before_those_of_sensors_and_backfills(instance: dg.DagsterInstance) -> None:
    sensors = submit(instance, PARTITION | SENSOR)
    backfills = submit(instance, PARTITION | {"dagster/backfill": "abcdefgh"})
    by_hand = submit(instance, PARTITION)
    assert queue(instance) == [by_hand.run_id, sensors.run_id, backfills.run_id]


@pytest.mark.parametrize(("more", "priority"), [({}, "1"), ({"dagster/retry_number": "1"}, None)])
def test_a_sensors_run_goes_first_when_a_person_executes_it_again_but_not_when_dagster_does(
    instance: dg.DagsterInstance, more: dict[str, str], priority: str | None
) -> None:
    parent = submit(instance, PARTITION | SENSOR)
    again = submit(instance, PARTITION | SENSOR | more, parent_run_id=parent.run_id)
    assert again.tags.get("dagster/priority") == priority


def test_a_retry_by_dagster_of_a_run_without_priority_has_none(instance: dg.DagsterInstance) -> None:
    parent = submit(instance, PARTITION | {"dagster/backfill": "abcdefgh"})
    again = submit(instance, PARTITION | {"dagster/retry_number": "1"}, parent_run_id=parent.run_id)
    assert "dagster/priority" not in again.tags


def test_a_priority_that_a_run_was_given_stays(instance: dg.DagsterInstance) -> None:
    assert submit(instance, PARTITION | {"dagster/priority": "-3"}).tags["dagster/priority"] == "-3"


def test_only_tags_that_differ_are_written(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Mapping[str, str]] = []
    monkeypatch.setattr(type(instance), "add_run_tags", lambda _self, _run_id, tags: written.append(tags))
    run = submit(instance, PARTITION | SENSOR | {"channel": "poke1", "notion_reported": "Assets Ready"})
    retry = {"dagster/is_resume_retry": "true", "request": "first"}
    submit(instance, PARTITION | SENSOR | retry | {"channel": "poke1", "project": "vid_123", "notion_reported": ""})
    assert written == [{"project": "vid_123", "notion_reported": "", "request": run.run_id}]


def test_a_run_of_another_workspaces_partition_gets_no_tags_of_ours(instance: dg.DagsterInstance) -> None:
    assert not {"channel", "project", "request"} & submit(instance, {"dagster/partition": "2026-01-01"}).tags.keys()


def test_a_retry_has_the_request_of_the_run_that_it_retries_and_a_new_run_its_own(instance: dg.DagsterInstance) -> None:
    first = submit(instance, PARTITION)
    assert first.tags["request"] == first.run_id
    instance.report_run_failed(first)
    retry = submit(instance, first.tags, parent_run_id=first.run_id)
    assert retry.tags["request"] == first.run_id
    instance.report_dagster_event(dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, "job"), retry.run_id)
    again = submit(instance, retry.tags, parent_run_id=retry.run_id)
    assert again.tags["request"] == again.run_id, "not the one that Dagster copied"
