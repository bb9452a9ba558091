"""Tells a run's row how it ended, at once from inside the run, or later from the sensors.

A row is only told while it waits for that run: a status that the producer has set meanwhile is never overwritten, nor a
new request that was made after the row had been told.
"""

import time

import dagster as dg
import structlog

from assetgen_dagster.assets.projects import PAGE_TAG, REDRAW_TAG, REPORTED_TAG
from assetgen_dagster.assets.request import mode_of, started_in_dagster
from assetgen_dagster.assets.studio import Project
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.errors import RowGoneError
from assetgen_dagster.notion.redraw import redraw_digest
from assetgen_dagster.notion.report import Report, ready_report
from assetgen_dagster.notion.row import Row
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.notion.update import RunLink
from assetgen_dagster.project import ProjectKey

#: Values of a run's tag where nothing was told: the row was gone (and has not been told, should it come back), or there
#: was nothing to say; and where the row was told to wait, and kept its status.
ROW_GONE = "row gone"
NOTHING_TO_SAY = "nothing to say"
WAITS = "waits"

#: What the report from inside a run may take in all; after that ``notion_outcomes`` does it.
_IN_RUN_SECONDS = 5.0

_log = structlog.get_logger()


def report_ready_at_once(
    context: dg.AssetExecutionContext, project: Project, *, project_cost_usd: float, pictures: int
) -> None:
    """Tells the row of a run that all pictures are there; Notion's troubles change nothing about the run."""
    settings = project.settings.notion()
    if settings is None:
        return
    report = ready_report(settings, project_cost_usd=project_cost_usd, pictures=pictures)
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
    only_figures: bool = False,
    order_taken: bool = True,
) -> None:
    """Writes a report into a run's row, if it has one that waits for it; marks the run as reported.

    Otherwise, or where nothing else is to be said, only cost and pictures are written, which are true all the same.
    What the row ordered is cleared if the run took it up: single pictures if that still is the order, and all of them
    even where the producer has set another status, because what was begun is continued.

    Raises:
        BoardError: It could not be written now.
    """
    deadline = time.monotonic() + seconds
    page_id = find_page(board, run, key, seconds)
    told = report.status or WAITS
    if page_id is not None:

        def waits(row: Row) -> bool:
            if only_figures:
                return False
            return is_waiting(row, run, report, settings) or not board.status_can_ask(
                deadline_seconds=time_left(deadline)
            )

        try:
            cleared = order_taken and _has_its_order(board, page_id, run, time_left(deadline))
            written = board.update_row(
                page_id,
                status=report.status,
                error_log=report.error_log,
                cost_usd=report.cost_usd,
                pictures=report.pictures,
                run_link=RunLink(run.run_id, settings.run_url(run.run_id)),
                clear_regenerate=order_taken,
                clear_redraw=cleared,
                only_if=waits,
                deadline_seconds=time_left(deadline),
            )
            if written is None:
                told = "left to the producer"
                board.update_row(
                    page_id,
                    cost_usd=report.cost_usd,
                    pictures=report.pictures,
                    clear_regenerate=order_taken and mode_of(run) is Mode.REGENERATE,
                    clear_redraw=cleared,
                    deadline_seconds=time_left(deadline),
                )
            _log.info("task_updated", page_id=page_id, status=told)
        except RowGoneError:
            told = ROW_GONE
            _log.warning("task_not_found", page_id=page_id)
    mark(instance, run, told)


def is_waiting(row: Row, run: dg.DagsterRun, report: Report, settings: NotionSettings) -> bool:
    """Returns whether a row is to hear how a run ended."""
    if not row.status:
        # Cleared by the producer, or because he removed an option: that the pictures are there does no harm.
        return report.status == settings.status_ready
    if row.status in settings.status_trigger:
        return run.run_id not in row.run  # else it was told, and asks anew
    if row.status in settings.status_told:
        # What we wrote ourselves is not the producer's choice; a run of his own row has nothing more to say to it.
        return started_in_dagster(run)
    return row.status in settings.status_asking


def mark(instance: dg.DagsterInstance, run: dg.DagsterRun, told: str) -> None:
    """Notes on a run that its row needs to hear no more of it."""
    instance.add_run_tags(run.run_id, {REPORTED_TAG: told})


def _has_its_order(board: TaskBoard, page_id: str, run: dg.DagsterRun, seconds: float) -> bool:
    """Returns whether a row holds the order that a run carried out, and not one that was given since."""
    if REDRAW_TAG not in run.tags:
        return False
    row = board.read_row(page_id, deadline_seconds=seconds)
    # A row that knows of the run was told and cleared: an order in the same words is a new one.
    return row is not None and run.run_id not in row.run and redraw_digest(row) == run.tags[REDRAW_TAG]


def time_left(deadline: float) -> float:
    """Returns the seconds until a moment of the monotonic clock; the last of several calls gets half a one."""
    return max(0.5, deadline - time.monotonic())


def find_page(board: TaskBoard, run: dg.DagsterRun, key: ProjectKey, seconds: float) -> str | None:
    """Returns the page of a run's row; that of a run that was started by hand or by a backfill is looked for.

    Raises:
        BoardError: It could not be looked for.
    """
    if PAGE_TAG in run.tags:
        return run.tags[PAGE_TAG]
    row = board.find_row(key.channel, key.project, deadline_seconds=seconds)
    return row.page_id if row else None
