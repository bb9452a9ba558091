"""Reads costs from the projects' records and from Dagster's events: materializations, and observations for failures.

The records have every call since a project exists. Dagster's history has those of deleted projects as well, and lacks
what was not reported yet, and what a person deleted with a run or wiped with an asset.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

import dagster as dg

from assetgen_dagster.assets.keys import ASSET_MANIFEST, image_number
from assetgen_dagster.assets.money import TOKENS
from assetgen_dagster.cli.cost_merge import Found, Recorded, merge
from assetgen_dagster.cli.cost_report import Cost
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey
from assetgen_dagster.project.records import RecordsError, RecordStore, Spend, SpendKind
from assetgen_dagster.project.workspace import all_records
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.months import month_bounds

_PAGE = 1000

#: Metadata that names the model: of pictures and failures, of manifests.
_MODEL = ("model", "story_model")


def materialized_costs(settings: Settings, metadata: str = "cost_usd") -> dict[str, float]:
    """Returns what Dagster's events hold in USD, by partition key.

    Args:
        settings: The settings in force.
        metadata: ``cost_usd`` for confirmed cost, ``possibly_billed_usd`` for calls without an answer.
    """
    sums: dict[str, float] = defaultdict(float)
    with open_instance(settings) as instance:
        for cost in read_costs(instance):
            sums[str(ProjectKey(cost.channel, cost.project))] += getattr(cost, metadata)
    return dict(sums)


def all_costs(
    settings: Settings,
    *,
    month: str | None = None,
    channel: str | None = None,
    seen: Callable[[int], None] = lambda _: None,
) -> Found:
    """Returns all costs, or those of one month or one channel.

    Args:
        settings: The settings in force.
        month: Such as ``2026-11``.
        channel: Only this channel's.
        seen: Called now and then with the number of events read so far.

    Raises:
        AssetgenError: The month is malformed, or the instance cannot be used.
    """
    after, before = (None, None) if month is None else month_bounds(month, settings.zone)
    # The records first: what is reported meanwhile is then known from both, and counted once.
    recorded, unreadable = read_recorded(settings)
    with open_instance(settings) as instance:
        events = list(read_costs(instance, after=after, seen=seen))

    def wanted(cost: Cost) -> bool:
        return (after or 0.0) <= cost.at < (before or float("inf")) and channel in {None, cost.channel}

    return merge(recorded, events, wanted=wanted, unreadable=unreadable)


def read_recorded(settings: Settings) -> tuple[list[Recorded], list[RecordsError]]:
    """Returns the calls in the records of all projects, and the errors of those that cannot be read."""
    found: list[Recorded] = []
    unreadable: list[RecordsError] = []
    for key, path in all_records(settings.workspace):
        try:
            spends = RecordStore(path).records.spends
        except RecordsError as error:
            unreadable.append(error)
        else:
            found += (Recorded(_recorded(key, spend), reported=spend.reported_by is not None) for spend in spends)
    return found, unreadable


def _recorded(key: ProjectKey, spend: Spend) -> Cost:
    confirmed, listed = (spend.cost_usd if spend.kind is kind else 0.0 for kind in SpendKind)
    return Cost(spend.at, key.channel, key.project, spend.model, confirmed, listed, (spend.token,))


def read_costs(
    instance: dg.DagsterInstance,
    *,
    after: float | None = None,
    seen: Callable[[int], None] = lambda _: None,
) -> Iterator[Cost]:
    """Yields the costs of all events that have any.

    Args:
        instance: The Dagster instance.
        after: Unix time, inclusive; only later events.
        seen: Called now and then with the number of events read so far.
    """
    count = 0
    for key in instance.get_asset_keys():
        if image_number(key) is None and key != ASSET_MANIFEST:
            continue
        for page in _pages(instance, key, after):
            for record in page:
                cost = _cost(record)
                if cost is not None and (after or 0.0) <= cost.at:
                    yield cost
            count += len(page)
            seen(count)


def _pages(instance: dg.DagsterInstance, key: dg.AssetKey, after: float | None) -> Iterator[list[dg.EventLogRecord]]:
    # Dagster's bounds are exclusive and lose microseconds: query a second more, and filter the result.
    wanted = dg.AssetRecordsFilter(asset_key=key, after_timestamp=None if after is None else after - 1)
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
    return Cost(record.timestamp, key.channel, key.project, _model(event), spent, perhaps, _tokens(event))


def _usd(event: dg.AssetMaterialization | dg.AssetObservation, name: str) -> float:
    value = event.metadata.get(name)
    return (value.value or 0.0) if isinstance(value, (dg.FloatMetadataValue, dg.IntMetadataValue)) else 0.0


def _model(event: dg.AssetMaterialization | dg.AssetObservation) -> str:
    found = (event.metadata.get(name) for name in _MODEL)
    return next((value.value or "" for value in found if isinstance(value, dg.TextMetadataValue)), "")


def _tokens(event: dg.AssetMaterialization | dg.AssetObservation) -> tuple[str, ...]:
    value = event.metadata.get(TOKENS)
    return tuple(map(str, value.value)) if isinstance(value, dg.JsonMetadataValue) and value.value else ()
