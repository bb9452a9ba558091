"""Rows whose runs were over the monthly budget ask again when there is room; ``notion.decide`` decides which."""

import itertools
from collections.abc import Iterator

from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.decide import decide_wakes
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.paying.ledger import limits_of
from assetgen_dagster.paying.shared import open_ledger
from assetgen_dagster.settings import Settings

_ROOM = "There is room in the monthly budget: the pictures are drawn now."


def wake(board: TaskBoard, settings: Settings, notion: NotionSettings) -> Iterator[str]:
    """Sets the rows that there is room for to ask again; yields what keeps one from being set."""
    ledger = open_ledger(settings)
    waiting = ledger.waiting()
    if not waiting:
        return
    decided = decide_wakes(waiting, ledger.claims(), limits_of(settings), board.read_row, notion)
    for one in decided.forgets:
        ledger.forget(one)
    asking = board.schema().triggers[:1]
    for one, status in itertools.product(decided.wakes, asking):
        try:
            # The row first: who dies in between finds a row that asks, and no row is forgotten.
            board.update_row(
                one.page_id,
                status=status,
                error_log=_ROOM,
                only_if=lambda row: row.status == notion.status_waiting,
            )
            ledger.wake(one)
        except BoardUnavailableError:
            raise
        except BoardError as error:
            yield str(error)
