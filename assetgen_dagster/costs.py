"""What was spent, from Dagster's own records: materializations, and observations for pictures that failed."""

from collections import defaultdict
from collections.abc import Iterator

import dagster as dg

from assetgen_dagster.assets.keys import image_number
from assetgen_dagster.home import open_instance

_PAGE = 1000


def materialized_costs(metadata: str = "cost_usd") -> dict[str, float]:
    """Returns USD by partition key.

    Args:
        metadata: ``cost_usd`` for what was spent, ``possibly_billed_usd`` for calls that never answered.
    """
    costs: dict[str, float] = defaultdict(float)
    with open_instance() as instance:
        for partition, event in _events(instance):
            value = event.metadata.get(metadata)
            if partition is not None and isinstance(value, (dg.FloatMetadataValue, dg.IntMetadataValue)):
                costs[partition] += value.value or 0.0
    return dict(costs)


def _events(instance: dg.DagsterInstance) -> Iterator[tuple[str | None, dg.AssetMaterialization | dg.AssetObservation]]:
    for key in instance.get_asset_keys():
        if image_number(key) is None:
            continue
        for fetch in (instance.fetch_materializations, instance.fetch_observations):
            cursor = None
            while True:
                page = fetch(key, limit=_PAGE, cursor=cursor)
                for record in page.records:
                    event = record.asset_materialization or record.event_log_entry.asset_observation
                    if event is not None:
                        yield event.partition, event
                if not page.has_more:
                    break
                cursor = page.cursor
