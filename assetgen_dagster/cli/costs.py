"""Reads costs from Dagster's records: materializations, and observations for failures."""

from collections import defaultdict
from collections.abc import Callable, Iterator

import dagster as dg

from assetgen_dagster.assets.keys import ASSET_MANIFEST, image_number
from assetgen_dagster.cli.cost_report import Cost
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.months import month_bounds

_PAGE = 1000

#: Metadata that names the model: of pictures and failures, of manifests.
_MODEL = ("model", "story_model")


def materialized_costs(settings: Settings, metadata: str = "cost_usd") -> dict[str, float]:
    """Returns USD by partition key.

    Args:
        settings: The settings in force.
        metadata: ``cost_usd`` for confirmed cost, ``possibly_billed_usd`` for calls without an answer.
    """
    sums: dict[str, float] = defaultdict(float)
    with open_instance(settings) as instance:
        for cost in read_costs(instance):
            sums[str(ProjectKey(cost.channel, cost.project))] += getattr(cost, metadata)
    return dict(sums)


def recorded_costs(
    settings: Settings,
    *,
    month: str | None = None,
    channel: str | None = None,
    seen: Callable[[int], None] = lambda _: None,
) -> Iterator[Cost]:
    """Yields the costs in the current instance, optionally of one month or one channel.

    Raises:
        AssetgenError: The month is malformed, or the instance cannot be used.
    """
    after, before = (None, None) if month is None else month_bounds(month, settings.zone)
    with open_instance(settings) as instance:
        for cost in read_costs(instance, after=after, before=before, seen=seen):
            if channel in (None, cost.channel):
                yield cost


def read_costs(
    instance: dg.DagsterInstance,
    *,
    after: float | None = None,
    before: float | None = None,
    seen: Callable[[int], None] = lambda _: None,
) -> Iterator[Cost]:
    """Yields the costs of all events that have any.

    Args:
        instance: The Dagster instance.
        after: Unix time, inclusive; only later events.
        before: Unix time, exclusive; only earlier events.
        seen: Called now and then with the number of events read so far.
    """
    count = 0
    for key in instance.get_asset_keys():
        if image_number(key) is None and key != ASSET_MANIFEST:
            continue
        for page in _pages(instance, key, after, before):
            for record in page:
                cost = _cost(record)
                if cost is not None and (after or 0.0) <= cost.at < (before or float("inf")):
                    yield cost
            count += len(page)
            seen(count)


def _pages(
    instance: dg.DagsterInstance, key: dg.AssetKey, after: float | None, before: float | None
) -> Iterator[list[dg.EventLogRecord]]:
    # Dagster's bounds are exclusive and lose microseconds: query a second more, and filter the result.
    wanted = dg.AssetRecordsFilter(
        asset_key=key,
        after_timestamp=None if after is None else after - 1,
        before_timestamp=None if before is None else before + 1,
    )
    for fetch in (instance.fetch_materializations, instance.fetch_observations):
        cursor = None
        while True:
            page = fetch(wanted, limit=_PAGE, cursor=cursor)
            yield list(page.records)
            if not page.has_more:
                break
            cursor = page.cursor


def _cost(record: dg.EventLogRecord) -> Cost | None:
    event = record.asset_materialization or record.event_log_entry.asset_observation
    if event is None:
        return None
    spent, perhaps = _usd(event, "cost_usd"), _usd(event, "possibly_billed_usd")
    try:
        key = ProjectKey.from_partition_key(event.partition or "")
    except InvalidIdentifierError:
        return None
    if not spent and not perhaps:
        return None
    return Cost(record.timestamp, key.channel, key.project, _model(event), spent, perhaps)


def _usd(event: dg.AssetMaterialization | dg.AssetObservation, name: str) -> float:
    value = event.metadata.get(name)
    return (value.value or 0.0) if isinstance(value, (dg.FloatMetadataValue, dg.IntMetadataValue)) else 0.0


def _model(event: dg.AssetMaterialization | dg.AssetObservation) -> str:
    found = (event.metadata.get(name) for name in _MODEL)
    return next((value.value or "" for value in found if isinstance(value, dg.TextMetadataValue)), "")
