"""``notion_tasks``: rows that ask for pictures become runs. It fetches and carries out; ``notion.decide`` decides."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import dagster as dg

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.notion_report import REPORTED_TAG
from assetgen_dagster.assets.projects import (
    CHANNEL_TAG,
    PAGE_TAG,
    PARTITION_TAG,
    PROJECT_TAG,
    STOPPED_BY_TAG,
    STOPPED_WITH_TAG,
    projects,
)
from assetgen_dagster.drawing.foresee import local_problem
from assetgen_dagster.drawing.pause import Stopped, fingerprint, paused_until
from assetgen_dagster.drawing.workspace import writable_workspace
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.log import prepare_log
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.decide import Claim, Decisions, LatestRun, Reject, Start, decide, mode_of
from assetgen_dagster.notion.row import Row
from assetgen_dagster.project import ProjectKey
from assetgen_dagster.settings import Settings, load_settings

ATTEMPT_TAG = "attempt"
_WILL_RETRY_TAG = "dagster/will_retry"
_PAGES_A_QUERY = 200
_FINISHED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@dg.sensor(
    name="notion_tasks",
    job_name=JOB_NAME,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Watches Notion for rows that ask for pictures, and requests a run for each.",
)
def notion_tasks(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Looks at the board once."""
    try:
        settings = load_settings()
        prepare_log(settings)
        notion = settings.notion()
        if notion is None:
            return dg.SkipReason("Notion is not set up: NOTION_TOKEN and NOTION_DATABASE_ID are not set.")
        with TaskBoard(notion) as board:
            rows = board.triggered_rows()
            if rows and (cause := cause_for_all(settings) or last_runs_cause(context.instance, settings)):
                return dg.SkipReason(f"No runs are requested for {len(rows)} rows: {cause}")
            decisions = decide(rows, latest_runs(context.instance, rows), claims(context.instance, rows))
            for reject in decisions.rejects:
                _tell(board, reject, trigger=notion.status_trigger, error=notion.status_error)
    except AssetgenError as error:
        return dg.SkipReason(str(error))
    return _result(context.instance, decisions)


def cause_for_all(settings: Settings) -> str | None:
    """Returns what would fail every run on this machine: key, script or workspace; None where nothing would."""
    problem = local_problem(settings)
    if problem is not None:
        return f"{problem.remedy}: {problem.cause}."
    try:
        writable_workspace(settings.workspace)
    except AssetgenError as error:
        return str(error)
    return None


def last_runs_cause(instance: dg.DagsterInstance, settings: Settings) -> str | None:
    """Returns what ended the last run and would end the next one, too: key, model, account, quota."""
    for record in instance.get_run_records(dg.RunsFilter(job_name=JOB_NAME, statuses=list(_FINISHED)), limit=1):
        tags = record.dagster_run.tags
        ended = Stopped(tags.get(STOPPED_BY_TAG, ""), tags.get(STOPPED_WITH_TAG, ""), record.end_time or 0.0)
        until = paused_until(ended, fingerprint_now=fingerprint(settings))
        if until is not None and until > time.time():
            clock = datetime.fromtimestamp(until, UTC).strftime("%H:%M UTC")
            return (
                f"run {record.dagster_run.run_id} was stopped by {ended.code}, which would stop the next one, too. "
                f"Mend it (see that run's message); the next one is tried at {clock}, or when the settings change."
            )
    return None


def latest_runs(instance: dg.DagsterInstance, rows: Sequence[Row]) -> dict[str, LatestRun]:
    """Returns the newest run of each row that has one, by page id."""
    found: dict[str, LatestRun] = {}
    for pages in _portions([row.page_id for row in rows]):
        for record in instance.get_run_records(dg.RunsFilter(tags={PAGE_TAG: pages})):  # newest first
            run = record.dagster_run
            latest = LatestRun(
                run_id=run.run_id,
                finished=run.status in _FINISHED and run.tags.get(_WILL_RETRY_TAG) != "true",
                reported=REPORTED_TAG in run.tags,
                attempt=int(run.tags.get(ATTEMPT_TAG, "1")),
            )
            found.setdefault(run.tags[PAGE_TAG], latest)
    return found


def claims(instance: dg.DagsterInstance, rows: Sequence[Row]) -> dict[ProjectKey, Claim]:
    """Returns the row that each project belongs to: the first one that had a run for it."""
    found: dict[ProjectKey, Claim] = {}
    for keys in _portions([f"{row.channel}:{row.project_id}" for row in rows]):
        for record in instance.get_run_records(dg.RunsFilter(tags={PARTITION_TAG: keys}), ascending=True):
            tags = record.dagster_run.tags
            if PAGE_TAG in tags and CHANNEL_TAG in tags:
                found.setdefault(ProjectKey(tags[CHANNEL_TAG], tags[PROJECT_TAG]), Claim(tags[PAGE_TAG]))
    return found


def run_request(start: Start) -> dg.RunRequest:
    """Returns the request for a row's run: the story in its config, the row in its tags."""
    row, key = start.row, start.key
    return dg.RunRequest(
        run_key=start.run_key,
        partition_key=str(key),
        run_config={
            "ops": {
                "asset_manifest": {"config": {"topic": row.topic, "story_direction": row.story_direction}},
                "images": {"config": {"mode": mode_of(row)}},
            }
        },
        tags={
            PAGE_TAG: row.page_id,
            CHANNEL_TAG: key.channel,
            PROJECT_TAG: key.project,
            ATTEMPT_TAG: str(start.attempt),
        },
    )


def _result(instance: dg.DagsterInstance, decisions: Decisions) -> dg.SensorResult | dg.SkipReason:
    if not decisions.starts:
        return dg.SkipReason(
            f"No row asks for a new run; {decisions.waiting} are on their way, {len(decisions.rejects)} were rejected."
        )
    name = projects.name or ""
    missing = [str(s.key) for s in decisions.starts if not instance.has_dynamic_partition(name, str(s.key))]
    return dg.SensorResult(
        run_requests=[run_request(start) for start in decisions.starts],
        dynamic_partitions_requests=[projects.build_add_request(missing)] if missing else [],
    )


def _tell(board: TaskBoard, reject: Reject, *, trigger: tuple[str, ...], error: str) -> None:
    board.update_row(
        reject.row.page_id, status=error, error_log=reject.reason, only_if=lambda row: row.status in trigger
    )


def _portions(values: Sequence[str]) -> Iterable[list[str]]:
    for start in range(0, len(values), _PAGES_A_QUERY):
        yield list(values[start : start + _PAGES_A_QUERY])
