"""Runs that died, and sums that are out of date: on a real instance, with real locks."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import ASSETS_READY, CONTACT_SHEET, JOB_NAME, REFRESH_JOB_NAME, image_key
from assetgen_dagster.assets.partitions import projects
from assetgen_dagster.assets.tags import COMMAND_TAG, PARENT_TAG, WILL_RETRY_TAG
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.liveness import DEAD_SECONDS
from assetgen_dagster.project.project_lock import held_projects, hold_project
from assetgen_dagster.project.records import RecordStore, Round
from assetgen_dagster.project.workspace import open_project
from assetgen_dagster.sensors import run_monitor
from assetgen_dagster.sensors.project_upkeep import project_upkeep
from assetgen_dagster.sensors.run_monitor import fail_orphaned_runs
from assetgen_dagster.settings import load_settings
from assetgen_dagster.support.database import DatabaseError
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from tests.helpers.harness import both_storages, manifest_of
from tests.helpers.studio import Dagit

TAGS = {"dagster/partition": "poke1:vid_123", "channel": "poke1", "project": "vid_123"}
STARTED, FAILURE, SUCCESS = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS


def started_run(dagit: Dagit, tags: dict[str, str] = TAGS) -> str:
    job = build_definitions().resolve_job_def(JOB_NAME)
    return dagit.instance.create_run_for_job(job, tags=tags, status=STARTED).run_id


def monitor(dagit: Dagit, run_id: str) -> list[str]:
    """Fails orphaned runs, a minute after this one was seen without its lock; returns which projects it cannot read."""
    failures: list[str] = []
    fail_orphaned_runs(dagit.instance, {run_id: time.time() - 60}, load_settings(), failures)
    return failures


def status(dagit: Dagit, run_id: str) -> dg.DagsterRunStatus:
    run = dagit.instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_is_dead_after_a_while_without_its_lock_and_not_at_first_sight(dagit: Dagit) -> None:
    run_id, settings = started_run(dagit), load_settings()
    since = fail_orphaned_runs(dagit.instance, {}, settings, [])
    assert list(since) == [run_id]
    assert status(dagit, run_id) is STARTED
    assert fail_orphaned_runs(dagit.instance, {run_id: since[run_id] - DEAD_SECONDS}, settings, []) == {}
    assert status(dagit, run_id) is FAILURE


@both_storages
def test_a_started_run_whose_project_nobody_has_locked_is_reported_as_failed(dagit: Dagit) -> None:
    run_id = started_run(dagit)
    monitor(dagit, run_id)
    assert status(dagit, run_id) is FAILURE


@pytest.mark.parametrize("machines", ["one", "several"])
def test_a_started_run_whose_project_is_locked_is_left_alone(
    dagit: Dagit, postgres_url: str, machines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", postgres_url)
    monkeypatch.setenv("ASSETGEN_MACHINES", machines)
    run_id, key, settings = started_run(dagit), ProjectKey("poke1", "vid_123"), load_settings()
    lock = hold_project(key, open_project(key, workspace=settings.workspace), settings, run_id=run_id)
    monitor(dagit, run_id)
    assert status(dagit, run_id) is STARTED
    lock.release()
    monitor(dagit, run_id)
    assert status(dagit, run_id) is FAILURE


def test_no_run_is_failed_while_the_locks_cannot_be_seen(dagit: Dagit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_POSTGRES_URL", "postgresql://127.0.0.1:1/runs")
    monkeypatch.setenv("ASSETGEN_MACHINES", "several")
    run_id = started_run(dagit)
    with pytest.raises(DatabaseError, match="does not answer"):
        monitor(dagit, run_id)
    assert status(dagit, run_id) is STARTED


def test_a_project_that_cannot_be_looked_at_keeps_no_dead_run_of_another_from_being_failed(
    dagit: Dagit, tmp_path: Path
) -> None:
    dead = started_run(dagit)
    elsewhere = dagit.project("poke1:vid_124")
    elsewhere.symlink_to(tmp_path)
    tags = TAGS | {"dagster/partition": "poke1:vid_124", "project": "vid_124"}
    started_run(dagit, tags)
    [trouble] = monitor(dagit, dead)
    assert str(elsewhere) in trouble
    assert status(dagit, dead) is FAILURE


def test_a_lock_that_cannot_be_opened_keeps_no_dead_run_of_another_from_being_failed(dagit: Dagit) -> None:
    dead = started_run(dagit)
    lock = open_project(ProjectKey("poke1", "vid_124"), workspace=load_settings().workspace).lock
    lock.mkdir(parents=True)
    tags = TAGS | {"dagster/partition": "poke1:vid_124", "project": "vid_124"}
    unknown = started_run(dagit, tags)
    [trouble] = monitor(dagit, dead)
    assert str(lock) in trouble
    assert status(dagit, dead) is FAILURE
    assert monitor(dagit, unknown)
    assert status(dagit, unknown) is STARTED, "whether it is held is not known"


def test_a_run_that_ends_well_while_its_lock_is_looked_at_stays_a_success(
    dagit: Dagit, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = started_run(dagit)

    def ends_meanwhile(*given: Any, **named: Any) -> set[ProjectKey]:
        kind = dg.DagsterEventType.PIPELINE_SUCCESS.value
        dagit.instance.report_dagster_event(dg.DagsterEvent(event_type_value=kind, job_name=JOB_NAME), run_id)
        return held_projects(*given, **named)

    monkeypatch.setattr(run_monitor, "held_projects", ends_meanwhile)
    assert monitor(dagit, run_id) == []
    assert status(dagit, run_id) is SUCCESS


def tick(dagit: Dagit, cursor: str | None) -> dg.SensorResult:
    context = dagit.sensor_context(cursor)
    found = project_upkeep(context)
    assert isinstance(found, dg.SensorResult)
    return found


@pytest.fixture
def cursor() -> str:
    return json.dumps({"ended": {"until": 0.0}})


def redraw(dagit: Dagit, *numbers: int) -> dg.ExecuteInProcessResult:
    tags = {name: TAGS[name] for name in ("channel", "project")}
    return dagit.materialize(selection=[image_key(number) for number in numbers], tags=tags)


def test_a_project_whose_partition_was_deleted_meanwhile_is_not_summed_up_and_holds_up_nobody(
    dagit: Dagit, cursor: str
) -> None:
    dagit.write_manifest(manifest_of(1))
    dagit.materialize()
    redraw(dagit, 1)
    dagit.instance.delete_dynamic_partition("projects", "poke1:vid_123")  # in the UI, or by assetgen archive
    dead = started_run(dagit, TAGS | {"dagster/partition": "poke1:vid_124", "project": "vid_124"})
    context = dagit.sensor_context(cursor)
    found = project_upkeep.evaluate_tick(context)  # as Dagster does: a request that it refuses ends the look
    assert found.run_requests == []
    assert found.cursor is not None
    assert dead in json.loads(found.cursor)["unlocked_since"]


@both_storages
def test_a_picture_drawn_again_alone_is_followed_by_its_sums_once(dagit: Dagit, cursor: str) -> None:
    dagit.materialize()
    run = redraw(dagit, 2)
    found = tick(dagit, cursor)
    assert [(r.run_key, r.partition_key) for r in found.run_requests or []] == [(run.run_id, "poke1:vid_123")]
    assert tick(dagit, found.cursor).run_requests == []


def test_all_pictures_drawn_again_by_hand_are_followed_by_their_sums(dagit: Dagit, cursor: str) -> None:
    dagit.write_manifest(manifest_of(1))
    dagit.materialize()
    redraw(dagit, 1)
    assert len(tick(dagit, cursor).run_requests or []) == 1
    dagit.materialize(selection=[ASSETS_READY, CONTACT_SHEET])
    assert tick(dagit, cursor).run_requests == []


def test_a_redraw_that_failed_in_part_is_followed_too(dagit: Dagit, gemini: GeminiEmulator, cursor: str) -> None:
    dagit.materialize()
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    assert not redraw(dagit, 1, 2).success
    assert len(tick(dagit, cursor).run_requests or []) == 1


def test_damaged_records_of_one_project_keep_no_other_from_its_sums_and_their_own_are_not_forgotten(
    dagit: Dagit, cursor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dagit.write_manifest(manifest_of(1))
    dagit.materialize()
    run, records = redraw(dagit, 1), dagit.project() / ".assetgen" / "records.json"
    whole = records.read_bytes()
    dagit.write_manifest(manifest_of(1), "poke1:vid_124")
    dagit.materialize("poke1:vid_124")
    tags = {"channel": "poke1", "project": "vid_124"}
    other = dagit.materialize("poke1:vid_124", selection=[image_key(1)], tags=tags)
    records.write_bytes(whole[:-9])
    found = tick(dagit, cursor)
    assert [request.run_key for request in found.run_requests or []] == [other.run_id]
    assert str(records) in capsys.readouterr().err, "told, though another project is summed up"
    still = tick(dagit, found.cursor)
    assert still.run_requests == []
    assert still.skip_reason is not None
    assert str(records) in str(still.skip_reason.skip_message)
    assert still.cursor is not None
    waiting = json.loads(still.cursor)["ended"]["pending"]
    assert run.run_id in waiting
    assert other.run_id not in waiting, "only what could not be looked at is looked at again"
    records.write_bytes(whole)
    again = tick(dagit, still.cursor)
    assert [request.run_key for request in again.run_requests or []] == [run.run_id]
    assert tick(dagit, again.cursor).run_requests == []


def test_a_run_that_ended_by_a_slow_clock_before_the_last_tick_is_met(dagit: Dagit, cursor: str) -> None:
    dagit.write_manifest(manifest_of(1))
    dagit.materialize()
    seen = tick(dagit, cursor).cursor
    assert seen is not None
    run = redraw(dagit, 1)
    held = json.loads(seen)
    ahead = json.dumps(held | {"ended": held["ended"] | {"until": time.time() + 300}})  # as this tick's clock has it
    found = tick(dagit, ahead)
    assert [request.run_key for request in found.run_requests or []] == [run.run_id]
    assert tick(dagit, found.cursor).run_requests == []


def last_round(dagit: Dagit) -> Round:
    found = RecordStore(dagit.project() / ".assetgen" / "records.json").records.round
    assert found is not None
    return found


def sum_up(dagit: Dagit, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    job = dagit.definitions.resolve_job_def(REFRESH_JOB_NAME)
    return job.execute_in_process(
        instance=dagit.instance, partition_key=request.partition_key, tags=dict(request.tags), raise_on_error=False
    )


def breaks_off(*_: Any, **__: Any) -> None:
    raise RuntimeError("server closed the connection unexpectedly")


@pytest.fixture
def unsummed(dagit: Dagit, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Draws a project, and comes to its end before these steps have summed it up; returns the run."""

    def draw(*steps: str, **tags: str) -> str:
        dagit.write_manifest(manifest_of(1))
        with monkeypatch.context() as broken:
            for step in steps:
                broken.setattr(f"assetgen_dagster.assets.{step}.measured_pictures", breaks_off)
            return dagit.materialize(tags=TAGS | tags).run_id

    return draw


@pytest.mark.parametrize("steps", [("ready",), ("ready", "sheet")], ids=["as poke2:vid_11", "as poke3:vid_06"])
def test_a_whole_run_that_ended_between_its_pictures_and_their_sums_is_followed_by_them_as_after_seed_12_of_the_soak(
    dagit: Dagit, cursor: str, unsummed: Callable[..., str], gemini: GeminiEmulator, steps: tuple[str, ...]
) -> None:
    run_id = unsummed(*steps)
    assert status(dagit, run_id) is FAILURE
    assert last_round(dagit).closed_at is None
    found = tick(dagit, cursor)
    [request] = found.run_requests or []
    assert request.run_key == run_id
    assert sum_up(dagit, request).success
    assert last_round(dagit).closed_at is not None
    assert (dagit.project() / "contact_sheet.png").is_file()
    assert tick(dagit, found.cursor).run_requests == []
    assert len(gemini.journal()) == 1


def test_sums_that_fail_are_tried_again_a_few_times_and_not_for_ever(
    dagit: Dagit, cursor: str | None, unsummed: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unsummed("ready")
    monkeypatch.setattr("assetgen_dagster.assets.ready.measured_pictures", breaks_off)
    for _ in range(3):
        found = tick(dagit, cursor)
        [request] = found.run_requests or []
        assert not sum_up(dagit, request).success
        cursor = found.cursor
    assert tick(dagit, cursor).run_requests == []


def test_a_run_that_dagster_starts_again_is_left_to_it_until_it_gives_up(
    dagit: Dagit, cursor: str, unsummed: Callable[..., str]
) -> None:
    run_id = unsummed("ready", **{WILL_RETRY_TAG: "true"})
    found = tick(dagit, cursor)
    assert found.run_requests == []
    dagit.instance.add_run_tags(run_id, {WILL_RETRY_TAG: "false"})
    assert [request.run_key for request in tick(dagit, found.cursor).run_requests or []] == [run_id]


@pytest.mark.parametrize("retried", [False, True], ids=["lost", "made"])
def test_a_retry_that_dagster_promised_and_lost_is_given_up_as_after_seed_22_of_the_soak(
    dagit: Dagit, cursor: str | None, monkeypatch: pytest.MonkeyPatch, retried: bool
) -> None:
    monkeypatch.setattr(run_monitor, "TICKS_WITHOUT_RETRY", 3)
    run_id = started_run(dagit)
    dagit.instance.add_run_tags(run_id, {WILL_RETRY_TAG: "true"})
    monitor(dagit, run_id)
    dagit.instance.add_run_tags(run_id, {WILL_RETRY_TAG: "true"})  # this instance retries nothing
    job = dagit.definitions.resolve_job_def(JOB_NAME)
    if retried:
        dagit.instance.create_run_for_job(
            job, tags=TAGS | {PARENT_TAG: run_id}, parent_run_id=run_id, root_run_id=run_id
        )
    promises = []
    for _ in range(4):
        cursor = tick(dagit, cursor).cursor
        run = dagit.instance.get_run_by_id(run_id)
        promises.append(run is not None and run.tags[WILL_RETRY_TAG])
    assert promises == (["true"] * 4 if retried else ["true", "true", "false", "false"])


def test_a_command_that_failed_is_left_to_be_given_again_which_pays_for_nothing(
    dagit: Dagit, cursor: str, unsummed: Callable[..., str], gemini: GeminiEmulator
) -> None:
    unsummed("ready", **{COMMAND_TAG: "generate"})
    assert tick(dagit, cursor).run_requests == []
    assert dagit.materialize(tags=TAGS | {COMMAND_TAG: "generate"}).success
    assert len(gemini.journal()) == 1


@pytest.mark.parametrize("state", ["STARTING", "START", "CANCELING"])
def test_a_project_that_another_run_is_at_work_on_is_left_to_it_and_looked_at_when_that_has_ended(
    dagit: Dagit, cursor: str, unsummed: Callable[..., str], state: str
) -> None:
    run_id = unsummed("ready")
    job = dagit.definitions.resolve_job_def(JOB_NAME)
    other = dagit.instance.create_run_for_job(job, tags=TAGS | {COMMAND_TAG: "generate"})
    event = dg.DagsterEvent(event_type_value=dg.DagsterEventType[f"PIPELINE_{state}"].value, job_name=JOB_NAME)
    dagit.instance.report_dagster_event(event, other.run_id)
    found = tick(dagit, cursor)
    assert found.run_requests == [], "the other one sums the project up, and it would be summed up twice"
    dagit.instance.report_run_failed(other)
    assert [request.run_key for request in tick(dagit, found.cursor).run_requests or []] == [run_id]


def test_a_run_that_nobody_ever_started_keeps_no_project_from_its_sums(
    dagit: Dagit, cursor: str, unsummed: Callable[..., str]
) -> None:
    run_id = unsummed("ready")
    dagit.instance.create_run_for_job(dagit.definitions.resolve_job_def(JOB_NAME), tags=TAGS)
    assert [request.run_key for request in tick(dagit, cursor).run_requests or []] == [run_id]


def test_nothing_is_summed_up_while_pictures_are_missing(dagit: Dagit, cursor: str) -> None:
    redraw(dagit, 1)
    assert tick(dagit, cursor).run_requests == []


def test_nothing_is_summed_up_twice(dagit: Dagit, cursor: str) -> None:
    dagit.materialize()
    redraw(dagit, 2)
    dagit.materialize(selection=[ASSETS_READY, CONTACT_SHEET])
    assert tick(dagit, cursor).run_requests == []


def test_runs_of_other_jobs_are_none_of_our_business(dagit: Dagit, cursor: str) -> None:
    assert projects.name == "projects"
    job = build_definitions().resolve_job_def(JOB_NAME)
    stranger = dagit.instance.create_run_for_job(job, tags={"dagster/partition": "2026-11-22"}, status=STARTED)
    monitor(dagit, stranger.run_id)
    assert status(dagit, stranger.run_id) is STARTED


@pytest.mark.parametrize(
    ("selected", "left"),
    [("storyboard", STARTED), ("image_04", FAILURE), ("assets_ready", FAILURE), ("asset_manifest", FAILURE)],
)
def test_a_living_run_of_a_step_after_ours_is_left_alone_though_nobody_holds_the_project(
    dagit: Dagit, selected: str, left: dg.DagsterRunStatus
) -> None:
    @dg.asset(name="storyboard", deps=[ASSETS_READY], partitions_def=projects)
    def storyboard() -> None: ...

    after = dg.Definitions.merge(build_definitions(), dg.Definitions(assets=[storyboard]))
    job = after.resolve_implicit_global_asset_job_def()
    run = dagit.instance.create_run_for_job(
        job, tags=TAGS, status=STARTED, asset_selection=frozenset({dg.AssetKey(selected)})
    )
    monitor(dagit, run.run_id)
    assert status(dagit, run.run_id) is left
