"""How a drawing's events become Dagster's: materializations with cost and path, observations, one failure at the end.

Money is told to Dagster exactly once. It is marked as reported only after Dagster has stored the event; if the run
dies in between, the next run finds the event by the tokens in its metadata (``recover``).
"""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from assetgen_dagster.assets.keys import image_key
from assetgen_dagster.assets.projects import STOPPED_BY_TAG, STOPPED_WITH_TAG
from assetgen_dagster.assets.studio import Project
from assetgen_dagster.drawing.draw import Summary
from assetgen_dagster.drawing.events import Event, LeftoverSettled, PictureDone, PictureFailed, PlanMade
from assetgen_dagster.drawing.outcome import describe_failure
from assetgen_dagster.drawing.pause import fingerprint
from assetgen_dagster.drawing.plan import Action
from assetgen_dagster.drawing.records import Spend, SpendKind
from assetgen_dagster.drawing.status import totals
from assetgen_dagster.redact import preview

_TOKENS = "spend_tokens"

#: How many events of a picture are looked through for money that was told already.
_LOOK_BACK = 50


class Report:
    """Tells one run's drawing to Dagster."""

    def __init__(self, context: dg.AssetExecutionContext, project: Project) -> None:
        self._context = context
        self._project = project

    def recover(self) -> None:
        """Marks as reported what an earlier run had told Dagster before it died."""
        store = self._project.store
        for number in {spend.number for spend in store.records.unreported()}:
            for run_id, tokens in self._told(image_key(number)):
                store.mark_reported(tokens, run_id=run_id)

    def results(self, event: Event) -> Iterator[dg.MaterializeResult[None]]:
        """Yields a picture's materialization, and logs what else the event has to say."""
        match event:
            case PlanMade(tasks):
                draw = [task for task in tasks if task.step.action is Action.DRAW]
                self._context.log.info(f"Drawing {len(draw)} of {len(tasks)} pictures")
                for task in tasks:
                    self._context.log.info(f"{task}: {task.step.action} ({task.step.reason})")
            case PictureDone():
                self._observe_lost(event.task.number, event.spends)
                yield dg.MaterializeResult(asset_key=image_key(event.task.number), metadata=self._metadata(event))
                self._mark(event.spends)
            case PictureFailed(task, problem, attempts, spends):
                self._context.log.error(f"{task} failed after {attempts} attempts: {problem}")
                self._observe(task.number, spends)
            case LeftoverSettled(number, spends):
                self._observe(number, spends)
            case _:
                pass

    def unused(self, numbers: Iterable[int]) -> Iterator[dg.MaterializeResult[None]]:
        """Yields a materialization for each slot that the manifest does not use, so that the partition is complete."""
        used = set(self._project.store.records.numbers.values())
        for number in sorted(set(numbers) - used):
            yield dg.MaterializeResult(
                asset_key=image_key(number),
                metadata={
                    "unused": True,
                    "cost_usd": 0.0,
                    "file_cost_usd": 0.0,
                    "cost_source": "none",
                    "reused": False,
                },
            )

    def raise_if_failed(self, summary: Summary) -> None:
        """Ends the run with one message about all pictures that are not there.

        Raises:
            Failure: At least one picture failed or was not started.
        """
        if not summary.failed:
            return
        if summary.stopped_by is not None:
            tags = {STOPPED_BY_TAG: summary.stopped_by.code, STOPPED_WITH_TAG: fingerprint(self._project.settings)}
            self._context.instance.add_run_tags(self._project.run_id, tags)
        records, manifest = self._project.store.records, self._project.manifest()
        run = totals(manifest, records, run_id=self._project.run_id)
        lost = records.total_usd(reported_by=self._project.run_id, kind=SpendKind.POSSIBLY_BILLED)
        raise dg.Failure(
            describe_failure(summary, cost_usd=run.total_cost_usd, possibly_billed_usd=lost),
            metadata={
                "generated": summary.generated,
                "skipped": summary.skipped,
                "failed": summary.failed,
                "total_cost_usd": run.total_cost_usd,
                "project_cost_usd": run.project_cost_usd,
                "possibly_billed_usd": lost,
            },
            allow_retries=False,
        )

    def _metadata(self, event: PictureDone) -> dict[str, Any]:
        record, asset = event.record, event.task.asset
        confirmed = [spend for spend in event.spends if spend.kind is SpendKind.CONFIRMED]
        metadata: dict[str, Any] = {
            "cost_usd": _usd(confirmed),
            "cost_source": str(record.cost_source),
            "path": dg.MetadataValue.path(str(self._project.paths.absolute(record.path))),
            "asset_type": str(asset.asset_type),
            "asset_name": asset.name,
            "prompt_preview": preview(event.task.prompt),
            "attempts": record.attempts,
            "reused": event.reused,
            "reason": event.task.step.reason,
            "width": record.facts.width,
            "height": record.facts.height,
            "size_bytes": record.facts.size_bytes,
            "preview": dg.MetadataValue.md(event.preview),
            _TOKENS: dg.MetadataValue.json([spend.token for spend in confirmed]),
        }
        if event.task.step.retouched:
            metadata["retouched"] = True
        if record.inputs is not None:
            metadata["prompt_sha256"] = record.inputs.prompt_sha256
        known = {
            "file_cost_usd": record.file_cost_usd,
            "model": record.model,
            "duration_seconds": record.duration_seconds,
        }
        return metadata | {name: value for name, value in known.items() if value is not None}

    def _observe(self, number: int, spends: tuple[Spend, ...]) -> None:
        """Tells money that has no materialization to stand on."""
        confirmed = [spend for spend in spends if spend.kind is SpendKind.CONFIRMED]
        if confirmed:
            self._log_observation(number, confirmed, {"cost_usd": _usd(confirmed)})
        self._observe_lost(number, spends)

    def _observe_lost(self, number: int, spends: tuple[Spend, ...]) -> None:
        lost = [spend for spend in spends if spend.kind is SpendKind.POSSIBLY_BILLED]
        if lost:
            self._log_observation(number, lost, {"possibly_billed_usd": _usd(lost)})

    def _log_observation(self, number: int, spends: list[Spend], costs: dict[str, float]) -> None:
        metadata: dict[str, Any] = {
            **costs,
            "asset_name": spends[0].name,
            "model": spends[0].model,
            _TOKENS: dg.MetadataValue.json([spend.token for spend in spends]),
        }
        key, partition = image_key(number), self._context.partition_key
        self._context.log_event(dg.AssetObservation(asset_key=key, partition=partition, metadata=metadata))
        self._mark(spends)

    def _mark(self, spends: Iterable[Spend]) -> None:
        self._project.store.mark_reported((spend.token for spend in spends), run_id=self._project.run_id)

    def _told(self, key: dg.AssetKey) -> Iterator[tuple[str, list[str]]]:
        """Yields the runs that told money of this picture, with the tokens they named."""
        instance = self._context.instance
        wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[self._context.partition_key])
        for fetch in (instance.fetch_materializations, instance.fetch_observations):
            for record in fetch(wanted, limit=_LOOK_BACK).records:
                event = record.asset_materialization or record.event_log_entry.asset_observation
                value = event.metadata.get(_TOKENS) if event else None
                if isinstance(value, dg.JsonMetadataValue) and isinstance(value.value, list):
                    yield record.run_id, value.value


def _usd(spends: Iterable[Spend]) -> float:
    return round(sum(spend.cost_usd for spend in spends), 6)
