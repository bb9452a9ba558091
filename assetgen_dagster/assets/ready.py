"""``assets_ready``: every picture exists; its metadata says what they cost."""

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assetgen_dagster.assets.checks import CHECKS, check_pictures
from assetgen_dagster.assets.keys import ASSETS_READY, image_key
from assetgen_dagster.assets.partitions import projects
from assetgen_dagster.assets.request import row_link
from assetgen_dagster.assets.row_report import report_ready_at_once
from assetgen_dagster.assets.session import RunSession, user_failures
from assetgen_dagster.drawing.status import NotReadyError, measured_pictures, note_recorded, require_ready, totals
from assetgen_dagster.notion.columns import figures_of


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
            ratios = {asset.name: project.options.aspect_ratio_of(asset) for asset in manifest.assets}
            checks = list(check_pictures(pictures, aspect_ratios=ratios))
            try:
                require_ready(manifest, project.store.records, pictures)
            except NotReadyError:
                yield from checks
                raise
            found = totals(manifest, project.store.records, run_id=project.run_id)
            yield dg.MaterializeResult(metadata=asdict(found) | row_link(context.run), check_results=checks)
            # After the event: a run that dies earlier leaves the round open, and an open round is not drawn again.
            note_recorded(project.store, ready=True)
            report_ready_at_once(context, project, session.board, figures_of(project.store.records, pictures))

    return assets_ready
