"""Which run asked first: what Dagster's own retries, re-executions and backfills look like, on a real instance."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import ASSETS_READY, JOB_NAME, image_key
from assetgen_dagster.assets.request import claim_request, mint_request, newest_run, request_id
from assetgen_dagster.assets.tags import COMMAND_TAG, PARTITION_TAG, REQUEST_TAG
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.drawing.plan import Mode, Request
from assetgen_dagster.run_coordinator import ProjectRunCoordinator
from assetgen_dagster.settings import load_settings
from tests.helpers.harness import both_storages

RESUME = {"dagster/is_resume_retry": "true"}
KEY = "poke1:vid_123"

FAILED, CANCELED, DONE = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS
STARTED, STARTING = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING

pytestmark = both_storages


@pytest.fixture
def instance(storage: str) -> Iterator[dg.DagsterInstance]:
    with open_instance(load_settings()) if storage == "PostgreSQL" else dg.DagsterInstance.ephemeral() as found:
        yield found


class Runs:
    """Creates runs as Dagster does.

    Args:
        instance: Of the runs.
        queued: Whether they pass the queue; else they are as a version without the tag left them.
    """

    def __init__(self, instance: dg.DagsterInstance, *, queued: bool) -> None:
        self.instance = instance
        self.job = build_definitions().resolve_job_def(JOB_NAME)
        self.queued = queued
        self._coordinator = ProjectRunCoordinator()
        self._coordinator.register_instance(instance)

    def create(
        self,
        *,
        parent: dg.DagsterRun | None = None,
        tags: Mapping[str, str] | None = None,
        status: dg.DagsterRunStatus = STARTING,  # a queued one has to come from a code location
        selection: set[dg.AssetKey] | None = None,
    ) -> dg.DagsterRun:
        run = self.instance.create_run_for_job(
            self.job,
            parent_run_id=parent.run_id if parent else None,
            root_run_id=(parent.root_run_id or parent.run_id) if parent else None,
            tags={**(parent.tags if parent else {}), PARTITION_TAG: KEY, **(tags or {})},  # Dagster copies them
            status=status,
            asset_selection=None if selection is None else frozenset(selection),
        )
        if not self.queued:
            return run
        return self._coordinator.submit_run(dg.SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]

    def claim(self, run: dg.DagsterRun) -> Request:
        """Returns the request of a run that has come to its pictures."""
        return claim_request(self.instance, run, Mode.AUTO)

    def request_id(self, run: dg.DagsterRun) -> str:
        return self.claim(run).id


@pytest.fixture(params=["queued", "of a version without the tag"])
def runs(instance: dg.DagsterInstance, request: pytest.FixtureRequest) -> Runs:
    return Runs(instance, queued=request.param == "queued")


def test_a_run_of_its_own_is_its_own_request_from_its_creation_on(runs: Runs) -> None:
    run = runs.create()
    request = runs.claim(run)
    record = runs.instance.get_run_record_by_id(run.run_id)
    assert record is not None
    assert (request.id, request.requested_at) == (run.run_id, record.create_timestamp.timestamp())
    assert request.numbers is None


def test_what_was_asked_later_is_told_by_the_order_of_runs_whatever_the_clocks_say(runs: Runs) -> None:
    first, second, third = (runs.claim(runs.create()) for _ in range(3))
    for clock in (0.0, datetime.now(UTC).timestamp() + 3600):
        assert [one.is_after(clock, second.id) for one in (first, second, third)] == [False, False, True]


def test_a_run_that_the_instance_does_not_know_has_no_order_and_clocks_decide(runs: Runs) -> None:
    request = runs.claim(runs.create())
    assert request.requested_at is not None
    for unknown in (None, "of another database"):
        assert request.is_after_run(unknown) is None
        assert request.is_after(request.requested_at - 1, unknown)
        assert not request.is_after(request.requested_at + 1, unknown)


def test_the_newest_run_of_a_project_is_not_another_projects(runs: Runs) -> None:
    assert newest_run(runs.instance, KEY) is None
    run = [runs.create() for _ in range(2)][-1]
    runs.create(tags={PARTITION_TAG: "poke1:vid_124"})
    assert newest_run(runs.instance, KEY) == run.run_id


def test_a_database_that_is_away_leaves_the_newest_run_unknown(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OSError

    runs.create()
    monkeypatch.setattr(type(runs.instance), "get_run_ids", away)
    assert newest_run(runs.instance, KEY) is None


@pytest.mark.parametrize("status", [FAILED, CANCELED])
def test_a_run_whose_parent_failed_or_was_cancelled_continues_it(runs: Runs, status: dg.DagsterRunStatus) -> None:
    parent = runs.create(status=status)
    assert runs.request_id(runs.create(parent=parent)) == parent.run_id


def test_re_executing_a_success_is_a_new_request(runs: Runs) -> None:
    again = runs.create(parent=runs.create(status=DONE))
    assert runs.request_id(again) == again.run_id


def test_re_executing_a_success_of_a_backfills_retry_is_a_new_request(runs: Runs) -> None:
    runs.create(tags={"dagster/backfill": "old"}, status=FAILED)
    retry = runs.create(tags={"dagster/backfill": "new", "dagster/parent_backfill_id": "old"}, status=DONE)
    again = runs.create(parent=retry)
    assert runs.request_id(again) == again.run_id


def test_a_chain_of_retries_goes_back_to_the_run_that_asked(runs: Runs) -> None:
    first = runs.create(status=FAILED)
    second = runs.create(parent=first, tags=RESUME, status=FAILED)
    assert runs.request_id(runs.create(parent=second, tags=RESUME)) == first.run_id


def test_the_chain_ends_at_a_re_executed_success(runs: Runs) -> None:
    again = runs.create(parent=runs.create(status=DONE), status=FAILED)
    assert runs.request_id(runs.create(parent=again, tags=RESUME)) == again.run_id


def test_a_retry_in_this_version_continues_a_chain_that_began_in_one_without_the_tag(
    instance: dg.DagsterInstance,
) -> None:
    before, now = Runs(instance, queued=False), Runs(instance, queued=True)
    first = before.create(status=FAILED)
    second = before.create(parent=first, tags=RESUME, status=FAILED)
    third = now.create(parent=second, tags=RESUME, status=FAILED)
    assert third.tags[REQUEST_TAG] == first.run_id
    assert now.request_id(now.create(parent=third)) == first.run_id


def test_a_backfill_that_retries_a_backfill_continues_its_run_of_the_same_partition(runs: Runs) -> None:
    elsewhere = {"dagster/backfill": "old", PARTITION_TAG: "poke1:other"}
    runs.create(tags=elsewhere, status=FAILED)
    first = runs.create(tags={"dagster/backfill": "old"}, status=FAILED)
    retry = runs.create(tags={"dagster/backfill": "new", "dagster/parent_backfill_id": "old"}, status=FAILED)
    again = runs.create(tags={"dagster/backfill": "newer", "dagster/parent_backfill_id": "new"})
    assert runs.request_id(retry) == runs.request_id(again) == first.run_id


@pytest.mark.parametrize("tags", [RESUME, {"dagster/parent_backfill_id": "forgotten"}])
def test_a_retry_whose_first_run_is_forgotten_has_no_time_and_so_redraws_nothing(
    runs: Runs, tags: dict[str, str]
) -> None:
    request = runs.claim(runs.create(tags=tags))
    assert request.requested_at is None
    assert not request.is_after(0.0, None)


def test_a_retry_whose_parent_was_deleted_keeps_its_request(instance: dg.DagsterInstance) -> None:
    runs = Runs(instance, queued=True)
    first = runs.create(status=FAILED)
    second = runs.create(parent=first, tags=RESUME, status=FAILED)
    instance.delete_run(second.run_id)
    third = runs.create(parent=second, tags=RESUME, status=FAILED)
    assert runs.request_id(third) == first.run_id
    instance.delete_run(first.run_id)
    forgotten = runs.claim(runs.create(parent=third, tags=RESUME))
    assert (forgotten.id, forgotten.requested_at) == (first.run_id, None)


def test_pictures_picked_by_hand_are_named_by_the_run_that_asked(runs: Runs) -> None:
    first = runs.create(selection={image_key(5), image_key(13), ASSETS_READY}, status=FAILED)
    retry = runs.create(parent=first, tags=RESUME, selection={image_key(5)})
    assert runs.claim(retry).numbers == frozenset({5, 13})


def test_a_run_repeats_the_one_before_it_that_asked_for_the_same_and_died(runs: Runs) -> None:
    first = runs.create(status=STARTED)
    second = runs.create(status=STARTED)
    assert runs.request_id(second) == first.run_id
    runs.instance.report_run_failed(first)  # seen late by a daemon; what the second did is known nevertheless
    found = runs.instance.get_run_by_id(second.run_id)
    assert found is not None
    assert request_id(runs.instance, found) == first.run_id
    assert runs.request_id(runs.create()) == first.run_id


COMMAND = {COMMAND_TAG: "generate"}


@pytest.mark.parametrize("status", [FAILED, CANCELED, STARTED, dg.DagsterRunStatus.NOT_STARTED])
def test_a_command_that_did_not_come_to_its_end_is_gone_on_with_by_the_same_one(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    runs = Runs(instance, queued=False)
    first = runs.create(tags=COMMAND, status=FAILED)
    second = runs.create(tags=COMMAND, status=status)
    assert runs.request_id(runs.create(tags=COMMAND)) == first.run_id
    instance.add_run_tags(second.run_id, {REQUEST_TAG: "minted"})
    assert runs.request_id(runs.create(tags=COMMAND)) == "minted"


def test_a_command_that_met_the_same_one_at_the_lock_is_a_request_of_its_own_once_that_one_succeeded(
    runs: Runs,
) -> None:
    first = runs.create(tags=COMMAND, status=STARTED)
    second = runs.create(tags=COMMAND, status=STARTED)
    runs.instance.report_run_failed(second)
    assert runs.request_id(runs.create(tags=COMMAND, status=FAILED)) == first.run_id
    succeeded = dg.DagsterEvent(event_type_value="PIPELINE_SUCCESS", job_name=JOB_NAME)
    runs.instance.report_dagster_event(succeeded, run_id=first.run_id)
    assert runs.request_id(runs.create(tags=COMMAND)) != first.run_id


def test_a_command_knows_its_request_before_its_run_is_stored(runs: Runs) -> None:
    def start(**config: Any) -> dg.DagsterRun:
        return dg.DagsterRun(JOB_NAME, run_config=config, tags={PARTITION_TAG: KEY, **COMMAND})

    own = start()
    assert mint_request(runs.instance, own) == own.run_id
    first = runs.create(tags=COMMAND, status=FAILED, selection=set())  # as a run in this process is stored
    assert mint_request(runs.instance, start()) == first.run_id
    other = start(ops={"images": {"config": {"mode": "regenerate"}}})
    assert mint_request(runs.instance, other) == other.run_id


def test_a_command_after_one_that_ended_well_another_or_a_re_execution_is_a_new_request(runs: Runs) -> None:
    done = runs.create(tags=COMMAND, status=DONE)
    failed = runs.create(tags=COMMAND, status=FAILED)
    for tags, parent in (({COMMAND_TAG: "redraw"}, None), ({}, None), (COMMAND, done)):
        own = runs.create(tags=tags, parent=parent, status=DONE)
        assert runs.request_id(own) == own.run_id
    assert failed.run_id != runs.request_id(runs.create(tags=COMMAND)), "others came in between"


def test_a_run_does_not_repeat_one_that_ended_asked_for_something_else_or_was_on_another_partition(runs: Runs) -> None:
    runs.create(status=STARTED)
    for status in (DONE, FAILED, CANCELED):
        runs.create(status=status)
        own = runs.create()
        assert runs.request_id(own) == own.run_id
    runs.create(status=STARTED, selection={image_key(1)})
    own = runs.create()
    assert runs.request_id(own) == own.run_id
    other = runs.create(tags={PARTITION_TAG: "poke1:vid_124"})
    assert runs.request_id(other) == other.run_id
