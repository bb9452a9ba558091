"""``assetgen generate``: the same Dagster run as from the UI, in this process, with progress in the terminal."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg

from assetgen_dagster.assets.keys import ASSETS_READY, CONTACT_SHEET, JOB_NAME
from assetgen_dagster.assets.partitions import ensure_partition
from assetgen_dagster.assets.ready import LOOK_AT, LOOK_AT_NUMBERS
from assetgen_dagster.assets.request import mint_request
from assetgen_dagster.assets.resources import FixedSettings
from assetgen_dagster.assets.session import Listener
from assetgen_dagster.assets.tags import COMMAND_TAG, PARTITION_TAG, REQUEST_TAG
from assetgen_dagster.cli.dagster_home import open_instance, prepare_dagster_home
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.director.source import DOCUMENT_FILE, resolve_in_folder
from assetgen_dagster.drawing.plan import Mode, Redraw
from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.records import RecordStore, SpendKind
from assetgen_dagster.project.workspace import locate_project, open_project, unwritable
from assetgen_dagster.run_coordinator import project_tags
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.files import write_atomically
from assetgen_dagster.support.log import make_room, open_log

#: The errors that Dagster turns Ctrl-C and a termination into.
_INTERRUPTIONS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        success: Whether every picture is done.
        interrupted: Whether it was interrupted.
        run_id: The Dagster run.
        message: Why it failed; empty if it did not.
        total_cost_usd: Cost of this run; None if the run ended before it was known.
        project_cost_usd: Cost of all runs.
        possibly_billed_usd: What calls of this run without an answer may have cost in addition.
        contact_sheet: The sheet's file, if it was drawn.
        look_at: Names the pictures with defects; empty if there are none.
        look_at_numbers: The same as ``redraw --pictures`` takes them.
    """

    success: bool
    interrupted: bool
    run_id: str
    message: str = ""
    total_cost_usd: float | None = None
    project_cost_usd: float | None = None
    possibly_billed_usd: float = 0.0
    contact_sheet: str | None = None
    look_at: str = ""
    look_at_numbers: str = ""


def place_document(key: ProjectKey, document: Path, settings: Settings) -> None:
    """Copies a producer's document to where ``asset_manifest`` reads it; the earlier one is set aside.

    An invalid document replaces nothing.

    Raises:
        AssetgenError: The document cannot be used, the manifest was edited, or the folder cannot be written.
    """
    try:
        content = document.read_bytes()
    except OSError as error:
        raise AssetgenError(f"Cannot read --document {document}: {error.strerror}.", code=Code.DOCUMENT) from None
    paths = open_project(key, workspace=settings.workspace)
    resolve_in_folder(paths.project, None, document=document)
    target = paths.project / DOCUMENT_FILE
    try:
        if target.exists():
            if target.read_bytes() == content:
                return
            paths.set_aside(target)
        write_atomically(target, content)
    except OSError as error:
        raise unwritable(Path(error.filename or target), error) from error


def run_project(
    key: ProjectKey,
    settings: Settings,
    *,
    listener: Listener,
    topic: str | None = None,
    story_direction: str | None = None,
    mode: Mode = Mode.AUTO,
    redraw: Redraw | None = None,
) -> Outcome:
    """Materializes all assets of one project and returns how that went.

    Args:
        key: The project.
        settings: The settings in force.
        listener: Told what goes on.
        topic: Of the story, if one is given.
        story_direction: Likewise.
        mode: What is drawn again.
        redraw: The only pictures to draw of a project that is complete.

    Raises:
        AssetgenError: A setting cannot be used.
    """
    story = {"topic": topic, "story_direction": story_direction}
    config = {
        "ops": {
            "asset_manifest": {"config": {name: text for name, text in story.items() if text is not None}},
            "images": {"config": {"mode": mode.value} | (redraw.config() if redraw else {})},
        },
        # The terminal has its own display; everything is in the run's event log.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    log_file = prepare_dagster_home(settings) / "assetgen.log"
    make_room(log_file)
    with open_instance(settings) as instance, open_log(log_file) as log:
        given = FixedSettings(source=lambda: settings)
        job = build_definitions(settings=given, listener=listener, log_stream=log).resolve_job_def(JOB_NAME)
        ensure_partition(instance, key)
        tags = project_tags(str(key)) | {PARTITION_TAG: str(key), COMMAND_TAG: "redraw" if redraw else "generate"}
        run = dg.DagsterRun(JOB_NAME, run_config=config, tags=tags)
        result = job.execute_in_process(
            run_config=config,
            instance=instance,
            partition_key=str(key),
            run_id=run.run_id,
            tags=tags | {REQUEST_TAG: mint_request(instance, run)},
            raise_on_error=False,
        )
    return _with_money(_outcome(result), key, settings)


def _with_money(outcome: Outcome, key: ProjectKey, settings: Settings) -> Outcome:
    """Returns an outcome with what the records know: an interrupted run may not have told its cost."""
    try:
        records = RecordStore(locate_project(key, workspace=settings.workspace).records).records
    except AssetgenError:
        return outcome
    lost = records.total_usd(kind=SpendKind.POSSIBLY_BILLED, paid_by=outcome.run_id)
    if not outcome.interrupted:
        return replace(outcome, possibly_billed_usd=lost)
    spent = records.total_usd(paid_by=outcome.run_id)
    return replace(outcome, total_cost_usd=spent, project_cost_usd=records.total_usd(), possibly_billed_usd=lost)


def _outcome(result: dg.ExecuteInProcessResult) -> Outcome:
    ready, sheet = _metadata(result, ASSETS_READY), _metadata(result, CONTACT_SHEET)
    message = ""
    for event in result.filter_events(lambda event: event.is_step_failure):
        failure = event.step_failure_data
        shown = failure.user_failure_data
        described = shown.description if shown else None
        message = described or (failure.error.message if failure.error else "") or message
        if shown is not None:
            ready = {name: value.value for name, value in shown.metadata.items()} or ready
    return Outcome(
        success=result.success,
        interrupted=_was_interrupted(result),
        run_id=result.run_id,
        message=message.strip(),
        total_cost_usd=ready.get("total_cost_usd"),
        project_cost_usd=ready.get("project_cost_usd"),
        contact_sheet=sheet.get("path"),
        look_at=ready.get(LOOK_AT, ""),
        look_at_numbers=ready.get(LOOK_AT_NUMBERS, ""),
    )


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Returns whether the run was interrupted; between two steps, that is no step's failure."""
    ends = [event.job_failure_data.error for event in result.filter_events(lambda event: event.is_job_failure)]
    return any(error is not None and error.cls_name in _INTERRUPTIONS for error in ends)


def _metadata(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, Any]:
    for event in result.get_asset_materialization_events():
        if event.asset_key == key:
            return {name: value.value for name, value in event.materialization.metadata.items()}
    return {}
