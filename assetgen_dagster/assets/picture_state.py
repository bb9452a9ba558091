"""What Dagster showed of a project's pictures when a run was created: done, or failed or missing.

The UI launches the same run for pictures that a person wants to have drawn again and for those that the filter *failed
and missing* left. Only what was shown tells them apart, by the order of runs.
"""

from collections.abc import Collection

import dagster as dg

from assetgen_dagster.assets.keys import image_key
from assetgen_dagster.assets.runs import FINISHED, includes_images, position_of_run, selected_numbers
from assetgen_dagster.assets.tags import PARTITION_TAG

#: Metadata of an event that no run made: the project's newest run at that time.
NEWEST_RUN = "newest_run"

#: Events per asset, and runs per project, to search; older ones do not matter.
_EVENTS_SEARCHED, _RUNS_SEARCHED = 10, 50


def doubtful_numbers(
    instance: dg.DagsterInstance, record: dg.RunRecord, numbers: Collection[int], pictures: Collection[int]
) -> frozenset[int]:
    """Returns the pictures that a run may select only because Dagster showed them as failed or missing.

    A picture whose last run was for single pictures is not doubtful: somebody asked for it and did not get it. For a
    run that selects all pictures, what was shown as done without a run is doubtful: it was red a moment before.

    Args:
        instance: Holds runs and events.
        record: The run.
        numbers: The pictures that it selects.
        pictures: All pictures of the project.
    """
    partition = record.dagster_run.tags.get(PARTITION_TAG, "")
    for_all, own = _last_run_for_all(instance, record, partition, pictures), record.storage_id
    single = not frozenset(pictures) <= frozenset(numbers)
    done = {
        number: shown_as_done(instance, image_key(number), partition, before=own, without_run=single)
        for number in numbers
    }
    return frozenset(number for number, position in done.items() if position is None or position < for_all)


def shown_as_done(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    partition: str,
    *,
    before: int | None = None,
    without_run: bool = True,
) -> int | None:
    """Returns the position of the newest run up to which an asset of a project is known to be done; None for none.

    Args:
        instance: Holds the events.
        key: The asset.
        partition: The project.
        before: Only materializations of runs before this position count.
        without_run: Whether those that no run made count.
    """
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition])
    records = instance.fetch_materializations(wanted, limit=_EVENTS_SEARCHED).records
    confirmed = [(_newest_run_at(record), record.run_id) for record in records]
    ids = dict.fromkeys(newest or run_id for newest, run_id in confirmed if without_run or newest is None)
    found = (position_of_run(instance, run_id) for run_id in ids)
    return max((one for one in found if one is not None and (before is None or one < before)), default=None)


def _newest_run_at(record: dg.EventLogRecord) -> str | None:
    """Returns the newest run at an event that no run made; None for an event of a run."""
    event = record.asset_materialization
    newest = event.metadata.get(NEWEST_RUN) if event is not None else None
    return None if newest is None else str(newest.value)


def _last_run_for_all(
    instance: dg.DagsterInstance, record: dg.RunRecord, partition: str, pictures: Collection[int]
) -> int:
    """Returns the position of the last ended run before this one that was for all pictures; -1 for none."""
    filters = dg.RunsFilter(tags={PARTITION_TAG: partition}, statuses=list(FINISHED))
    earlier = instance.get_run_records(filters, limit=_RUNS_SEARCHED, cursor=record.dagster_run.run_id)
    return next((one.storage_id for one in earlier if _is_for_all(one.dagster_run, pictures)), -1)


def _is_for_all(run: dg.DagsterRun, pictures: Collection[int]) -> bool:
    numbers = selected_numbers(run)
    return includes_images(run) and (numbers is None or numbers.issuperset(pictures))
