"""Reports what a language model charged for a manifest, on the events of ``asset_manifest``."""

import contextlib
from collections.abc import Iterator

import dagster as dg

from assetgen_dagster.assets.money import TOKENS, Money, usd
from assetgen_dagster.assets.session import Project, note_stop
from assetgen_dagster.director.model.write import Bill, StoryModelError
from assetgen_dagster.project.records import MANIFEST, MANIFEST_NUMBER, CostSource, Spend, SpendKind


class ManifestMoney:
    """Reports one run's spend on the manifest, and what earlier runs left unreported."""

    def __init__(self, context: dg.AssetExecutionContext, project: Project) -> None:
        self._context = context
        self._project = project
        self._money = Money(context, project)
        self._money.recover()

    @contextlib.contextmanager
    def report_after_failure(self) -> Iterator[None]:
        """Reports the spend as an observation if the block fails, and tags the run with what stopped it."""
        try:
            yield
        except Exception as error:
            if isinstance(error, StoryModelError):
                note_stop(self._context, self._project, error.failure)
            self._money.observe(MANIFEST_NUMBER, self._unreported())
            raise

    def metadata(self, bill: Bill) -> dict[str, dg.MetadataValue]:
        """Returns the cost in USD, its source and this run's tokens, for the manifest's materialization."""
        self._money.observe_lost(MANIFEST_NUMBER, self._unreported())
        confirmed = [spend for spend in self._unreported() if spend.kind is SpendKind.CONFIRMED]
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
        """Marks the spend on the manifest's event as reported."""
        self._money.mark(self._unreported())

    def _unreported(self) -> list[Spend]:
        return self._project.store.records.unreported([MANIFEST])


def _source(spends: list[Spend]) -> str:
    """Returns the cost source of a sum: the least certain source of its parts."""
    worst = (CostSource.UNKNOWN, CostSource.ESTIMATE, CostSource.USAGE)
    return next((str(source) for source in worst if any(s.cost_source is source for s in spends)), str(CostSource.NONE))
