"""Reports to Dagster what was spent, exactly once.

A spend is marked as reported only after Dagster has stored the event; if the run dies in between, the next run finds
the event by the tokens in its metadata (``recover``).
"""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from assetgen_dagster.assets.keys import ASSET_MANIFEST, image_key
from assetgen_dagster.assets.session import Project
from assetgen_dagster.project.records import MANIFEST_NUMBER, Spend, SpendKind

#: Metadata that names the calls whose cost an event reports.
TOKENS = "spend_tokens"

#: Events per asset to search for spends that an earlier run reported.
_EVENTS_SEARCHED = 50


class Money:
    """Reports one run's spends."""

    def __init__(self, context: dg.AssetExecutionContext, project: Project) -> None:
        self._context = context
        self._project = project

    def recover(self) -> None:
        """Marks the spends that an earlier run had reported to Dagster before it died."""
        store = self._project.store
        for number in {spend.number for spend in store.records.unreported()}:
            for run_id, tokens in self._reported(asset_of(number)):
                store.mark_reported(tokens, run_id=run_id)

    def mark(self, spends: Iterable[Spend]) -> None:
        """Marks spends as reported once Dagster has stored their event."""
        self._project.store.mark_reported((spend.token for spend in spends), run_id=self._project.run_id)

    def observe(self, number: int, spends: Iterable[Spend]) -> None:
        """Reports spends without a materialization as observations: of a picture, or of the manifest (number 0)."""
        spends = tuple(spends)
        confirmed = [spend for spend in spends if spend.kind is SpendKind.CONFIRMED]
        if confirmed:
            self._log(number, confirmed, {"cost_usd": usd(confirmed)})
        self.observe_lost(number, spends)

    def observe_lost(self, number: int, spends: Iterable[Spend]) -> None:
        """Reports what calls without an answer may have cost."""
        lost = [spend for spend in spends if spend.kind is SpendKind.POSSIBLY_BILLED]
        if lost:
            self._log(number, lost, {"possibly_billed_usd": usd(lost)})

    def _log(self, number: int, spends: list[Spend], costs: dict[str, float]) -> None:
        metadata: dict[str, Any] = {
            **costs,
            "asset_name": spends[0].name,
            "model": spends[0].model,
            TOKENS: dg.MetadataValue.json([spend.token for spend in spends]),
        }
        key, partition = asset_of(number), self._context.partition_key
        self._context.log_event(dg.AssetObservation(asset_key=key, partition=partition, metadata=metadata))
        self.mark(spends)

    def _reported(self, key: dg.AssetKey) -> Iterator[tuple[str, list[str]]]:
        """Yields the runs that reported spends on this asset, with the tokens they named."""
        instance = self._context.instance
        wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[self._context.partition_key])
        for fetch in (instance.fetch_materializations, instance.fetch_observations):
            for record in fetch(wanted, limit=_EVENTS_SEARCHED).records:
                event = record.asset_materialization or record.event_log_entry.asset_observation
                value = event.metadata.get(TOKENS) if event else None
                if isinstance(value, dg.JsonMetadataValue) and isinstance(value.value, list):
                    yield record.run_id, value.value


def asset_of(number: int) -> dg.AssetKey:
    """Returns the asset on which a call's cost is reported."""
    return ASSET_MANIFEST if number == MANIFEST_NUMBER else image_key(number)


def usd(spends: Iterable[Spend]) -> float:
    """Returns the sum in USD."""
    return round(sum((spend.cost_usd for spend in spends), 0.0), 6)
