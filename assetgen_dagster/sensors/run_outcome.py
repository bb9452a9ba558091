"""Decides what to report to the row of a run that has ended, by its pictures; both Notion sensors use it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import dagster as dg

from assetgen_dagster.assets.failure_codes import read_codes
from assetgen_dagster.assets.keys import IMAGES_STEP, JOB_NAME
from assetgen_dagster.assets.request import mode_of, request_id, started_in_dagster, with_continued
from assetgen_dagster.assets.row_report import mark_reported, report_row
from assetgen_dagster.assets.tags import (
    AUTO_RETRY_TAG,
    FAILURE_REASON_TAG,
    PAGE_TAG,
    PARTITION_TAG,
    REDRAW_TAG,
    REPORTED_TAG,
    STOPPED_BY_TAG,
    WILL_RETRY_TAG,
)
from assetgen_dagster.budget.breaker import BROKEN_KEY_CODES
from assetgen_dagster.drawing.defects import DefectivePicture, defective_pictures
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.drawing.preflight import fault_on_this_machine
from assetgen_dagster.drawing.redraw import is_accepted
from assetgen_dagster.drawing.render_options import render_options_of
from assetgen_dagster.drawing.status import NotReadyError, measured_pictures, require_ready
from assetgen_dagster.errors import AssetgenError, Code, coded
from assetgen_dagster.manifest.file import MANIFEST_FILE, load_manifest
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.columns import Figures, figures_of
from assetgen_dagster.notion.report import Report, budget_report, error_report, ready_report, waiting_report
from assetgen_dagster.notion.reported import Reported, values_of
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.notion.table import Position
from assetgen_dagster.project.channels import load_channels
from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey
from assetgen_dagster.project.project_lock import held_projects
from assetgen_dagster.project.records import PictureFacts, ProjectRecords, RecordStore, SpendKind
from assetgen_dagster.project.workspace import locate_project
from assetgen_dagster.settings import Settings

_REPORT_SECONDS = 10.0

#: Faults that may concern the whole machine: then no run is requested until they are fixed. Else, one project's folder.
_MACHINES = frozenset({Code.SCRIPT_CANNOT_START, Code.CANNOT_WRITE})


@dataclass(frozen=True)
class StepError:
    """Why a run failed.

    Attributes:
        message: The error of the step that failed, or of the run.
        step: The step that failed; empty for the run as a whole.
        codes: See ``Code``; empty for a bug.
    """

    message: str
    step: str = ""
    codes: Collection[str] = ()


def needs_no_report(run: dg.DagsterRun) -> bool:
    """Returns whether a run has been reported, has no valid project, or will be retried by Dagster."""
    if run.tags.get(REPORTED_TAG) or run.tags.get(WILL_RETRY_TAG) == "true":
        return True
    try:
        ProjectKey.from_partition_key(run.tags.get(PARTITION_TAG, ""))
    except InvalidIdentifierError:
        return True
    return False


def report_outcome(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    board: TaskBoard,
    settings: Settings,
    notion: NotionSettings,
    *,
    at: Position | None = None,
) -> bool:
    """Reports a run that has ended to its row; returns False if it must be called again later.

    A run that stopped at another run's lock waits until that run is done, as both share a row. ``at`` is where an
    earlier search for the row has come to; it moves on.

    Raises:
        BoardError: The row cannot be written now.
    """
    key = ProjectKey.from_partition_key(run.tags[PARTITION_TAG])
    failures = list(_failures(instance, run))
    first = failures[0] if failures else StepError("")
    taken = order_taken(instance, run, key, settings) and is_carried_out(instance, run, failures)
    waits = goes_on_by_itself(instance, run, settings, notion)
    # A report may set the row to a trigger status, which must be one of the column's options.
    words = replace(notion, status_trigger=board.triggers(deadline_seconds=_REPORT_SECONDS))
    report = outcome(run, key, first, settings, words, waits=waits, taken=taken)
    drawn = report.reported is Reported.READY
    if Code.PROJECT_BUSY in first.codes:
        if held_projects({key: locate_project(key, workspace=settings.workspace)}, settings):
            return False
        if not drawn or started_in_dagster(run):
            # The other run has reported, or it died: then the row still asks, and its next run continues.
            mark_reported(instance, run, Reported.NOTHING)
            return True
    if not drawn and started_in_dagster(run) and run.tags.get(STOPPED_BY_TAG) == Code.BUDGET:
        # The row did not ask for this run; if it waits for room in the budget, it keeps waiting.
        mark_reported(instance, run, Reported.NOTHING)
        return True
    if not drawn and was_not_retried(instance, run):
        # The row asks for another run, which continues.
        report = waiting_report(words, report.figures, reason=first.message)
    report_row(
        board,
        notion,
        run=run,
        key=key,
        report=report,
        instance=instance,
        seconds=_REPORT_SECONDS,
        # The producer withdrew it; if the row asks again meanwhile, that is a new request and no error.
        only_figures=run.tags.get(STOPPED_BY_TAG) == Code.WITHDRAWN and not drawn,
        order_taken=taken,
        at=at,
    )
    return True


def was_not_retried(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Returns whether a run died and Dagster gave up its promised retry, as it does when no code server answers.

    False for a run that redraws existing pictures: another request would draw them once more.
    """
    anew = REDRAW_TAG in run.tags or mode_of(run) is Mode.REGENERATE
    if anew or started_in_dagster(run) or run.tags.get(WILL_RETRY_TAG) != "false":
        return False
    died = run.status is dg.DagsterRunStatus.FAILURE and run.tags.get(FAILURE_REASON_TAG) != "STEP_FAILURE"
    return died and int(run.tags.get(AUTO_RETRY_TAG, "0")) < instance.run_retries_max_retries


def goes_on_by_itself(
    instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings, notion: NotionSettings
) -> bool:
    """Returns whether a run's row keeps asking, because its producer cannot fix what stopped the run.

    A daily quota and an outage end without a person; a row that was changed asks for something else. A wrong key, a
    missing model or script, or a full disk becomes the error of one row, so that somebody learns of it. All other rows
    that it stops wait: those queued behind the first, and those tried to see whether it is over.
    """
    code = run.tags.get(STOPPED_BY_TAG, "")
    if code == Code.DAILY_QUOTA:
        return True
    if started_in_dagster(run):
        return False
    if code in (Code.OUTAGE, Code.ROW_CHANGED):
        return True
    if code not in BROKEN_KEY_CODES and not (code in _MACHINES and fault_on_this_machine(settings)):
        return False
    same = {STOPPED_BY_TAG: code, REPORTED_TAG: values_of(Reported.ERROR, notion)}
    succeeded = [dg.DagsterRunStatus.SUCCESS]
    error, success = (
        instance.get_run_records(filters, limit=1, order_by="end_time")
        for filters in (
            dg.RunsFilter(job_name=JOB_NAME, tags=same),
            dg.RunsFilter(job_name=JOB_NAME, statuses=succeeded),
        )
    )
    return bool(error) and not (success and (success[0].end_time or 0.0) > (error[0].end_time or 0.0))


def order_taken(instance: dg.DagsterInstance, run: dg.DagsterRun, key: ProjectKey, settings: Settings) -> bool:
    """Returns whether a run's redraw, if its row asked for one, is in the records."""
    if REDRAW_TAG not in run.tags:
        return True
    try:
        records = RecordStore(locate_project(key, workspace=settings.workspace).records).records
    except AssetgenError:
        return False
    return is_accepted(records, request_id(instance, run))


def is_carried_out(instance: dg.DagsterInstance, run: dg.DagsterRun, failures: Iterable[StepError]) -> bool:
    """Returns whether a run did what its row had asked for, given that all pictures are present.

    They may be earlier ones: the run may have ended before its images step, or failed in it while resuming.
    """
    if PAGE_TAG not in run.tags or run.status is dg.DagsterRunStatus.SUCCESS:
        return True
    if run.tags.get(STOPPED_BY_TAG) == Code.ROW_CHANGED:
        return False
    if mode_of(run) is Mode.RESUME and any(failure.step == IMAGES_STEP for failure in failures):
        return False
    return any(_reached_images(instance, one) for one in with_continued(instance, run))


def _reached_images(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    begun = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
    return any(entry.step_key == IMAGES_STEP for entry in begun)


def outcome(
    run: dg.DagsterRun,
    key: ProjectKey,
    failure: StepError,
    settings: Settings,
    notion: NotionSettings,
    *,
    waits: bool,
    taken: bool,
) -> Report:
    """Returns the report for a run's row: decided by the pictures, not by the run's status.

    Args:
        run: The run.
        key: Its project.
        failure: Why it failed; its message is empty if it did not fail.
        settings: The settings in force.
        notion: Names of the statuses.
        waits: Whether the row keeps asking.
        taken: Whether the run did what it was asked for; if not, complete pictures are no success.
    """
    figures: Figures = {}
    message, lost = failure.message, 0.0
    try:
        paths = locate_project(key, workspace=settings.workspace)
        records = RecordStore(paths.records).records
        figures = figures_of(records)
        lost = records.total_usd(kind=SpendKind.POSSIBLY_BILLED, paid_by=run.run_id)
        found = load_manifest(paths.project / MANIFEST_FILE)
        if found is not None:
            pictures = measured_pictures(found.manifest, records, paths)
            figures = figures_of(records, pictures)
            require_ready(found.manifest, records, pictures)
            if taken:
                defective = _defective(key, found.manifest, records, pictures, settings)
                return ready_report(notion, figures, defective)
        missing = "No pictures were drawn." if found is None else "Nothing was drawn again."
    except NotReadyError as error:
        missing = str(error)
    except AssetgenError as error:
        missing = message = str(error)
    over_budget = run.tags.get(STOPPED_BY_TAG) == Code.BUDGET
    if run.status is dg.DagsterRunStatus.CANCELED and not waits and not over_budget:
        more = f" Calls that never answered may have cost ${lost:.3f}." if lost else ""
        message = f"{coded('The run was cancelled.', Code.CANCELLED)} {missing}{more}"
    reason = message or missing
    if waits:
        code = run.tags.get(STOPPED_BY_TAG)
        if code == Code.ROW_CHANGED:  # its run is cancelled, so no step tells why
            reason = coded(Code.ROW_CHANGED.cause, Code.ROW_CHANGED)
        passes = code in {Code.DAILY_QUOTA, Code.OUTAGE, Code.ROW_CHANGED}
        return waiting_report(notion, figures, reason=reason, passes=passes)
    if over_budget:
        return budget_report(notion, figures, reason=reason)
    return error_report(notion, figures, reason=reason, codes=failure.codes)


def _defective(
    key: ProjectKey,
    manifest: AssetManifest,
    records: ProjectRecords,
    pictures: Mapping[str, PictureFacts | None],
    settings: Settings,
) -> list[DefectivePicture]:
    """Returns the pictures to look at; none if the channel's options cannot be read, as the pictures are there."""
    try:
        options = render_options_of(settings, load_channels(settings).get(key.channel))
    except AssetgenError:
        return []
    return defective_pictures(manifest, records, pictures, options)


def _failures(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[StepError]:
    """Yields the errors of a failed run, in the order of its steps."""
    if run.status is not dg.DagsterRunStatus.FAILURE:
        return
    had_message = False
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for entry in instance.all_logs(run.run_id, of_type=kinds):
        event = entry.dagster_event
        if event is None:
            continue
        message, codes = event.message, frozenset[str]()
        if event.is_step_failure:
            data = event.step_failure_data
            given = data.user_failure_data
            message = (given.description if given else None) or (data.error.message if data.error else "")
            codes = read_codes(given.metadata, message) if given else codes
        if message:
            had_message = True
            yield StepError(message, event.step_key or "", codes)
    if not had_message:
        yield StepError(
            coded("The run ended without an error message; its process may have been killed.", Code.RUN_DIED)
        )
