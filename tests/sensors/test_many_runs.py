"""Looks at ended runs: as many as there are since the last look, and no others, however many there are in all."""

import json
import time

import sqlalchemy as sql

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.sensors.ended_runs import ended_since
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import NoImage
from assetgen_emulators.notion import NotionEmulator
from tests.harness import both_storages
from tests.sensors.pipeline import carry_out, report, requested
from tests.studio import Dagit


def age(dagit: Dagit, *, run_id: str | None = None) -> None:
    """Lets a run, or all, have ended long ago."""
    which = "" if run_id is None else " WHERE run_id = :run_id"
    with dagit.instance.run_storage.connect() as connection:
        statement = sql.text(f"UPDATE runs SET update_timestamp = '2020-01-01 00:00:00'{which}")
        connection.execute(statement, {} if run_id is None else {"run_id": run_id})
        connection.commit()


@both_storages
def test_all_that_ended_since_a_look_are_seen_and_none_that_ended_long_before(dagit: Dagit) -> None:
    job = dagit.definitions.resolve_job_def(JOB_NAME)
    runs = [dagit.instance.create_run_for_job(job) for _ in range(3)]
    for run in runs:
        dagit.instance.report_run_failed(run)
    seen = ended_since(dagit.instance, time.time())
    assert {record.dagster_run.run_id for record in seen} == {run.run_id for run in runs}
    assert [record.end_time for record in seen] == sorted(record.end_time or 0.0 for record in seen)
    assert ended_since(dagit.instance, time.time() + 3600) == []
    age(dagit, run_id=runs[0].run_id)
    assert len(ended_since(dagit.instance, time.time())) == 2


def test_the_first_look_of_all_leaves_out_what_ended_long_before_it(
    dagit: Dagit, page: str, notion: NotionEmulator, gemini: GeminiEmulator
) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    carry_out(dagit, requested(dagit)[0])
    age(dagit)
    cursor = report(dagit)
    assert (json.loads(cursor)["run_ids"], notion.row(page)["Status"]) == ([], "Generating Assets")
    report(dagit, json.dumps(json.loads(cursor) | {"ended_after": 0.0}))
    assert notion.row(page)["Status"] == "Asset Error"
