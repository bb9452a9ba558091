"""Ended runs: as many as there are since the last tick, and no others, however many there are in all."""

import json
import time
from contextlib import AbstractContextManager
from dataclasses import asdict

import sqlalchemy as sql
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.sensors import notion_outcomes, project_upkeep
from assetgen_dagster.sensors.ended_runs import WINDOW_SECONDS, EndedRuns
from assetgen_dagster.sensors.review_sheets import Sheets
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.harness import both_storages
from tests.helpers.pipeline import carry_out, report, requested
from tests.helpers.studio import Dagit


def runs_table(dagit: Dagit) -> AbstractContextManager[sql.Connection]:
    storage = dagit.instance.run_storage
    assert isinstance(storage, SqlRunStorage)
    return storage.connect()


def age(dagit: Dagit, *, run_id: str | None = None) -> None:
    """Lets a run, or all, have ended long ago."""
    which = "" if run_id is None else " WHERE run_id = :run_id"
    with runs_table(dagit) as connection:
        statement = sql.text(f"UPDATE runs SET update_timestamp = '2020-01-01 00:00:00'{which}")
        connection.execute(statement, {} if run_id is None else {"run_id": run_id})
        connection.commit()


def a_failed_run(dagit: Dagit) -> str:
    run = dagit.instance.create_run_for_job(dagit.definitions.resolve_job_def(JOB_NAME))
    dagit.instance.report_run_failed(run)
    return run.run_id


@both_storages
def test_all_that_ended_since_a_look_are_seen_and_none_that_ended_long_before(dagit: Dagit) -> None:
    job = dagit.definitions.resolve_job_def(JOB_NAME)
    runs = [dagit.instance.create_run_for_job(job) for _ in range(3)]
    for run in runs:
        dagit.instance.report_run_failed(run)
    ended = EndedRuns(time.time())
    seen = ended.advance(dagit.instance, wanted=lambda run: True)
    assert ended.pending == [record.dagster_run.run_id for record in seen]
    assert set(ended.pending) == {run.run_id for run in runs}
    assert [record.end_time for record in seen] == sorted(record.end_time or 0.0 for record in seen)
    assert EndedRuns(time.time() + WINDOW_SECONDS + 60).advance(dagit.instance, wanted=lambda run: True) == []
    age(dagit, run_id=runs[0].run_id)
    assert len(EndedRuns(time.time()).advance(dagit.instance, wanted=lambda run: True)) == 2


def test_a_run_is_pending_until_it_is_finished_and_then_met_no_more(dagit: Dagit) -> None:
    runs = [a_failed_run(dagit) for _ in range(2)]
    ended = EndedRuns(0.0)
    ended.advance(dagit.instance, wanted=lambda run: True)
    ended.postpone(runs[0])
    ended.advance(dagit.instance, wanted=lambda run: True)
    assert ended.pending == [runs[1], runs[0]]
    ended.finish(runs[1])
    ended.advance(dagit.instance, wanted=lambda run: True)
    assert (ended.pending, ended.done) == ([runs[0]], [runs[1]])
    age(dagit, run_id=runs[1])
    ended.advance(dagit.instance, wanted=lambda run: True)
    assert ended.done == [], "forgotten once it has left the window"


def test_a_run_that_is_not_wanted_is_met_again_when_its_tags_have_changed(dagit: Dagit) -> None:
    run_id = a_failed_run(dagit)
    ended = EndedRuns(0.0)
    ended.advance(dagit.instance, wanted=lambda run: "given_up" in run.tags)
    assert ended.pending == []
    age(dagit)
    dagit.instance.add_run_tags(run_id, {"given_up": "true"})
    ended.advance(dagit.instance, wanted=lambda run: "given_up" in run.tags)
    assert ended.pending == [run_id]


def test_a_clock_that_is_ahead_does_not_put_the_next_tick_into_the_future(dagit: Dagit) -> None:
    a_failed_run(dagit)
    with runs_table(dagit) as connection:
        connection.execute(sql.text("UPDATE runs SET end_time = end_time + 7200"))
        connection.commit()
    ended = EndedRuns(0.0)
    ended.advance(dagit.instance, wanted=lambda run: True)
    assert 0.0 < ended.until <= time.time()


def test_the_cursors_of_earlier_versions_are_read() -> None:
    of_outcomes = {
        "ended_after": 5.0,
        "run_ids": ["a"],
        "done": ["b"],
        "sheets": {"attempts": {"c": 1}, "not_before": 7.0},
    }
    read = notion_outcomes.Cursor.read(json.dumps(of_outcomes))
    assert read == notion_outcomes.Cursor(EndedRuns(5.0, ["a"], ["b"]), Sheets({"c": 1}, 7.0))
    of_upkeep = {
        "looked_until": 5.0,
        "run_ids": ["a"],
        "done": ["b"],
        "unlocked_since": {"d": 1.0},
        "handed_over": {"e": 2.0},
        "not_retried": {"f": 3},
    }
    kept = project_upkeep.Cursor.read(json.dumps(of_upkeep))
    assert kept == project_upkeep.Cursor(EndedRuns(5.0, ["a"], ["b"]), {"d": 1.0}, {"e": 2.0}, {"f": 3})
    assert notion_outcomes.Cursor.read(json.dumps(asdict(read))) == read
    assert project_upkeep.Cursor.read(json.dumps(asdict(kept))) == kept


def test_the_first_look_of_all_leaves_out_what_ended_long_before_it(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    carry_out(dagit, requested(dagit)[0])
    age(dagit)
    cursor = report(dagit)
    assert (json.loads(cursor)["ended"]["pending"], notion.row(page)["Status"]) == ([], "Generating Assets")
    report(dagit, json.dumps({"ended": {"until": 0.0}}))
    assert notion.row(page)["Status"] == "Asset Error"
