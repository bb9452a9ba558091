"""Looks at a run's row while its pictures are drawn: a producer who withdraws it wants no further pictures."""

import structlog

from assetgen_dagster.assets.resources import TaskBoardResource
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.columns import STATUS
from assetgen_dagster.notion.errors import RowGoneError
from assetgen_dagster.notion.schema import Schema
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.failures import Failure

_SECONDS = 5.0

_log = structlog.get_logger()


class RowWatch:
    """Watches one row; only of runs that were started from it.

    Args:
        boards: Opens the board.
        settings: Of the board.
        page_id: The row.
        again: Whether a person runs it again in Dagster: the row may then still tell of the end before.
    """

    def __init__(
        self, boards: TaskBoardResource, settings: NotionSettings, page_id: str, *, again: bool = False
    ) -> None:
        self._boards = boards
        self._settings = settings
        self._page_id = page_id
        self._wanted = settings.status_asking | (settings.status_reported if again else set())
        self._told = settings.status_drawing is None
        self._emptied = False
        # Else three requests a check, and a few runs at once would use up what Notion allows in a minute.
        self._schema: Schema | None = None

    def check_row(self) -> Failure | None:
        """Returns why no further picture may be started; None if nothing speaks against it, or Notion is silent.

        The first check also sets the optional status for "is being drawn".
        """
        try:
            with self._boards.open(self._settings, schema=self._schema) as board:
                if not self._told:
                    self._tell(board)
                row = board.read_row(self._page_id, deadline_seconds=_SECONDS)
                self._schema = board.known_schema
                if row is None:
                    return failures.withdrawn("its row in Notion is gone")
                if row.status in self._wanted:
                    return None
                # Notion takes an option that is removed from its rows, and does not give it back to them.
                broken = not board.status_can_ask(deadline_seconds=_SECONDS)
                self._emptied = self._emptied or broken
                if broken or (self._emptied and not row.status):
                    return None
                return failures.withdrawn(f"its row in Notion was set to {row.status or 'no status'}")
        except AssetgenError as error:
            _log.warning("task_not_looked_at", reason=str(error))
            return None

    def _tell(self, board: TaskBoard) -> None:
        try:
            board.update_row(
                self._page_id,
                {STATUS: self._settings.status_drawing},
                only_if=lambda row: row.status in self._settings.status_trigger,
                deadline_seconds=_SECONDS,
            )
        except RowGoneError:
            _log.warning("task_not_found", page_id=self._page_id)
        self._told = True
