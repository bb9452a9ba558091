"""Looks at a run's row while its pictures are drawn: a producer who withdraws it wants no further pictures."""

import structlog

from assetgen_dagster.drawing import problems
from assetgen_dagster.drawing.problems import Problem
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.errors import RowGoneError
from assetgen_dagster.notion.settings import NotionSettings

_SECONDS = 5.0

_log = structlog.get_logger()


class RowWatch:
    """Watches one row; only of runs that were started from it.

    Args:
        settings: Of the board.
        page_id: The row.
    """

    def __init__(self, settings: NotionSettings, page_id: str) -> None:
        self._settings = settings
        self._page_id = page_id
        self._told = settings.status_drawing is None

    def look(self) -> Problem | None:
        """Returns why no further picture may be started; None if nothing speaks against it, or Notion is silent.

        The first look also sets the optional status for "is being drawn".
        """
        try:
            with TaskBoard(self._settings) as board:
                if not self._told:
                    self._tell(board)
                row = board.read_row(self._page_id, deadline_seconds=_SECONDS)
        except AssetgenError as error:
            _log.warning("task_not_looked_at", reason=str(error))
            return None
        if row is None:
            return problems.withdrawn("its row in Notion is gone")
        if row.status not in {*self._settings.status_trigger, self._settings.status_drawing}:
            return problems.withdrawn(f"its row in Notion was set to {row.status or 'no status'}")
        return None

    def _tell(self, board: TaskBoard) -> None:
        try:
            board.update_row(
                self._page_id,
                status=self._settings.status_drawing,
                only_if=lambda row: row.status in self._settings.status_trigger,
                deadline_seconds=_SECONDS,
            )
        except RowGoneError:
            _log.warning("task_not_found", page_id=self._page_id)
        self._told = True
