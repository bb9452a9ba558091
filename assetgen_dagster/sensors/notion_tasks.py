"""``notion_tasks``: requests a run for each row that asks for pictures. ``notion.decide`` makes the decisions."""

import contextlib
import json
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

import dagster as dg

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.assets.partitions import PARTITIONS, projects
from assetgen_dagster.assets.request import started_in_dagster
from assetgen_dagster.assets.resources import SettingsResource, TaskBoardResource
from assetgen_dagster.assets.runs import FINISHED, STARTED, draws_all
from assetgen_dagster.assets.tags import (
    AUTO_RETRY_TAG,
    CHANNEL_TAG,
    PAGE_TAG,
    PARTITION_TAG,
    PROJECT_TAG,
    REDRAW_TAG,
    REPORTED_TAG,
    ROW_TAG,
    STOPPED_BY_TAG,
    WILL_RETRY_TAG,
)
from assetgen_dagster.budget.messages import stopped_message
from assetgen_dagster.budget.stores import stopped_now
from assetgen_dagster.drawing.redraw import KnownPictures, known_pictures
from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.columns import ERROR_LOG, STATUS
from assetgen_dagster.notion.decide import NEVER, REQUESTS_AT_ONCE, Decisions, LatestRun, Start, decide
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError
from assetgen_dagster.notion.redraw import UnknownPictures, asks_for_redraw, redraw_digest
from assetgen_dagster.notion.reported import Reported, read_reported
from assetgen_dagster.notion.row import Row
from assetgen_dagster.notion.settings import NotionSettings, notion_settings
from assetgen_dagster.project.channels import load_channels
from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey
from assetgen_dagster.sensors import BOARD_SECONDS, TICK_SECONDS
from assetgen_dagster.sensors.requeue import requeue
from assetgen_dagster.sensors.run_admission import Admitted, RunAdmission, admit_runs
from assetgen_dagster.sensors.run_outcome import report_outcome
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.log import prepare_log

ATTEMPT_TAG = "attempt"
_PAGES_A_QUERY = 200

#: After this long ``notion_outcomes`` should have reported a run's end to its row.
_OVERDUE_SECONDS = 60.0

#: Seconds of a tick reserved for carrying out its decisions.
_CARRY_OUT_SECONDS = 15.0


@dg.sensor(
    name="notion_tasks",
    job_name=JOB_NAME,
    minimum_interval_seconds=TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Watches Notion for rows that ask for pictures, and requests a run for each.",
)
def notion_tasks(
    context: dg.SensorEvaluationContext, assetgen_settings: SettingsResource, task_board: TaskBoardResource
) -> dg.SensorResult | dg.SkipReason:
    """Does one tick."""
    try:
        settings = assetgen_settings.load()
        prepare_log(settings.secrets())
        notion = notion_settings(settings)
        if notion is None:
            return dg.SkipReason("Notion is not set up: NOTION_TOKEN and NOTION_DATABASE_ID are not set.")
        if order := stopped_message(stopped_now(settings), settings):
            return dg.SkipReason(f"No runs are requested. {' '.join(order)}")
        with task_board.open(notion, total_seconds=BOARD_SECONDS) as board:
            failures = list(requeue(context.instance, board, settings, notion))
            rows = board.triggered_rows(drawing=True)
            asking = sum(row.status in notion.status_trigger for row in rows)
            admission = admit_runs(context.instance, settings) if asking else RunAdmission(Admitted.ALL)
            if admission.admitted is Admitted.NONE:
                return dg.SkipReason(f"No runs are requested for {asking} rows: {admission.reason}")
            seen = read_seen(context.cursor)
            decisions = _decide(
                context.instance, rows, settings, board, seen, one=admission.admitted is not Admitted.ALL
            )
            context.update_cursor(json.dumps({"seen": decisions.seen}))
            starts, more = _carry_out(context, board, decisions, settings, notion)
    except AssetgenError as error:
        return dg.SkipReason(str(error))
    return _result(context, starts, decisions, [*failures, *more])


def _decide(
    instance: dg.DagsterInstance,
    rows: Sequence[Row],
    settings: Settings,
    board: TaskBoard,
    seen: Collection[str],
    *,
    one: bool,
) -> Decisions:
    of_projects = runs_of_projects(instance, rows)
    others_drew, others_at_work = others(of_projects, settings, board.settings)
    return decide(
        rows,
        latest_runs(instance, rows, board.settings),
        claims(of_projects),
        load_channels(settings),
        seen=seen,
        others=others_drew,
        at_work=others_at_work,
        drawing=board.settings.status_drawing,
        at_once=1 if one else REQUESTS_AT_ONCE,
        pictures=known_of(rows, settings),
        gone=lambda page_id: board.read_row(page_id, deadline_seconds=board.left_seconds - _CARRY_OUT_SECONDS) is None,
    )


def read_seen(cursor: str | None) -> list[str]:
    """Returns what the last tick saw of rows without a run, from the sensor's cursor; nothing at the first tick."""
    return list(json.loads(cursor)["seen"]) if cursor else []


def known_of(rows: Sequence[Row], settings: Settings) -> dict[ProjectKey, KnownPictures | UnknownPictures]:
    """Returns the pictures of each project with a row that asks for a redraw."""
    found: dict[ProjectKey, KnownPictures | UnknownPictures] = {}
    for row in rows:
        if not asks_for_redraw(row):
            continue
        with contextlib.suppress(InvalidIdentifierError):  # ``decide`` rejects that row
            key = ProjectKey(row.channel, row.project_id)
            try:
                found[key] = known_pictures(key, settings)
            except AssetgenError as error:
                found[key] = UnknownPictures(error.message)
    return found


def latest_runs(instance: dg.DagsterInstance, rows: Sequence[Row], notion: NotionSettings) -> dict[str, LatestRun]:
    """Returns the newest run of each row that has one, by page id."""
    found: dict[str, LatestRun] = {}
    for pages in _portions([row.page_id for row in rows]):
        of_pages: dict[str, list[dg.RunRecord]] = {}
        for record in instance.get_run_records(dg.RunsFilter(tags={PAGE_TAG: pages})):
            of_pages.setdefault(record.dagster_run.tags[PAGE_TAG], []).append(record)
        found |= {page: _latest_run(records, notion) for page, records in of_pages.items()}
    return found


def _latest_run(records: Sequence[dg.RunRecord], notion: NotionSettings) -> LatestRun:
    """Returns the newest of a row's runs, given all of them, newest first."""
    run, end_time = records[0].dagster_run, records[0].end_time
    finished = run.status in FINISHED and run.tags.get(WILL_RETRY_TAG) != "true"
    drew = [record for record in records if _may_have_drawn(record.dagster_run, notion)]
    return LatestRun(
        run_id=run.run_id,
        finished=finished,
        reported=_reported(run, notion) not in (None, Reported.ROW_GONE),
        attempt=max(int(record.dagster_run.tags.get(ATTEMPT_TAG, "1")) for record in records),
        overdue=finished and abs(time.time() - (end_time or 0.0)) > _OVERDUE_SECONDS,
        position=drew[0].storage_id if drew else NEVER,
        cut_short=_is_cut_short([record.dagster_run for record in drew], notion),
    )


def _may_have_drawn(run: dg.DagsterRun, notion: NotionSettings) -> bool:
    """Returns whether a run came to its pictures; it did not if it met another run, or if its row was changed."""
    return _reported(run, notion) is not Reported.NOTHING and run.tags.get(STOPPED_BY_TAG) != Code.ROW_CHANGED


def _is_cut_short(runs: Sequence[dg.DagsterRun], notion: NotionSettings) -> bool:
    """Returns whether the last request reported its pictures, and no run of it succeeded; newest run first."""
    for run in runs:
        if run.status is dg.DagsterRunStatus.SUCCESS:
            return False
        if _reported(run, notion) is Reported.READY:
            return True
        if AUTO_RETRY_TAG not in run.tags:
            return False
    return False


def _reported(run: dg.DagsterRun, notion: NotionSettings) -> Reported | None:
    return read_reported(run.tags.get(REPORTED_TAG, ""), notion)


def runs_of_projects(instance: dg.DagsterInstance, rows: Sequence[Row]) -> list[tuple[ProjectKey, dg.RunRecord]]:
    """Returns all runs of the rows' projects with their project, oldest first."""
    found: list[tuple[ProjectKey, dg.RunRecord]] = []
    for keys in _portions([f"{row.channel}:{row.project_id}" for row in rows]):
        for record in instance.get_run_records(dg.RunsFilter(tags={PARTITION_TAG: keys}), ascending=True):
            with contextlib.suppress(InvalidIdentifierError):
                key = ProjectKey.from_partition_key(record.dagster_run.tags[PARTITION_TAG])
                found.append((key, record))
    return found


def claims(runs: Iterable[tuple[ProjectKey, dg.RunRecord]]) -> dict[ProjectKey, list[str]]:
    """Returns the pages of all rows that had runs for a project, oldest run first."""
    found: dict[ProjectKey, list[str]] = {}
    for key, record in runs:
        page_id = record.dagster_run.tags.get(PAGE_TAG)
        if page_id is not None and page_id not in found.setdefault(key, []):
            found[key].append(page_id)
    return found


def others(
    runs: Iterable[tuple[ProjectKey, dg.RunRecord]], settings: Settings, notion: NotionSettings
) -> tuple[dict[ProjectKey, int], set[ProjectKey]]:
    """Returns the projects with a run that drew everything, no row requested and none heard of, and with one at work.

    What a run at work leaves is known only when it ends: it may complete the project, or fail before it draws. One that
    has not started cannot have completed it; then the rounds decide which of both runs draws.

    Returns:
        By project, the newest such run that succeeded; the projects with one at work.
    """
    drew: dict[ProjectKey, int] = {}
    at_work: set[ProjectKey] = set()
    for key, record in runs:
        run = record.dagster_run
        if not (started_in_dagster(run) and draws_all(run, settings.image_slots)):
            continue
        if _reported(run, notion) is Reported.READY:
            continue
        if run.status is dg.DagsterRunStatus.SUCCESS:
            drew[key] = record.storage_id
        elif run.status in STARTED:
            at_work.add(key)
    return drew, at_work


def run_request(start: Start) -> dg.RunRequest:
    """Returns the request for a row's run: the story in its config, the row in its tags."""
    row, key, redraw = start.row, start.key, start.redraw
    return dg.RunRequest(
        run_key=start.run_key,
        partition_key=str(key),
        run_config={
            "ops": {
                "asset_manifest": {"config": {"topic": row.topic, "story_direction": row.story_direction}},
                "images": {"config": {"mode": start.mode} | (redraw.config() if redraw else {})},
            }
        },
        tags={
            PAGE_TAG: row.page_id,
            CHANNEL_TAG: key.channel,
            PROJECT_TAG: key.project,
            ATTEMPT_TAG: str(start.attempt),
            ROW_TAG: row.digest,
        }
        | ({REDRAW_TAG: redraw_digest(row)} if redraw else {}),
    )


def _carry_out(
    context: dg.SensorEvaluationContext,
    board: TaskBoard,
    decisions: Decisions,
    settings: Settings,
    notion: NotionSettings,
) -> tuple[list[Start], list[str]]:
    """Returns the starts that are still valid, and the failures to write to rows.

    If Notion fails or the time runs out, returns the starts so far; the next tick continues after them.
    """
    starts: list[Start] = []
    failures: list[str] = []
    try:
        for start in decisions.starts:
            if _still_asks(board, start, notion):
                starts.append(start)
        failures += _reject(board, decisions, notion)
        failures += _report_missed(context, board, decisions, settings, notion)
    except BoardUnavailableError as error:
        if not starts:
            raise
        failures.append(str(error))
    return starts, failures


def _result(
    context: dg.SensorEvaluationContext, starts: Sequence[Start], decisions: Decisions, failures: Sequence[str]
) -> dg.SensorResult | dg.SkipReason:
    if not starts:
        message = f"{decisions.waiting} are in progress, {len(decisions.rejects)} were rejected."
        message += f" {decisions.postponed} are left for the next tick." if decisions.postponed else ""
        message += f" {decisions.changing} start once they have not changed for a tick." if decisions.changing else ""
        return dg.SkipReason(" ".join([f"No row asks for a new run; {message}", *failures]))
    for failure in failures:  # a tick that requests runs has no skip reason
        context.log.warning(failure)
    missing = [str(s.key) for s in starts if not context.instance.has_dynamic_partition(PARTITIONS, str(s.key))]
    return dg.SensorResult(
        run_requests=[run_request(start) for start in starts],
        dynamic_partitions_requests=[projects.build_add_request(missing)] if missing else [],
    )


def _still_asks(board: TaskBoard, start: Start, notion: NotionSettings) -> bool:
    """Returns whether a row that had a run still asks for one; reads the row again, after its runs.

    Between the reads of rows and runs, a run may have ended and reported to its row.
    """
    if start.attempt == 1:
        return True
    row = board.read_row(start.row.page_id)
    return row is not None and _asks_the_same(row, start.row, notion)


def _asks_the_same(row: Row, before: Row, notion: NotionSettings) -> bool:
    """Returns whether a row still asks, and for the same as before: its producer may be writing it."""
    return row.status in notion.status_trigger and row.digest == before.digest


def _reject(board: TaskBoard, decisions: Decisions, notion: NotionSettings) -> Iterator[str]:
    """Writes to rows why nothing is drawn for them; yields failures, so that one does not block the others."""
    for reject in decisions.rejects:
        try:
            board.update_row(
                reject.row.page_id,
                {STATUS: notion.status_error, ERROR_LOG: reject.reason},
                only_if=partial(_asks_the_same, before=reject.row, notion=notion),
            )
        except BoardUnavailableError:
            raise
        except BoardError as error:
            yield str(error)


def _report_missed(
    context: dg.SensorEvaluationContext,
    board: TaskBoard,
    decisions: Decisions,
    settings: Settings,
    notion: NotionSettings,
) -> Iterator[str]:
    """Reports what ``notion_outcomes`` has missed; yields the failures to write to rows."""
    for run_id in decisions.unreported:
        run = context.instance.get_run_by_id(run_id)
        try:
            if run is not None:
                report_outcome(context.instance, run, board, settings, notion)
        except BoardUnavailableError:
            raise
        except (AssetgenError, OSError) as error:
            yield str(error)


def _portions(values: Sequence[str]) -> Iterable[list[str]]:
    for start in range(0, len(values), _PAGES_A_QUERY):
        yield list(values[start : start + _PAGES_A_QUERY])
