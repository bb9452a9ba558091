"""Shows the review sheet on the page of a ready row: from inside the run, after its report, or later from a sensor.

A failure of Notion changes neither the run nor the row.
"""

import time

import dagster as dg
import structlog

from assetgen_dagster.assets.resources import TaskBoardResource
from assetgen_dagster.assets.row_report import find_page, time_left
from assetgen_dagster.assets.session import Project
from assetgen_dagster.assets.tags import SHEET_TAG
from assetgen_dagster.drawing.contact_sheet import compress
from assetgen_dagster.drawing.status import is_stale
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.manifest.file import MANIFEST_FILE, load_manifest
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.errors import BoardUnavailableError
from assetgen_dagster.notion.page import LARGEST_FILE
from assetgen_dagster.notion.settings import notion_settings
from assetgen_dagster.notion.sheet import sheet_of
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.records import RecordStore
from assetgen_dagster.project.workspace import locate_project
from assetgen_dagster.settings import Settings

#: Values of the run's tag: on the page; not applicable; needs a person to fix something; tried again later.
SHOWN = "shown"
NOT_WANTED = "not wanted"
REFUSED = "refused"
POSTPONED = "postponed"

#: Time limit inside a run, which blocks the project's next run meanwhile.
_IN_RUN_SECONDS = 30.0

_log = structlog.get_logger()


def show_at_once(context: dg.AssetExecutionContext, project: Project, boards: TaskBoardResource) -> None:
    """Shows the review sheet of a run's project if its row is ready; logs a warning if that fails."""
    settings = project.settings
    notion = notion_settings(settings)
    if notion is None or not notion.review_sheet or is_stale(project.store.records):
        return
    try:
        with boards.open(notion) as board:
            show_sheet(
                context.instance, context.run, project.key, board=board, settings=settings, seconds=_IN_RUN_SECONDS
            )
    except (AssetgenError, OSError) as error:
        later = " notion_outcomes tries again." if isinstance(error, BoardUnavailableError) else ""
        context.log.warning(f"The review sheet is not on the row's page.{later} {error}")


def show_sheet(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    key: ProjectKey,
    *,
    board: TaskBoard,
    settings: Settings,
    seconds: float,
) -> None:
    """Shows the review sheet on the page of a run's row if the row is ready; tags the run with the outcome.

    Raises:
        BoardUnavailableError: Notion is not available now.
        BoardError: A person has to fix something first.
        AssetgenError: Manifest or records cannot be used.
        OSError: The contact sheet cannot be read.
    """
    outcome = REFUSED
    try:
        outcome = _show(run, key, board=board, settings=settings, seconds=seconds)
    except BoardUnavailableError as error:
        outcome = POSTPONED
        _log.warning("review_sheet_postponed", reason=str(error))
        raise
    except (AssetgenError, OSError) as error:
        _log.warning("review_sheet_refused", reason=str(error))
        raise
    finally:
        instance.add_run_tags(run.run_id, {SHEET_TAG: outcome})


def _show(run: dg.DagsterRun, key: ProjectKey, *, board: TaskBoard, settings: Settings, seconds: float) -> str:
    paths = locate_project(key, workspace=settings.workspace)
    found, records = load_manifest(paths.project / MANIFEST_FILE), RecordStore(paths.records).records
    deadline = time.monotonic() + seconds
    page_id = find_page(board, run, key, seconds)
    row = board.read_row(page_id, deadline_seconds=time_left(deadline)) if page_id else None
    if (
        found is None
        or is_stale(records)
        or row is None
        or row.status not in board.settings.status_asking | {board.settings.status_ready}
    ):
        return NOT_WANTED
    if row.status != board.settings.status_ready:
        raise BoardUnavailableError(f"The row's status is not {board.settings.status_ready!r} yet.")
    sheet = sheet_of(found.manifest, records)
    picture = compress(paths.contact_sheet, largest=LARGEST_FILE)
    if board.show_sheet(row.page_id, sheet, picture, deadline_seconds=time_left(deadline)):
        _log.info("review_sheet_shown", page_id=row.page_id)
    return SHOWN
