"""Rows whose runs were over the monthly budget ask again when there is room; ``notion.decide`` decides which."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from assetgen_dagster.assets.tags import PARTITION_TAG, REPORTED_TAG
from assetgen_dagster.budget.reservations import Waiting, limits_of
from assetgen_dagster.budget.stores import open_reservations
from assetgen_dagster.notion.board import TaskBoard
from assetgen_dagster.notion.columns import ERROR_LOG, STATUS
from assetgen_dagster.notion.decide import decide_requeue
from assetgen_dagster.notion.errors import BoardError, BoardUnavailableError
from assetgen_dagster.notion.reported import Reported, values_of
from assetgen_dagster.notion.settings import NotionSettings
from assetgen_dagster.settings import Settings

_ROOM = "There is room in the monthly budget: the pictures are drawn now."


def requeue(
    instance: dg.DagsterInstance, board: TaskBoard, settings: Settings, notion: NotionSettings
) -> Iterator[str]:
    """Sets the rows that there is room for to ask again; yields what keeps one from being set."""
    ledger = open_reservations(settings)
    waiting = ledger.waiting()
    if not waiting:
        return
    decided = decide_requeue(waiting, ledger.claims(), limits_of(settings), board.read_row, notion)
    outdated = [one for one in decided.ready if _was_told_an_error_since(instance, one, notion)]
    for one in (*decided.withdrawn, *outdated):
        ledger.forget(one)
    asking = board.schema().triggers[:1]
    ready = [one for one in decided.ready if one not in outdated]
    for one, status in itertools.product(ready, asking):
        try:
            # The row first: a process that dies in between leaves a row that asks, and no row is forgotten.
            board.update_row(
                one.page_id,
                {STATUS: status, ERROR_LOG: _ROOM},
                only_if=lambda row: row.status == notion.status_waiting,
            )
            ledger.mark_requeued(one)
        except BoardUnavailableError:
            raise
        except BoardError as error:
            yield str(error)


def _was_told_an_error_since(instance: dg.DagsterInstance, one: Waiting, notion: NotionSettings) -> bool:
    """Whether a run that failed before it asked for money has told the row why: that is for a person to mend.

    A run that asks and is refused takes the place of the one before in the ledger.
    """
    filters = dg.RunsFilter(
        tags={PARTITION_TAG: str(one.key), REPORTED_TAG: values_of(Reported.ERROR, notion)},
        created_after=datetime.fromtimestamp(one.at, UTC),
    )
    return any(run.run_id != one.run_id for run in instance.get_runs(filters, limit=2))
