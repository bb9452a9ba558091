"""Sets rows that were over the monthly budget back to the trigger status when there is room for them again."""

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
    """Sets the rows that ``decide_requeue`` selects back to the trigger status; yields the failures to write."""
    reservations = open_reservations(settings)
    waiting = reservations.waiting()
    if not waiting:
        return
    decided = decide_requeue(waiting, reservations.claims(), limits_of(settings), board.read_row, notion)
    outdated = [one for one in decided.ready if _has_newer_error(instance, one, notion)]
    for one in (*decided.withdrawn, *outdated):
        reservations.forget(one)
    asking = board.schema().triggers[:1]
    ready = [one for one in decided.ready if one not in outdated]
    for one, status in itertools.product(ready, asking):
        try:
            # The row first: if the process dies in between, the row asks already and is not forgotten.
            board.update_row(
                one.page_id,
                {STATUS: status, ERROR_LOG: _ROOM},
                only_if=lambda row: row.status == notion.status_waiting,
            )
            reservations.mark_requeued(one)
        except BoardUnavailableError:
            raise
        except BoardError as error:
            yield str(error)


def _has_newer_error(instance: dg.DagsterInstance, one: Waiting, notion: NotionSettings) -> bool:
    """Returns whether a later run failed before it asked for money: a person has to fix its reported error first.

    A later run that asks and is refused replaces the earlier one in the reservations.
    """
    filters = dg.RunsFilter(
        tags={PARTITION_TAG: str(one.key), REPORTED_TAG: values_of(Reported.ERROR, notion)},
        created_after=datetime.fromtimestamp(one.at, UTC),
    )
    return any(run.run_id != one.run_id for run in instance.get_runs(filters, limit=2))
