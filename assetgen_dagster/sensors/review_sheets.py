"""Review sheets that a run could not show itself: ``notion_outcomes`` retries them a few times, one a tick."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg

from assetgen_dagster.assets.review_sheet import POSTPONED, REFUSED, show_sheet
from assetgen_dagster.assets.tags import PARTITION_TAG, REPORTED_TAG, SHEET_TAG
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.errors import BoardUnavailableError
from assetgen_dagster.notion.reported import Reported, read_reported
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.settings import Settings

#: Attempts before a sheet is left to the project's next run.
_ATTEMPTS = 4

#: The wait after the first attempt; each further wait is longer by the same time.
_WAIT_SECONDS = 30.0

#: Time limit of one attempt: a sensor's tick has a minute.
SHOW_SECONDS = 20.0


@dataclass
class Sheets:
    """What the sensor remembers about review sheets.

    Attributes:
        attempts: The sensor's attempts at each sheet, by the run that drew it; oldest first.
        not_before: Unix time of the next attempt.
    """

    attempts: dict[str, int] = field(default_factory=dict)
    not_before: float = 0.0

    def are_due(self) -> bool:
        """Returns whether an attempt is due."""
        return bool(self.attempts) and time.time() >= self.not_before

    def note_ended(self, run: dg.DagsterRun) -> None:
        """Adds a run that could not show its sheet itself."""
        if run.tags.get(SHEET_TAG) == POSTPONED:
            self.attempts.setdefault(run.run_id, 0)

    def note_reported(self, instance: dg.DagsterInstance, run_id: str, notion: NotionSettings) -> None:
        """Adds a run whose success the sensor reported: the run could not reach Notion to show its sheet either."""
        run = instance.get_run_by_id(run_id)
        if not notion.review_sheet or run is None:
            return
        if read_reported(run.tags.get(REPORTED_TAG, ""), notion) is Reported.READY:
            self.attempts.setdefault(run_id, 0)


def show_due(instance: dg.DagsterInstance, sheets: Sheets, board: TaskBoard, settings: Settings) -> Iterator[str]:
    """Shows the sheet that has waited longest, if one is due; yields the outcome as a message."""
    if not board.settings.review_sheet:
        sheets.attempts.clear()
    if not sheets.are_due():
        return
    run_id = next(iter(sheets.attempts))
    attempts = sheets.attempts.pop(run_id) + 1
    run = instance.get_run_by_id(run_id)
    if run is None:
        return
    key = ProjectKey.from_partition_key(run.tags[PARTITION_TAG])
    try:
        show_sheet(instance, run, key, board=board, settings=settings, seconds=SHOW_SECONDS)
    except BoardUnavailableError as error:
        sheets.not_before = time.time() + _WAIT_SECONDS * attempts
        if attempts < _ATTEMPTS:
            sheets.attempts[run_id] = attempts  # behind the others
        else:
            instance.add_run_tags(run_id, {SHEET_TAG: REFUSED})
        yield f"The review sheet of {key} is not on its row's page: {error}"
    except (AssetgenError, OSError) as error:
        yield f"The review sheet of {key} is not on its row's page: {error}"
    else:
        yield f"The review sheet of {key} is on its row's page."
