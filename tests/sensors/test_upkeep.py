"""Runs that died, and sums that are out of date: on a real instance, with real locks."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import ASSETS_READY, CONTACT_SHEET, JOB_NAME, image_key
from assetgen_dagster.assets.projects import projects
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.drawing.lock import lock_project
from assetgen_dagster.sensors.upkeep import Memory, bury_dead_runs, dead_runs, project_upkeep
from assetgen_dagster.standins.gemini import Fault, GeminiStandIn
from assetgen_dagster.standins.gemini_faults import NoImage
from tests.harness import manifest_of
from tests.studio import Dagit

TAGS = {"dagster/partition": "poke1:vid_123", "channel": "poke1", "project": "vid_123"}
STARTED, FAILURE = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE


@pytest.fixture
def dagit(gemini: GeminiStandIn, tmp_path: Path) -> Iterator[Dagit]:
    (tmp_path / "dagster_home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster_home")) as instance:
        found = Dagit(instance, tmp_path / "workspace")
        found.write_manifest(manifest_of(3))
        yield found


def started_run(dagit: Dagit) -> str:
    job = build_definitions().resolve_job_def(JOB_NAME)
    return dagit.instance.create_run_for_job(job, tags=TAGS, status=STARTED).run_id


def status(dagit: Dagit, run_id: str) -> dg.DagsterRunStatus:
    run = dagit.instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_is_dead_after_half_a_minute_without_its_lock_and_not_before() -> None:
    assert dead_runs(["a"], {}, 100.0) == (set(), {"a": 100.0})
    assert dead_runs(["a"], {"a": 100.0}, 129.0) == (set(), {"a": 100.0})
    assert dead_runs(["a", "b"], {"a": 100.0}, 130.0) == ({"a"}, {"b": 130.0})


def test_a_run_that_has_its_lock_again_is_forgotten() -> None:
    assert dead_runs([], {"a": 100.0}, 200.0) == (set(), {})


def test_a_started_run_whose_project_nobody_has_locked_is_reported_as_failed(dagit: Dagit) -> None:
    run_id = started_run(dagit)
    bury_dead_runs(dagit.instance, Memory(0.0, {run_id: time.time() - 60}))
    assert status(dagit, run_id) is FAILURE


def test_a_started_run_whose_project_is_locked_is_left_alone(dagit: Dagit) -> None:
    run_id = started_run(dagit)
    folder = dagit.project() / ".assetgen"
    folder.mkdir()
    with lock_project(folder / "lock", run_id=run_id):
        bury_dead_runs(dagit.instance, Memory(0.0, {run_id: time.time() - 60}))
    assert status(dagit, run_id) is STARTED


def tick(dagit: Dagit, cursor: str | None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=dagit.instance, cursor=cursor, definitions=dagit.definitions)
    found = project_upkeep(context)
    assert isinstance(found, dg.SensorResult)
    return found


@pytest.fixture
def cursor() -> str:
    return json.dumps({"looked_until": 0.0, "unlocked_since": {}})


def redraw(dagit: Dagit, *numbers: int) -> dg.ExecuteInProcessResult:
    tags = {name: TAGS[name] for name in ("channel", "project")}
    return dagit.materialize(selection=[image_key(number) for number in numbers], tags=tags)


def test_a_picture_drawn_again_alone_is_followed_by_its_sums_once(dagit: Dagit, cursor: str) -> None:
    dagit.materialize()
    run = redraw(dagit, 2)
    found = tick(dagit, cursor)
    assert [(r.run_key, r.partition_key) for r in found.run_requests or []] == [(run.run_id, "poke1:vid_123")]
    assert tick(dagit, found.cursor).run_requests == []


def test_a_redraw_that_failed_in_part_is_followed_too(dagit: Dagit, gemini: GeminiStandIn, cursor: str) -> None:
    dagit.materialize()
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    assert not redraw(dagit, 1, 2).success
    assert len(tick(dagit, cursor).run_requests or []) == 1


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
    bury_dead_runs(dagit.instance, Memory(0.0, {stranger.run_id: 0.0}))
    assert status(dagit, stranger.run_id) is STARTED
