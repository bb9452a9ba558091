"""What the writing of a manifest cost, on the events of ``asset_manifest``."""

import contextlib
from collections.abc import Iterator

import dagster as dg

from assetgen_dagster.assets.money import TOKENS, Money, usd
from assetgen_dagster.assets.session import Project, note_stopped
from assetgen_dagster.director.model.write import Bill, StoryModelError
from assetgen_dagster.project.records import MANIFEST, MANIFEST_NUMBER, CostSource, Spend, SpendKind


class ManifestMoney:
    """Tells one run's money for the manifest, and what an earlier run had no event for."""

    def __init__(self, context: dg.AssetExecutionContext, project: Project) -> None:
        self._context = context
        self._project = project
        self._money = Money(context, project)
        self._money.recover()

    @contextlib.contextmanager
    def told_after_failure(self) -> Iterator[None]:
        """Tells money as an observation where there will be no manifest to tell it with, and what stopped the run."""
        try:
            yield
        except Exception as error:
            if isinstance(error, StoryModelError):
                note_stopped(self._context.instance, self._project, error.failure)
            self._money.observe(MANIFEST_NUMBER, self._untold())
            raise

    def metadata(self, bill: Bill) -> dict[str, dg.MetadataValue]:
        """Returns the money that is told with the manifest, in USD, and the tokens of this run."""
        self._money.observe_lost(MANIFEST_NUMBER, self._untold())
        confirmed = [spend for spend in self._untold() if spend.kind is SpendKind.CONFIRMED]
        found: dict[str, dg.MetadataValue] = {
            "cost_usd": dg.MetadataValue.float(usd(confirmed)),
            "cost_source": dg.MetadataValue.text(_source(confirmed)),
            TOKENS: dg.MetadataValue.json([spend.token for spend in confirmed]),
        }
        if confirmed:
            found["story_model"] = dg.MetadataValue.text(confirmed[-1].model)
        if bill.questions:
            found["input_tokens"] = dg.MetadataValue.int(bill.input_tokens)
            found["output_tokens"] = dg.MetadataValue.int(bill.output_tokens)
        return found

    def mark(self) -> None:
        """Marks as told what stood on the manifest's event."""
        self._money.mark(self._untold())

    def _untold(self) -> list[Spend]:
        return self._project.store.records.unreported([MANIFEST])


def _source(spends: list[Spend]) -> str:
    """Returns how the sum is known: as badly as the worst known part of it."""
    worst = (CostSource.UNKNOWN, CostSource.ESTIMATE, CostSource.USAGE)
    return next((str(source) for source in worst if any(s.cost_source is source for s in spends)), str(CostSource.NONE))
