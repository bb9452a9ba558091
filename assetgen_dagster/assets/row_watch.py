"""Checks a run's row while its pictures are drawn: no further pictures once the producer withdraws it."""

from collections.abc import Callable

import structlog

from assetgen_dagster.assets.resources import TaskBoardResource
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.columns import STATUS
from assetgen_dagster.notion.errors import RowGoneError
from assetgen_dagster.notion.row import Row
from assetgen_dagster.notion.schema import Schema
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.failures import Failure

_SECONDS = 5.0

_log = structlog.get_logger()


class RowWatch:
    """Watches the row that requested a run.

    Args:
        boards: Opens the board.
        settings: Of the board.
        page_id: The row.
        digest: What the row said when it requested the run, see ``Row.digest``; None if unknown.
        again: Whether a person re-executes the run in Dagster: the row may still show the previous outcome, and the
            digest is that of the run before, whose report has cleared the row's orders since.
    """

    def __init__(
        self,
        boards: TaskBoardResource,
        settings: NotionSettings,
        page_id: str,
        *,
        digest: str | None = None,
        again: bool = False,
    ) -> None:
        self._boards = boards
        self._settings = settings
        self._page_id = page_id
        self._digest = None if again else digest
        self._wanted = settings.status_asking | (settings.status_reported if again else set())
        self._drawing_reported = settings.status_drawing is None
        self._option_removed = False
        # Reused: three requests per check and a few concurrent runs would exceed Notion's rate limit.
        self._schema: Schema | None = None

    def check_request(self) -> Failure | None:
        """Returns why nothing may be drawn: the row was withdrawn, or changed since; None as in ``check_row``."""
        return self._check(lambda _: None, lambda row: self._digest not in (None, row.digest))

    def check_row(self) -> Failure | None:
        """Returns why no further picture may be started; None to go on, also when Notion does not answer.

        The first check also sets the optional status ``NOTION_STATUS_DRAWING``.
        """
        return self._check(self._report_drawing, lambda _: False)

    def _check(self, prepare: Callable[[TaskBoard], None], has_changed: Callable[[Row], bool]) -> Failure | None:
        try:
            with self._boards.open(self._settings, schema=self._schema) as board:
                prepare(board)
                row = board.read_row(self._page_id, deadline_seconds=_SECONDS)
                self._schema = board.known_schema
                if row is None:
                    return failures.withdrawn("its row in Notion is gone")
                if row.status in self._wanted:
                    return failures.row_changed() if has_changed(row) else None
                # Removing an option empties the status of its rows, and restoring it does not set them again.
                broken = not board.status_can_ask(deadline_seconds=_SECONDS)
                self._option_removed = self._option_removed or broken
                if broken or (self._option_removed and not row.status):
                    return None
                return failures.withdrawn(f"its row in Notion was set to {row.status or 'no status'}")
        except AssetgenError as error:
            _log.warning("task_not_looked_at", reason=str(error))
            return None

    def _report_drawing(self, board: TaskBoard) -> None:
        if self._drawing_reported:
            return
        try:
            board.update_row(
                self._page_id,
                {STATUS: self._settings.status_drawing},
                only_if=lambda row: row.status in self._settings.status_trigger,
                deadline_seconds=_SECONDS,
            )
        except RowGoneError:
            _log.warning("task_not_found", page_id=self._page_id)
        self._drawing_reported = True
