"""Translates the events of a drawing to Dagster's: materializations with cost and path, observations, one failure."""

from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import dagster as dg

from assetgen_dagster.assets.failure_codes import codes_metadata
from assetgen_dagster.assets.keys import image_key
from assetgen_dagster.assets.money import TOKENS, Money, usd
from assetgen_dagster.assets.request import row_link
from assetgen_dagster.assets.session import Project, note_stop
from assetgen_dagster.budget.admission import AdmissionWaits
from assetgen_dagster.drawing.events import (
    CallsAwaited,
    Event,
    PictureDone,
    PictureFailed,
    PictureNotStarted,
    PlanMade,
    UnreportedSpend,
)
from assetgen_dagster.drawing.outcome import Summary, describe_end_at_once, describe_failure
from assetgen_dagster.drawing.status import totals
from assetgen_dagster.project.records import SpendKind
from assetgen_dagster.providers.failures import cancelled
from assetgen_dagster.support.redact import preview


class PictureReporter:
    """Reports one run's drawing to Dagster."""

    def __init__(self, context: dg.AssetExecutionContext, project: Project) -> None:
        self._context = context
        self._project = project
        self._money = Money(context, project)

    def recover(self) -> None:
        """See ``Money.recover``."""
        self._money.recover()

    def results(self, event: Event) -> Iterator[dg.MaterializeResult[None]]:
        """Yields the materialization of a finished picture; logs and records all other events."""
        match event:
            case PlanMade(tasks, warnings):
                self._context.log.info(f"Drawing {len(event.to_draw)} of {len(tasks)} pictures")
                for task in tasks:
                    self._context.log.info(f"{task}: {task.step.action} ({task.step.reason})")
                for warning in warnings:
                    self._context.log.warning(warning)
            case AdmissionWaits(why):
                self._context.log.info(why)
            case CallsAwaited():
                self._context.log.warning(str(event))
            case PictureDone():
                self._money.observe_lost(event.task.number, event.spends)
                yield dg.MaterializeResult(asset_key=image_key(event.task.number), metadata=self._metadata(event))
                self._money.mark(event.spends)
            case PictureFailed(task, failure, attempts, spends):
                self._context.log.error(f"{task} failed after {attempts} attempts: {failure}")
                self._money.observe(task.number, spends)
            case PictureNotStarted(task, spends):
                self._money.observe(task.number, spends)
            case UnreportedSpend(number, spends):
                self._money.observe(number, spends)
            case _:
                pass

    def unused(self, numbers: Iterable[int]) -> Iterator[dg.MaterializeResult[None]]:
        """Yields a materialization for each slot without a picture, so that the partition is complete."""
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
        """Ends the run with one message about all missing pictures.

        Raises:
            Failure: At least one picture failed or was not started.
        """
        if summary.failed:
            raise self._failure(summary)

    def end_interrupted(self, summary: Summary | None, interruption: BaseException) -> NoReturn:
        """Ends a run that was cancelled or interrupted, and says what it spent and may have spent.

        Args:
            summary: The outcome; None if the drawing was ended at once.
            interruption: The exception that interrupted the run.

        Raises:
            Failure: The run was cancelled in Dagster.
            BaseException: Else the interruption, so that Dagster may start the run again.
        """
        for spend in self._project.store.records.unreported():
            self._money.observe(spend.number, [spend])
        if summary is not None:
            summary.stopped_by = summary.stopped_by or cancelled()
        failure = self._failure(summary)
        run = self._context.instance.get_run_by_id(self._project.run_id)
        if run is not None and run.status is dg.DagsterRunStatus.CANCELING:
            raise failure
        self._context.log.error(failure.description or "")
        raise interruption

    def _failure(self, summary: Summary | None) -> dg.Failure:
        """Returns the failure that ends the run; ``summary`` is None if the drawing was ended at once."""
        stopped_by = cancelled() if summary is None else summary.stopped_by
        if stopped_by is not None:
            note_stop(self._context, self._project, stopped_by)
        records, manifest = self._project.store.records, self._project.manifest()
        run = totals(manifest, records, run_id=self._project.run_id)
        lost = records.total_usd(reported_by=self._project.run_id, kind=SpendKind.POSSIBLY_BILLED)
        money = {"cost_usd": run.total_cost_usd, "possibly_billed_usd": lost}
        return dg.Failure(
            describe_end_at_once(**money) if summary is None else describe_failure(summary, **money),
            metadata={
                "generated": run.generated if summary is None else summary.generated,
                "skipped": run.skipped if summary is None else summary.skipped,
                "failed": run.failed if summary is None else summary.failed,
                "total_cost_usd": run.total_cost_usd,
                "project_cost_usd": run.project_cost_usd,
                "possibly_billed_usd": lost,
                **codes_metadata([cancelled().code] if summary is None else summary.codes()),
                **row_link(self._context.run),
            },
            allow_retries=False,
        )

    def _metadata(self, event: PictureDone) -> dict[str, Any]:
        record, asset = event.record, event.task.asset
        confirmed = [spend for spend in event.spends if spend.kind is SpendKind.CONFIRMED]
        metadata: dict[str, Any] = {  # in the order of the UI's table
            "thumbnail": dg.MetadataValue.md(event.thumbnails.inline),
            "asset_name": asset.name,
            "cost_usd": usd(confirmed),
            "path": dg.MetadataValue.path(str(self._project.paths.absolute(record.path))),
            "preview": dg.MetadataValue.md(event.thumbnails.preview),
            "asset_type": str(asset.asset_type),
            "cost_source": str(record.cost_source),
            "prompt_preview": preview(asset.prompt),
            "attempts": record.attempts,
            "reused": event.reused,
            "reason": event.task.step.reason,
            "width": record.facts.width,
            "height": record.facts.height,
            "size_bytes": record.facts.size_bytes,
            TOKENS: dg.MetadataValue.json([spend.token for spend in confirmed]),
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
