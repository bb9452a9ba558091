"""``notion_outcomes``: every run that ended without its row being told is reported here, whatever ended it.

The cursor remembers runs whose report Notion did not take yet, so that none is lost while Notion is down.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import dagster as dg

from assetgen_dagster.assets.keys import image_number
from assetgen_dagster.assets.notion_report import REPORTED_TAG, tell
from assetgen_dagster.assets.projects import CHANNEL_TAG, PARTITION_TAG
from assetgen_dagster.drawing.records import RecordStore
from assetgen_dagster.drawing.status import NotReadyError, measured_pictures, require_ready
from assetgen_dagster.drawing.workspace import open_project
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.log import prepare_log
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.report import Report, error_report, ready_report
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.project import InvalidIdentifierError, ProjectKey
from assetgen_dagster.settings import Settings, load_settings
from assetgen_dagster.story.source import MANIFEST_FILE, load_manifest

_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_REPORT_SECONDS = 10.0
_REPORTS_AT_ONCE = 10

#: Runs are looked at again for so long after they ended: clocks and transactions do not keep their order exactly.
_OVERLAP_SECONDS = 120.0

#: How a run says that it stopped at another run's lock: the row hears from that one.
_AT_THE_LOCK = "is at work on this project"


@dataclass
class Pending:
    """What the sensor remembers between ticks.

    Attributes:
        ended_after: Unix time: runs that ended later have not been looked at.
        run_ids: Runs that are still to be reported, oldest first.
        done: Runs that ended shortly before and need no further look.
    """

    ended_after: float = 0.0
    run_ids: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)


@dg.sensor(
    name="notion_outcomes",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells Notion how runs ended that could not tell it themselves.",
)
def notion_outcomes(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Reports what is due, and says in one sentence what it did or what keeps it."""
    pending = Pending(**json.loads(context.cursor)) if context.cursor else Pending()
    try:
        settings = load_settings()
        prepare_log(settings)
        notion = settings.notion()
        if notion is None:
            return dg.SkipReason("Notion is not set up: NOTION_TOKEN and NOTION_DATABASE_ID are not set.")
        collect(context.instance, pending)
        told = 0
        if pending.run_ids:
            with TaskBoard(notion) as board:
                told = report_due(context.instance, pending, board, settings, notion)
        said = f"Told Notion of {told} runs; {len(pending.run_ids)} are still to be told."
    except AssetgenError as error:
        said = f"{len(pending.run_ids)} runs are still to be told to Notion: {error}"
    context.update_cursor(json.dumps(asdict(pending)))
    return dg.SkipReason(said)


def collect(instance: dg.DagsterInstance, pending: Pending) -> None:
    """Adds the runs that ended since the last look and are ours to report."""
    since = datetime.fromtimestamp(max(0.0, pending.ended_after - _OVERLAP_SECONDS), UTC)
    ended = instance.get_run_records(dg.RunsFilter(statuses=_FINISHED, updated_after=since))
    for record in sorted(ended, key=lambda record: record.end_time or 0.0):
        pending.ended_after = max(pending.ended_after, record.end_time or 0.0)
        run = record.dagster_run
        ours = CHANNEL_TAG in run.tags and _handled_pictures(run) and not _needs_no_report(run)
        if ours and run.run_id not in (*pending.run_ids, *pending.done):
            pending.run_ids.append(run.run_id)
    known = {record.dagster_run.run_id for record in ended}
    pending.done = [run_id for run_id in pending.done if run_id in known]


def report_due(
    instance: dg.DagsterInstance, pending: Pending, board: TaskBoard, settings: Settings, notion: NotionSettings
) -> int:
    """Reports pending runs, a few at a time, and returns how many rows were told.

    Raises:
        BoardError: Notion cannot be told now; what is left stays pending.
    """
    told = 0
    for run_id in pending.run_ids[:_REPORTS_AT_ONCE]:
        run = instance.get_run_by_id(run_id)
        if run is not None and not _needs_no_report(run):
            key = ProjectKey.from_partition_key(run.tags[PARTITION_TAG])
            message = _failure_message(instance, run)
            if _AT_THE_LOCK not in message:
                report = outcome(run, key, message, settings, notion)
                tell(board, notion, run=run, key=key, report=report, instance=instance, seconds=_REPORT_SECONDS)
                told += 1
        pending.run_ids.remove(run_id)
        pending.done.append(run_id)
    return told


def outcome(run: dg.DagsterRun, key: ProjectKey, message: str, settings: Settings, notion: NotionSettings) -> Report:
    """Returns what a run's row is to be told: judged by the pictures, not by the run."""
    paths = open_project(key, workspace=settings.workspace)
    records = RecordStore(paths.records).records
    cost = records.total_usd()
    try:
        found = load_manifest(paths.project / MANIFEST_FILE)
        if found is not None:
            require_ready(found.manifest, records, measured_pictures(found.manifest, records, paths))
            return ready_report(notion, project_cost_usd=cost)
        missing = "No pictures were drawn."
    except NotReadyError as error:
        missing = str(error)
    except AssetgenError as error:
        missing = message = str(error)
    if run.status is dg.DagsterRunStatus.CANCELED:
        message = f"The run was cancelled. {missing}"
    return error_report(notion, reason=message or missing, project_cost_usd=cost)


def _needs_no_report(run: dg.DagsterRun) -> bool:
    """Whether a run was reported, or Dagster runs it again by itself."""
    if REPORTED_TAG in run.tags or run.tags.get("dagster/will_retry") == "true":
        return True
    try:
        ProjectKey.from_partition_key(run.tags.get(PARTITION_TAG, ""))
    except InvalidIdentifierError:
        return True
    return False


def _handled_pictures(run: dg.DagsterRun) -> bool:
    return not run.asset_selection or any(image_number(key) is not None for key in run.asset_selection)


def _failure_message(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Returns the message of the step that failed, else of the run."""
    if run.status is not dg.DagsterRunStatus.FAILURE:
        return ""
    return next(_messages(instance, run.run_id), "The run ended without a word; its process may have been killed.")


def _messages(instance: dg.DagsterInstance, run_id: str) -> Iterator[str]:
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.dagster_event
        if event is not None and event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data and data.user_failure_data.description:
                yield data.user_failure_data.description
            elif data.error:
                yield data.error.message
        elif event is not None and event.message:
            yield event.message
