"""Which run asked first: what Dagster's own retries, re-executions and backfills look like, on a real instance."""

from collections.abc import Iterator

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import ASSETS_READY, JOB_NAME, image_key
from assetgen_dagster.assets.projects import COMMAND_TAG
from assetgen_dagster.assets.request import read_request
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.drawing.plan import Mode, starts_new_round
from assetgen_dagster.project.records import Round
from assetgen_dagster.settings import load_settings
from tests.helpers.harness import both_storages

RESUME = {"dagster/is_resume_retry": "true"}


pytestmark = both_storages


@pytest.fixture
def instance(storage: str) -> Iterator[dg.DagsterInstance]:
    with open_instance(load_settings()) if storage == "PostgreSQL" else dg.DagsterInstance.ephemeral() as found:
        yield found


class Runs:
    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.job = build_definitions().resolve_job_def(JOB_NAME)

    def create(
        self,
        *,
        parent: dg.DagsterRun | None = None,
        tags: dict[str, str] | None = None,
        status: dg.DagsterRunStatus = dg.DagsterRunStatus.NOT_STARTED,
        selection: set[dg.AssetKey] | None = None,
    ) -> dg.DagsterRun:
        return self.instance.create_run_for_job(
            self.job,
            parent_run_id=parent.run_id if parent else None,
            root_run_id=(parent.root_run_id or parent.run_id) if parent else None,
            tags={"dagster/partition": "poke1:vid_123", **(tags or {})},
            status=status,
            asset_selection=frozenset(selection) if selection else None,
        )

    def request_id(self, run: dg.DagsterRun) -> str:
        return read_request(self.instance, run, mode=Mode.AUTO).id


@pytest.fixture
def runs(instance: dg.DagsterInstance) -> Runs:
    return Runs(instance)


FAILED, CANCELED, DONE = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS


def test_a_run_of_its_own_is_its_own_request_from_its_creation_on(runs: Runs) -> None:
    run = runs.create()
    request = read_request(runs.instance, run, mode=Mode.AUTO)
    record = runs.instance.get_run_record_by_id(run.run_id)
    assert record is not None
    assert (request.id, request.requested_at) == (run.run_id, record.create_timestamp.timestamp())
    assert request.numbers is None


def test_a_double_click_is_served_also_by_a_machine_whose_clock_is_behind_the_databases(runs: Runs) -> None:
    first, second = runs.create(), runs.create()
    record = runs.instance.get_run_record_by_id(first.run_id)
    assert record is not None
    began = record.create_timestamp.timestamp() - 300
    for kind, at in ((dg.DagsterEventType.PIPELINE_START, began), (dg.DagsterEventType.PIPELINE_SUCCESS, began + 61)):
        event = dg.DagsterEvent(event_type_value=kind.value, job_name=JOB_NAME)
        runs.instance.report_dagster_event(event, first.run_id, timestamp=at)
    done = Round(number=1, request_id=first.run_id, opened_at=began, closed_at=began + 60)
    request = read_request(runs.instance, second, mode=Mode.AUTO)
    assert not starts_new_round(done, request)
    assert starts_new_round(done.model_copy(update={"closed_at": began - 1}), request), "what is asked later is new"


@pytest.mark.parametrize("status", [FAILED, CANCELED])
def test_a_run_whose_parent_failed_or_was_cancelled_continues_it(runs: Runs, status: dg.DagsterRunStatus) -> None:
    parent = runs.create(status=status)
    assert runs.request_id(runs.create(parent=parent)) == parent.run_id


def test_re_executing_a_success_is_a_new_request(runs: Runs) -> None:
    again = runs.create(parent=runs.create(status=DONE))
    assert runs.request_id(again) == again.run_id


def test_a_chain_of_retries_goes_back_to_the_run_that_asked(runs: Runs) -> None:
    first = runs.create(status=FAILED)
    second = runs.create(parent=first, tags=RESUME, status=FAILED)
    assert runs.request_id(runs.create(parent=second, tags=RESUME)) == first.run_id


def test_the_chain_ends_at_a_re_executed_success(runs: Runs) -> None:
    again = runs.create(parent=runs.create(status=DONE), status=FAILED)
    assert runs.request_id(runs.create(parent=again, tags=RESUME)) == again.run_id


def test_a_backfill_that_retries_a_backfill_continues_its_run_of_the_same_partition(runs: Runs) -> None:
    elsewhere = {"dagster/backfill": "old", "dagster/partition": "poke1:other"}
    runs.create(tags=elsewhere, status=FAILED)
    first = runs.create(tags={"dagster/backfill": "old"}, status=FAILED)
    retry = runs.create(tags={"dagster/backfill": "new", "dagster/parent_backfill_id": "old"})
    assert runs.request_id(retry) == first.run_id


@pytest.mark.parametrize("tags", [RESUME, {"dagster/parent_backfill_id": "forgotten"}])
def test_a_retry_whose_first_run_is_forgotten_has_no_time_and_so_redraws_nothing(
    runs: Runs, tags: dict[str, str]
) -> None:
    assert read_request(runs.instance, runs.create(tags=tags), mode=Mode.AUTO).requested_at is None


def test_pictures_picked_by_hand_are_named_by_the_run_that_asked(runs: Runs) -> None:
    first = runs.create(selection={image_key(5), image_key(13), ASSETS_READY}, status=FAILED)
    retry = runs.create(parent=first, tags=RESUME, selection={image_key(5)})
    assert read_request(runs.instance, retry, mode=Mode.AUTO).numbers == frozenset({5, 13})


STARTED = dg.DagsterRunStatus.STARTED


def test_a_run_repeats_the_one_before_it_that_asked_for_the_same_and_died(runs: Runs) -> None:
    first = runs.create(status=STARTED)
    again = runs.create(status=STARTED)
    assert runs.request_id(runs.create()) == runs.request_id(again) == first.run_id


COMMAND = {COMMAND_TAG: "generate"}


@pytest.mark.parametrize("status", [FAILED, CANCELED, STARTED, dg.DagsterRunStatus.NOT_STARTED])
def test_a_command_that_did_not_come_to_its_end_is_gone_on_with_by_the_same_one(
    runs: Runs, status: dg.DagsterRunStatus
) -> None:
    first = runs.create(tags=COMMAND, status=FAILED)
    runs.create(tags=COMMAND, status=status)
    assert runs.request_id(runs.create(tags=COMMAND)) == first.run_id


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
    other = runs.create(tags={"dagster/partition": "poke1:vid_124"})
    assert runs.request_id(other) == other.run_id
