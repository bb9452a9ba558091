"""Tells a run's row how it ended, at once from inside the run, or later from ``notion_outcomes``.

A row is only told while it still asks: a status that the producer has set meanwhile is never overwritten.
"""

import time

import dagster as dg
import structlog

from assetgen_dagster.assets.projects import PAGE_TAG
from assetgen_dagster.assets.studio import Project
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.errors import RowGoneError
from assetgen_dagster.notion.report import Report, ready_report
from assetgen_dagster.notion.row import Row
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.notion.update import RunLink
from assetgen_dagster.project import ProjectKey

#: A tag of a run whose row was told: serves where the database has no column for the run.
REPORTED_TAG = "notion_reported"

#: What the report from inside a run may take in all; after that ``notion_outcomes`` does it.
_IN_RUN_SECONDS = 5.0

_log = structlog.get_logger()


def report_ready_at_once(context: dg.AssetExecutionContext, project: Project, *, project_cost_usd: float) -> None:
    """Tells the row of a run that all pictures are there; Notion's troubles change nothing about the run."""
    settings = project.settings.notion()
    if settings is None:
        return
    report = ready_report(settings, project_cost_usd=project_cost_usd)
    try:
        with TaskBoard(settings) as board:
            tell(
                board,
                settings,
                run=context.run,
                key=project.key,
                report=report,
                instance=context.instance,
                seconds=_IN_RUN_SECONDS,
            )
    except AssetgenError as error:
        _log.warning("task_update_postponed", reason=str(error))
        context.log.warning(f"Notion was not told; notion_outcomes will do it: {error}")


def tell(
    board: TaskBoard,
    settings: NotionSettings,
    *,
    run: dg.DagsterRun,
    key: ProjectKey,
    report: Report,
    instance: dg.DagsterInstance,
    seconds: float,
) -> None:
    """Writes a report into a run's row, if it has one and the row still asks; marks the run as reported.

    Raises:
        BoardError: It could not be written now.
    """
    deadline = time.monotonic() + seconds
    page_id = run.tags.get(PAGE_TAG) or _find(board, key, seconds)
    if page_id is not None:

        def still_asks(row: Row) -> bool:
            return row.status in {*settings.status_trigger, settings.status_drawing}

        try:
            written = board.update_row(
                page_id,
                status=report.status,
                error_log=report.error_log,
                cost_usd=report.cost_usd,
                run_link=RunLink(run.run_id),
                clear_regenerate=True,
                only_if=still_asks,
                deadline_seconds=_left(deadline),
            )
            if written is None:
                # Somebody set another status meanwhile, or the run was started by hand: the cost is true all the same.
                board.update_row(page_id, cost_usd=report.cost_usd, deadline_seconds=_left(deadline))
            _log.info("task_updated", page_id=page_id, status=report.status if written else "left to the producer")
        except RowGoneError:
            _log.warning("task_not_found", page_id=page_id)
    instance.add_run_tags(run.run_id, {REPORTED_TAG: report.status})


def _left(deadline: float) -> float:
    return max(0.5, deadline - time.monotonic())


def _find(board: TaskBoard, key: ProjectKey, seconds: float) -> str | None:
    """Finds the row of a run that was started by hand or by a backfill."""
    row = board.find_row(key.channel, key.project, deadline_seconds=seconds)
    return row.page_id if row else None
