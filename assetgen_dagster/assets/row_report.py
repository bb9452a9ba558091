"""Tells a run's row how it ended, at once from inside the run, or later from the sensors.

A row is only told while it waits for that run: a status that the producer has set meanwhile is never overwritten, nor a
new request that was made after the row had been told.
"""

import time
import uuid

import dagster as dg
import structlog

from assetgen_dagster.assets.request import UNFINISHED, mode_of, started_in_dagster
from assetgen_dagster.assets.resources import TaskBoardResource
from assetgen_dagster.assets.session import Project
from assetgen_dagster.assets.tags import PAGE_TAG, REDRAW_TAG, REPORTED_TAG
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.columns import (
    CLEARED,
    ERROR_LOG,
    REDRAW,
    REDRAW_REMARK,
    REGENERATE,
    RUN,
    STATUS,
    Figures,
    RowUpdate,
    RunLink,
)
from assetgen_dagster.notion.errors import RowGoneError
from assetgen_dagster.notion.redraw import asks_for_redraw, redraw_digest
from assetgen_dagster.notion.report import Report, ready_report
from assetgen_dagster.notion.reported import Reported
from assetgen_dagster.notion.row import Row
from assetgen_dagster.notion.settings import NotionSettings, notion_settings
from assetgen_dagster.project.key import ProjectKey

#: What the report from inside a run may take in all; after that ``notion_outcomes`` does it.
_IN_RUN_SECONDS = 5.0

_log = structlog.get_logger()


def report_ready_at_once(
    context: dg.AssetExecutionContext, project: Project, boards: TaskBoardResource, figures: Figures
) -> None:
    """Tells the row of a run that all pictures are there; Notion's troubles change nothing about the run."""
    settings = notion_settings(project.settings)
    if settings is None:
        return
    report = ready_report(settings, figures)
    try:
        with boards.open(settings) as board:
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
    What the row ordered is cleared if the run took it up and it still is the order, even where the producer has set
    another status, because what was begun is continued. A row that names another project by now hears nothing of this
    one, and asks for a run of its own.

    Raises:
        BoardError: It could not be written now.
    """
    deadline = time.monotonic() + seconds
    page_id = find_page(board, run, key, seconds)
    row = board.read_row(page_id, deadline_seconds=time_left(deadline)) if page_id is not None else None
    if page_id is None:
        told = report.reported
    elif row is None:
        told = Reported.ROW_GONE
    elif names_another(row, key):
        told = Reported.NOTHING
        if row.status == settings.status_drawing:  # which asks for nothing
            board.update_row(page_id, {STATUS: settings.status_trigger[0]}, deadline_seconds=time_left(deadline))
    else:
        told = _write(
            board,
            settings,
            row,
            run=run,
            report=report,
            deadline=deadline,
            only_figures=only_figures or waits_for_another(instance, row, run, settings),
            order_taken=order_taken,
        )
    if told is Reported.ROW_GONE:
        _log.warning("task_not_found", page_id=page_id)
    elif page_id is not None:
        _log.info("task_updated", page_id=page_id, status=(told is report.reported and report.status) or told.value)
    mark(instance, run, told)


def _write(
    board: TaskBoard,
    settings: NotionSettings,
    row: Row,
    *,
    run: dg.DagsterRun,
    report: Report,
    deadline: float,
    only_figures: bool,
    order_taken: bool,
) -> Reported:
    """Writes into a row what is due, and returns what it was told."""

    def waits(row: Row) -> bool:
        if only_figures:
            return False
        return is_waiting(row, run, report, settings) or not board.status_can_ask(deadline_seconds=time_left(deadline))

    # A row that knows of the run was told and cleared: an order in the same words is a new one.
    clears = order_taken and run.run_id not in row.run
    regenerate = clears and row.mode == mode_of(run).value
    redraw = clears and REDRAW_TAG in run.tags and redraw_digest(row) == run.tags[REDRAW_TAG]
    try:
        written = board.update_row(
            row.page_id,
            {
                STATUS: report.status,
                ERROR_LOG: report.error_log,
                RUN: RunLink(run.run_id, settings.run_url(run.run_id)),
                **report.figures,
                **_cleared(regenerate=regenerate, redraw=redraw),
            },
            only_if=waits,
            deadline_seconds=time_left(deadline),
        )
        if written is not None:
            return report.reported
        board.update_row(
            row.page_id,
            {
                **report.figures,
                **_cleared(regenerate=regenerate and mode_of(run) is Mode.REGENERATE, redraw=redraw),
            },
            deadline_seconds=time_left(deadline),
        )
    except RowGoneError:
        return Reported.ROW_GONE
    return Reported.LEFT


def _cleared(*, regenerate: bool, redraw: bool) -> RowUpdate:
    """Returns the update that empties the orders that a run took up."""
    orders = ([REGENERATE] if regenerate else []) + ([REDRAW, REDRAW_REMARK] if redraw else [])
    return dict.fromkeys(orders, CLEARED)


def names_another(row: Row, key: ProjectKey) -> bool:
    """Returns whether a row was corrected since its run began: it names another project by now.

    A cell that is empty, or whose column was renamed, names none.
    """
    named = row.project_id != uuid.UUID(row.page_id).hex
    return (bool(row.channel) and row.channel != key.channel) or (named and row.project_id != key.project)


def waits_for_another(instance: dg.DagsterInstance, row: Row, run: dg.DagsterRun, settings: NotionSettings) -> bool:
    """Returns whether a row waits for a run of its own, while this is one that a person started in Dagster.

    It does if that run is on its way, or if the row orders what this run was not asked for.
    """
    if not started_in_dagster(run):
        return False
    asks = row.status in settings.status_asking
    if asks and row.mode not in (Mode.AUTO.value, mode_of(run).value):
        return True
    if asks and asks_for_redraw(row) and redraw_digest(row) != run.tags.get(REDRAW_TAG):
        return True
    own = dg.RunsFilter(tags={PAGE_TAG: row.page_id}, statuses=list(UNFINISHED))
    return any(one.run_id != run.run_id and not started_in_dagster(one) for one in instance.get_runs(own))


def is_waiting(row: Row, run: dg.DagsterRun, report: Report, settings: NotionSettings) -> bool:
    """Returns whether a row is to hear how a run ended."""
    if not row.status:
        # Cleared by the producer, or because he removed an option: that the pictures are there does no harm.
        return report.reported is Reported.READY
    if row.status in settings.status_trigger:
        return run.run_id not in row.run  # else it was told, and asks anew
    if row.status in settings.status_reported:
        # What we wrote ourselves is not the producer's choice; a run of his own row has nothing more to say to it.
        return started_in_dagster(run)
    return row.status in settings.status_asking


def mark(instance: dg.DagsterInstance, run: dg.DagsterRun, told: Reported) -> None:
    """Notes on a run that its row needs to hear no more of it."""
    instance.add_run_tags(run.run_id, {REPORTED_TAG: told.value})


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
