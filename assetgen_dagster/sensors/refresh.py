"""``refresh_outdated``: after pictures were drawn again alone, ``assets_ready`` and ``contact_sheet`` follow."""

import dagster as dg

from assetgen_dagster.assets.keys import ASSETS_READY, CONTACT_SHEET, image_number
from assetgen_dagster.assets.projects import CHANNEL_TAG, PARTITION_TAG, PROJECT_TAG

REFRESHED = (ASSETS_READY, CONTACT_SHEET)

refresh_project_assets = dg.define_asset_job(
    "refresh_project_assets",
    selection=dg.AssetSelection.assets(*REFRESHED),
    description="Sums a project up again; draws nothing, costs nothing.",
)


def needs_refresh(run: dg.DagsterRun) -> bool:
    """Returns whether a successful run handled pictures of a project without what sums them up."""
    selection = run.asset_selection
    if selection is None or PARTITION_TAG not in run.tags:
        return False
    return any(image_number(key) is not None for key in selection) and not set(REFRESHED) <= selection


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitor_all_code_locations=False,
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=5,
    request_job=refresh_project_assets,
    description="Brings assets_ready and contact_sheet up to date after single pictures were drawn again.",
)
def refresh_outdated(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """Requests the two assets for the run's partition."""
    run = context.dagster_run
    if not needs_refresh(run):
        return dg.SkipReason(f"Run {run.run_id} leaves nothing out of date.")
    tags = {name: run.tags[name] for name in (CHANNEL_TAG, PROJECT_TAG) if name in run.tags}
    return dg.RunRequest(run_key=run.run_id, partition_key=run.tags[PARTITION_TAG], tags=tags)
