"""Reports the end of a run to its Notion row: at once from inside the run, or later from the sensors.

A report is written only while the row waits for that run. It never overwrites a status that the producer has set
meanwhile, nor a request made after the report.
"""

import time
import uuid
from collections.abc import Callable, Sequence

import dagster as dg
import structlog

from assetgen_dagster.assets.request import mode_of, started_in_dagster, with_retried
from assetgen_dagster.assets.resources import TaskBoardResource
from assetgen_dagster.assets.runs import UNFINISHED
from assetgen_dagster.assets.session import Project
from assetgen_dagster.assets.tags import PAGE_TAG, REDRAW_TAG, REPORTED_TAG
from assetgen_dagster.drawing.defects import DefectivePicture
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
from assetgen_dagster.notion.reported import Reported, read_reported
from assetgen_dagster.notion.row import Row
from assetgen_dagster.notion.settings import NotionSettings, notion_settings
from assetgen_dagster.notion.table import Position
from assetgen_dagster.project.key import ProjectKey

#: Time limit of the report from inside a run; after that ``notion_outcomes`` reports.
_IN_RUN_SECONDS = 5.0

_log = structlog.get_logger()


def report_ready_at_once(
    context: dg.AssetExecutionContext,
    project: Project,
    boards: TaskBoardResource,
    figures: Figures,
    defective: Sequence[DefectivePicture],
) -> None:
    """Reports to the row of a run that all pictures are there; a failure of Notion does not fail the run."""
    settings = notion_settings(project.settings)
    if settings is None:
        return
    report = ready_report(settings, figures, defective)
    try:
        with boards.open(settings) as board:
            report_row(
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
        context.log.warning(f"The row in Notion was not updated; notion_outcomes will do it: {error}")


def report_row(
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
    at: Position | None = None,
) -> None:
    """Writes a report into a run's row if the row waits for it, and marks the run as reported.

    A row that does not wait gets cost and number of pictures only, which are true in any case. An order (regenerate,
    redraw) is cleared if the run accepted it and the row still shows the same one, whatever its status, because a
    later run continues it. A row that names another project by now gets no report and requests a run of its own.

    Raises:
        BoardError: The row could not be written now.
    """
    deadline = time.monotonic() + seconds
    page_id = find_page(board, run, key, seconds, at=at)
    row = board.read_row(page_id, deadline_seconds=time_left(deadline)) if page_id is not None else None
    reported: Reported
    if page_id is None:
        reported = Reported.NOTHING if report.reported is Reported.READY else report.reported
    elif row is None:
        reported = Reported.ROW_GONE
    elif names_other_project(row, key):
        reported = Reported.NOTHING
        if row.status == settings.status_drawing:  # which requests nothing
            board.update_row(page_id, {STATUS: settings.status_trigger[0]}, deadline_seconds=time_left(deadline))
    else:
        reported = _write(
            board,
            settings,
            row,
            run=run,
            report=report,
            deadline=deadline,
            has_report=reports_of(instance, run, settings),
            only_figures=only_figures or waits_for_other_run(instance, row, run, settings),
            order_taken=order_taken,
        )
    if reported is Reported.ROW_GONE:
        _log.warning("task_not_found", page_id=page_id)
    elif page_id is not None:
        status = (reported is report.reported and report.status) or reported.value
        _log.info("task_updated", page_id=page_id, status=status)
    mark_reported(instance, run, reported)


def _write(
    board: TaskBoard,
    settings: NotionSettings,
    row: Row,
    *,
    run: dg.DagsterRun,
    report: Report,
    deadline: float,
    has_report: Callable[[Row], bool],
    only_figures: bool,
    order_taken: bool,
) -> Reported:
    """Writes the report, or only its figures, into a row; returns what was reported."""

    def waits(row: Row) -> bool:
        if only_figures:
            return False
        if is_waiting(row, run, report, settings, has_report):
            return True
        return not board.status_can_ask(deadline_seconds=time_left(deadline))

    # A row with the report was cleared: the same order in it is a new one.
    clears = order_taken and not has_report(row)
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
    return report.reported if run.run_id in row.run else Reported.LEFT


def _cleared(*, regenerate: bool, redraw: bool) -> RowUpdate:
    """Returns the update that clears the orders that a run accepted."""
    orders = ([REGENERATE] if regenerate else []) + ([REDRAW, REDRAW_REMARK] if redraw else [])
    return dict.fromkeys(orders, CLEARED)


def names_other_project(row: Row, key: ProjectKey) -> bool:
    """Returns whether a row names another project than its run, because it was corrected since.

    An empty cell, or one whose column was renamed, names no project.
    """
    named = row.project_id != uuid.UUID(row.page_id).hex
    return (bool(row.channel) and row.channel != key.channel) or (named and row.project_id != key.project)


def waits_for_other_run(instance: dg.DagsterInstance, row: Row, run: dg.DagsterRun, settings: NotionSettings) -> bool:
    """Returns whether a person started this run in Dagster while the row waits for a run of its own.

    The row does if its own run is unfinished, or if it orders something that this run does not carry out.
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


def reports_of(instance: dg.DagsterInstance, run: dg.DagsterRun, settings: NotionSettings) -> Callable[[Row], bool]:
    """Returns whether a row has the report of a run already, as a function of the row.

    A run may have written it and died: then the run that retries it finds it in the row, or, if the database has no
    column for the run, in the tag of the run that died.
    """
    runs = list(with_retried(instance, run))
    ready = any(read_reported(one.tags.get(REPORTED_TAG, ""), settings) is Reported.READY for one in runs[1:])
    return lambda row: ready or any(one.run_id in row.run for one in runs)


def is_waiting(
    row: Row, run: dg.DagsterRun, report: Report, settings: NotionSettings, has_report: Callable[[Row], bool]
) -> bool:
    """Returns whether a row waits for the report of a run."""
    if not row.status:
        # The producer cleared it, or removed its option: reporting that the pictures are there does no harm.
        return report.reported is Reported.READY
    if row.status in settings.status_trigger:
        return not has_report(row)  # else this is a new request
    if row.status in settings.status_reported:
        # We wrote this status, not the producer. The row's own run has reported already; one from Dagster has not.
        return started_in_dagster(run)
    return row.status in settings.status_asking


def mark_reported(instance: dg.DagsterInstance, run: dg.DagsterRun, reported: Reported) -> None:
    """Tags a run as reported, so that no sensor reports it again."""
    instance.add_run_tags(run.run_id, {REPORTED_TAG: reported.value})


def time_left(deadline: float) -> float:
    """Returns the seconds until ``deadline`` on the monotonic clock, at least 0.5, so that a last call can succeed."""
    return max(0.5, deadline - time.monotonic())


def find_page(
    board: TaskBoard, run: dg.DagsterRun, key: ProjectKey, seconds: float, *, at: Position | None = None
) -> str | None:
    """Returns the page id of a run's row; searches the board for a run that no row requested, from ``at``.

    Raises:
        BoardError: The search failed.
    """
    if PAGE_TAG in run.tags:
        return run.tags[PAGE_TAG]
    row = board.find_row(key.channel, key.project, at=at, deadline_seconds=seconds)
    return row.page_id if row else None
