"""A Notion that answers slowly: each look ends in its time, keeps what it did, and the next one goes on behind it."""

import json
from typing import Any

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.tags import CHANNEL_TAG, PAGE_TAG, PARTITION_TAG, PROJECT_TAG, REPORTED_TAG
from assetgen_dagster.sensors import BOARD_SECONDS
from assetgen_emulators.notion import Fault, NotionEmulator
from assetgen_emulators.notion.faults import ApiError
from tests.helpers.boards import FastClock, set_board_default
from tests.helpers.pipeline import ROW, Pipeline, glance, report_and_hear, requested

#: Of one answer.
SECONDS = 2.2


class SlowNotion(FastClock):
    """A clock by which each answer took its time."""

    def __init__(self, notion: NotionEmulator) -> None:
        super().__init__()
        self.notion = notion

    def monotonic(self) -> float:
        return super().monotonic() + SECONDS * len(self.notion.journal())


@pytest.fixture
def clock(pipeline: Pipeline, notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch) -> SlowNotion:
    found = SlowNotion(notion)
    set_board_default(monkeypatch, "clock", found)
    return found


def ended_run(pipeline: Pipeline, page: str, project: str, **tags: str) -> dg.DagsterRun:
    """Returns a run of a row, which failed; nothing was drawn."""
    of_row = {PAGE_TAG: page, CHANNEL_TAG: "poke1", PROJECT_TAG: project, PARTITION_TAG: f"poke1:{project}"}
    instance, job = pipeline.dagit.instance, pipeline.dagit.definitions.resolve_job_def(JOB_NAME)
    run = instance.create_run_for_job(job, tags=of_row | tags, status=dg.DagsterRunStatus.STARTED)
    instance.report_run_failed(run)
    return run


def rows(notion: NotionEmulator, count: int, **cells: Any) -> list[str]:
    return [notion.add_row({**ROW, "Project ID": f"row_{number}", **cells}) for number in range(count)]


def started_at_a_look(pipeline: Pipeline, clock: SlowNotion) -> list[str]:
    """Returns the rows whose runs one tick requested; the runs are queued then."""
    found: list[dg.RunRequest] = []
    while not found:  # at the first tick all rows are new
        begun = clock.monotonic()
        result = glance(pipeline.dagit)
        assert clock.monotonic() - begun < BOARD_SECONDS + 2 * SECONDS
        found = list(result.run_requests or []) if isinstance(result, dg.SensorResult) else []
    for request in found:
        job = pipeline.dagit.definitions.resolve_job_def(JOB_NAME)
        pipeline.dagit.instance.create_run_for_job(job, tags=request.tags)
    return [request.tags[PAGE_TAG] for request in found]


def test_many_rows_that_are_set_back_start_in_several_looks(
    pipeline: Pipeline, notion: NotionEmulator, clock: SlowNotion
) -> None:
    pages = rows(notion, 25)
    for number, page in enumerate(pages):
        ended_run(pipeline, page, f"row_{number}", **{REPORTED_TAG: "Asset Error"})
    first = started_at_a_look(pipeline, clock)
    assert 10 < len(first) < 25
    assert sorted([*first, *started_at_a_look(pipeline, clock)]) == sorted(pages)


def test_many_rows_whose_projects_were_those_of_rows_that_are_gone_start_in_several_looks(
    pipeline: Pipeline, notion: NotionEmulator, clock: SlowNotion
) -> None:
    pages = rows(notion, 8)
    for number, page in enumerate(pages):
        ended_run(pipeline, f"{number:032x}", f"row_{number}", **{REPORTED_TAG: "Asset Error"})
        ended_run(pipeline, page, f"row_{number}", **{REPORTED_TAG: "Asset Error"})
    started: list[str] = []
    while len(started) < len(pages):
        started += started_at_a_look(pipeline, clock)
    assert sorted(started) == sorted(pages)


def test_many_rows_hear_how_their_runs_ended_in_several_looks(
    pipeline: Pipeline, notion: NotionEmulator, clock: SlowNotion
) -> None:
    pages = rows(notion, 10)
    for number, page in enumerate(pages):
        ended_run(pipeline, page, f"row_{number}")
    told = 0
    while told < len(pages):
        begun = clock.monotonic()
        pipeline.cursor, _ = report_and_hear(pipeline.dagit, pipeline.cursor)
        assert clock.monotonic() - begun < BOARD_SECONDS + 2 * SECONDS
        before, told = told, [notion.row(page)["Status"] for page in pages].count("Asset Error")
        assert told > before


def test_the_row_of_a_run_by_hand_is_searched_for_over_several_ticks(
    pipeline: Pipeline, notion: NotionEmulator, clock: SlowNotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assetgen_dagster.notion.filters._FORMULAS", {})  # as of a formula that gives a date
    monkeypatch.setenv("NOTION_DATABASE_ID", notion.create_database(types={"project_id": "formula"}))
    rows(notion, 700, Status="Draft")
    page = notion.add_row({**ROW, "Project ID": "vid_1"})
    pipeline.dagit.materialize("poke1:vid_1", tags={CHANNEL_TAG: "poke1", PROJECT_TAG: "vid_1"})
    assert notion.row(page)["Status"] == ROW["Status"], "the run had five seconds"
    ticks = 0
    while notion.row(page)["Status"] != "Assets Ready" and ticks < 6:
        pipeline.cursor, _ = report_and_hear(pipeline.dagit, pipeline.cursor)
        ticks += 1
    assert 1 < ticks < 6
    assert json.loads(pipeline.cursor)["searches"] == {}


def test_a_failure_to_write_a_row_is_logged_where_another_row_starts(
    pipeline: Pipeline, notion: NotionEmulator, capfd: pytest.CaptureFixture[str]
) -> None:
    notion.add_row({**ROW, "Project ID": "vid_1"})
    notion.add_row({**ROW, "Channel": None})
    notion.plan([Fault(ApiError(400, message="This row is odd."), endpoint="pages.update", times=None)])
    assert len(requested(pipeline.dagit)) == 1
    assert "WARNING" in (said := capfd.readouterr().err)
    assert "This row is odd" in said


def test_what_a_tick_did_is_logged(
    pipeline: Pipeline, notion: NotionEmulator, capfd: pytest.CaptureFixture[str]
) -> None:
    run = ended_run(pipeline, notion.add_row({**ROW, "Project ID": "vid_1"}), "vid_1")
    report_and_hear(pipeline.dagit, None)
    assert f" run {run.run_id} " in capfd.readouterr().err
