"""``notion_outcomes``: reports to Notion every run that ended without a report, for whatever reason.

The cursor keeps the runs that Notion has not accepted a report of, so that none is lost while Notion is down.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg
import structlog

from assetgen_dagster.assets.keys import REFRESH_JOB_NAME
from assetgen_dagster.assets.resources import SettingsResource, TaskBoardResource
from assetgen_dagster.assets.runs import includes_images
from assetgen_dagster.assets.tags import CHANNEL_TAG
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.errors import BoardUnavailableError
from assetgen_dagster.notion.settings import NotionSettings, notion_settings
from assetgen_dagster.notion.table import Position
from assetgen_dagster.sensors import BOARD_SECONDS, TICK_SECONDS
from assetgen_dagster.sensors.ended_runs import EndedRuns
from assetgen_dagster.sensors.review_sheets import SHOW_SECONDS, Sheets, show_due
from assetgen_dagster.sensors.run_outcome import needs_no_report, report_outcome
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.log import prepare_log

_REPORTS_AT_ONCE = 10

#: How far back the first tick looks. ``notion_tasks`` reports older runs to rows that still ask for pictures.
_FIRST_TICK_SECONDS = 86400.0

_log = structlog.get_logger()


@dataclass
class Cursor:
    """What the sensor remembers between ticks.

    Attributes:
        ended: Runs that ended; the pending ones are not reported yet.
        sheets: Runs with a review sheet that is not on its row's page yet.
        searches: How far the search for a run's row has come, by run: a large board takes several ticks.
    """

    ended: EndedRuns
    sheets: Sheets = field(default_factory=Sheets)
    searches: dict[str, Position] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> "Cursor":
        """Parses a cursor; without one, returns the first tick's."""
        held: dict[str, Any] = json.loads(cursor) if cursor else {}
        ended = EndedRuns.from_cursor(held, start=time.time() - _FIRST_TICK_SECONDS)
        searches = {run_id: Position(**at) for run_id, at in held.get("searches", {}).items()}
        return cls(ended, Sheets(**held.get("sheets", {})), searches)


@dg.sensor(
    name="notion_outcomes",
    minimum_interval_seconds=TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports the outcome of runs to Notion that could not report it themselves.",
)
def notion_outcomes(
    context: dg.SensorEvaluationContext, assetgen_settings: SettingsResource, task_board: TaskBoardResource
) -> dg.SkipReason:
    """Does one tick; the skip reason states what it did, or what prevents it."""
    cursor = Cursor.read(context.cursor)
    try:
        settings = assetgen_settings.load()
        prepare_log(settings.secrets())
        notion = notion_settings(settings)
        if notion is None:
            return dg.SkipReason("Notion is not set up: NOTION_TOKEN and NOTION_DATABASE_ID are not set.")
        advance(context.instance, cursor)
        message = "There is no run to report."
        if cursor.ended.pending or cursor.sheets.are_due():
            with task_board.open(notion, total_seconds=BOARD_SECONDS) as board:
                message = " ".join(_report(context, cursor, board, settings, notion))
    except AssetgenError as error:
        message = f"{len(cursor.ended.pending)} runs are not reported to Notion yet: {error}"
    context.update_cursor(json.dumps(asdict(cursor)))
    return dg.SkipReason(message)


def advance(instance: dg.DagsterInstance, cursor: Cursor) -> None:
    """Adds the runs that ended since the last tick and need a report."""
    for record in cursor.ended.advance(instance, _is_due):
        cursor.sheets.note_ended(record.dagster_run)


def _is_due(run: dg.DagsterRun) -> bool:
    concerns_its_row = includes_images(run) or run.job_name == REFRESH_JOB_NAME
    return CHANNEL_TAG in run.tags and concerns_its_row and not needs_no_report(run)


def _report(
    context: dg.SensorEvaluationContext, cursor: Cursor, board: TaskBoard, settings: Settings, notion: NotionSettings
) -> Iterator[str]:
    yield report_due(context, cursor, board, settings, notion)
    if board.left_seconds < SHOW_SECONDS:
        return  # an attempt that runs out of time would count
    for message in show_due(context.instance, cursor.sheets, board, settings):
        context.log.info(message)
        yield message


def report_due(
    context: dg.SensorEvaluationContext, cursor: Cursor, board: TaskBoard, settings: Settings, notion: NotionSettings
) -> str:
    """Reports pending runs, a few at a time, and returns a summary.

    A run with a row that cannot be written moves to the end, so that it does not block the others.
    """
    instance, reported, failure = context.instance, 0, ""
    for run_id in cursor.ended.pending[:_REPORTS_AT_ONCE]:
        if not board.left_seconds:
            break
        run = instance.get_run_by_id(run_id)
        try:
            due = run is not None and not needs_no_report(run)
            at = cursor.searches.setdefault(run_id, Position())
            if run is not None and due and not report_outcome(instance, run, board, settings, notion, at=at):
                cursor.ended.postpone(run_id)
                continue
            reported += due
            if due:
                context.log.info(f"Reported the outcome of run {run_id} to Notion.")
                cursor.sheets.note_reported(instance, run_id, notion)
            cursor.ended.finish(run_id)
            del cursor.searches[run_id]
        except (AssetgenError, OSError) as error:
            cursor.ended.postpone(run_id)
            failure = f": {error}"
            _log.warning("task_update_postponed", run_id=run_id, reason=str(error))
            if isinstance(error, BoardUnavailableError):
                break
    return f"Reported {reported} runs to Notion; {len(cursor.ended.pending)} are not reported yet{failure or '.'}"
