"""``notion_outcomes``: every run that ended without its row being told is reported here, whatever ended it.

The cursor remembers runs whose report Notion did not take yet, so that none is lost while Notion is down.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg
import structlog

from assetgen_dagster.assets.keys import REFRESH_JOB_NAME
from assetgen_dagster.assets.projects import CHANNEL_TAG
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.errors import BoardUnavailableError
from assetgen_dagster.notion.settings import NotionSettings, notion_settings
from assetgen_dagster.sensors import BOARD_SECONDS, TICK_SECONDS
from assetgen_dagster.sensors.ended_runs import ended_since, handled_pictures, needs_no_report, settle
from assetgen_dagster.sensors.review_sheets import SHOW_SECONDS, Sheets, show_due
from assetgen_dagster.settings import Settings, load_settings
from assetgen_dagster.support.log import prepare_log

_REPORTS_AT_ONCE = 10

#: How far the first look of all goes back. Rows that still ask for pictures are told of older runs by ``notion_tasks``.
_FIRST_LOOK_SECONDS = 86400.0

_log = structlog.get_logger()


@dataclass
class Pending:
    """What the sensor remembers between ticks.

    Attributes:
        ended_after: Unix time: runs that ended later have not been looked at.
        run_ids: Runs that are still to be reported, oldest first.
        done: Runs that ended shortly before and need no further look.
        sheets: Runs whose review sheet is still to be shown.
    """

    ended_after: float = 0.0
    run_ids: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    sheets: Sheets = field(default_factory=Sheets)


@dg.sensor(
    name="notion_outcomes",
    minimum_interval_seconds=TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells Notion how runs ended that could not tell it themselves.",
)
def notion_outcomes(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Reports what is due, and says in one sentence what it did or what keeps it."""
    pending = read_pending(context.cursor)
    try:
        settings = load_settings()
        prepare_log(settings.secrets())
        notion = notion_settings(settings)
        if notion is None:
            return dg.SkipReason("Notion is not set up: NOTION_TOKEN and NOTION_DATABASE_ID are not set.")
        collect(context.instance, pending)
        said = "No run is to be told."
        if pending.run_ids or pending.sheets.are_due():
            with TaskBoard(notion, total_seconds=BOARD_SECONDS) as board:
                said = " ".join(_tell(context, pending, board, settings, notion))
    except AssetgenError as error:
        said = f"{len(pending.run_ids)} runs are still to be told to Notion: {error}"
    context.update_cursor(json.dumps(asdict(pending)))
    return dg.SkipReason(said)


def read_pending(cursor: str | None) -> Pending:
    """Returns what a cursor holds; without one, what the first look of all begins with."""
    held: dict[str, Any] = json.loads(cursor) if cursor else {"ended_after": time.time() - _FIRST_LOOK_SECONDS}
    return Pending(**held | {"sheets": Sheets(**held.get("sheets", {}))})


def collect(instance: dg.DagsterInstance, pending: Pending) -> None:
    """Adds the runs that ended since the last look and are ours to report."""
    now = time.time()
    ended = ended_since(instance, pending.ended_after)
    for record in ended:
        # A machine whose clock is ahead must not make the next look begin in the future.
        pending.ended_after = max(pending.ended_after, min(record.end_time or 0.0, now))
        run = record.dagster_run
        ours = CHANNEL_TAG in run.tags and _concerns_its_row(run) and not needs_no_report(run)
        if ours and run.run_id not in (*pending.run_ids, *pending.done):
            pending.run_ids.append(run.run_id)
        pending.sheets.note_ended(run)
    known = {record.dagster_run.run_id for record in ended}
    pending.done = [run_id for run_id in pending.done if run_id in known]


def _tell(
    context: dg.SensorEvaluationContext, pending: Pending, board: TaskBoard, settings: Settings, notion: NotionSettings
) -> Iterator[str]:
    yield report_due(context, pending, board, settings, notion)
    if board.left_seconds < SHOW_SECONDS:
        return  # an attempt without the time for it would count as one
    for said in show_due(context.instance, pending.sheets, board, settings):
        context.log.info(said)
        yield said


def report_due(
    context: dg.SensorEvaluationContext, pending: Pending, board: TaskBoard, settings: Settings, notion: NotionSettings
) -> str:
    """Reports pending runs, a few at a time, and returns what there is to say about it.

    A run whose row cannot be written goes to the end, so that it keeps no other waiting.
    """
    instance, told, trouble = context.instance, 0, ""
    for run_id in pending.run_ids[:_REPORTS_AT_ONCE]:
        if not board.left_seconds:
            break
        run = instance.get_run_by_id(run_id)
        pending.run_ids.remove(run_id)
        try:
            due = run is not None and not needs_no_report(run)
            if run is not None and due and not settle(instance, run, board, settings, notion):
                pending.run_ids.append(run_id)
                continue
            pending.done.append(run_id)
            told += due
            if due:
                context.log.info(f"Told Notion how run {run_id} ended.")
                pending.sheets.note_told(instance, run_id, notion)
        except (AssetgenError, OSError) as error:
            pending.run_ids.append(run_id)
            trouble = f": {error}"
            _log.warning("task_update_postponed", run_id=run_id, reason=str(error))
            if isinstance(error, BoardUnavailableError):
                break
    return f"Told Notion of {told} runs; {len(pending.run_ids)} are still to be told{trouble or '.'}"


def _concerns_its_row(run: dg.DagsterRun) -> bool:
    return handled_pictures(run) or run.job_name == REFRESH_JOB_NAME
