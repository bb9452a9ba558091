"""``assets_ready``: every picture exists; its metadata says what they cost."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import dagster as dg

from assetgen_dagster.assets.checks import CHECKS, check_results
from assetgen_dagster.assets.keys import ASSETS_READY, image_key
from assetgen_dagster.assets.partitions import projects
from assetgen_dagster.assets.request import row_link
from assetgen_dagster.assets.row_report import report_ready_at_once
from assetgen_dagster.assets.session import RunSession, user_failures
from assetgen_dagster.drawing.defects import DefectivePicture, defective_pictures, describe_defects, numbers_of
from assetgen_dagster.drawing.status import NotReadyError, measured_pictures, note_recorded, require_ready, totals
from assetgen_dagster.notion.columns import figures_of

#: Metadata that names the pictures with defects, in words, and as ``redraw --pictures`` takes them.
LOOK_AT, LOOK_AT_NUMBERS = "look_at", "look_at_numbers"


def build_assets_ready(slots: int) -> dg.AssetsDefinition:
    """Returns the asset downstream of all pictures."""

    @dg.asset(
        key=ASSETS_READY,
        deps=[image_key(number) for number in range(1, slots + 1)],
        partitions_def=projects,
        group_name="assets",
        kinds={"python"},
        check_specs=CHECKS,
        description=(
            "Every picture of the manifest exists: total_cost_usd is what this run spent, project_cost_usd what all "
            "runs spent. If it fails, materialize the pictures that its message names."
        ),
    )
    def assets_ready(
        context: dg.AssetExecutionContext, session: RunSession
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        with user_failures(context):
            project = session.open(context)
            manifest = project.reconciled_manifest()
            pictures = measured_pictures(manifest, project.store.records, project.paths)
            defective = defective_pictures(manifest, project.store.records, pictures, project.options)
            checks = list(check_results(defective, pictures=len(pictures)))
            try:
                require_ready(manifest, project.store.records, pictures)
            except NotReadyError:
                yield from checks
                raise
            found = totals(manifest, project.store.records, run_id=project.run_id)
            metadata = asdict(found) | _look_at(defective) | row_link(context.run)
            yield dg.MaterializeResult(metadata=metadata, check_results=checks)
            # After the event: a run that dies earlier leaves the round open, and an open round is not drawn again.
            note_recorded(project.store, ready=True)
            figures = figures_of(project.store.records, pictures)
            report_ready_at_once(context, project, session.board, figures, defective)

    return assets_ready


def _look_at(defective: Sequence[DefectivePicture]) -> dict[str, str]:
    """Returns the metadata on pictures with defects; empty if there are none."""
    return {LOOK_AT: describe_defects(defective), LOOK_AT_NUMBERS: numbers_of(defective)} if defective else {}
