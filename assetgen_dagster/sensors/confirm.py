"""Shows the assets of a complete project as done after a run that failed and changed nothing.

Dagster shows every asset that a failed run was to make as failed: a run that another one refused at the project's lock
turns a complete project red. Reported as events that belong to no run: nothing is executed, so nothing can cost money.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import dagster as dg

from assetgen_dagster.assets.keys import ASSET_MANIFEST, ASSETS_READY, image_number
from assetgen_dagster.assets.money import TOKENS
from assetgen_dagster.assets.picture_state import NEWEST_RUN, shown_as_done
from assetgen_dagster.assets.request import newest_run
from assetgen_dagster.assets.runs import is_ours, own_assets, position_of_run
from assetgen_dagster.assets.tags import PARTITION_TAG, WILL_RETRY_TAG
from assetgen_dagster.drawing.plan import missing_pictures
from assetgen_dagster.drawing.status import finished_at, totals
from assetgen_dagster.manifest.file import MANIFEST_FILE, load_manifest
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.project.records import ProjectRecords, RecordStore
from assetgen_dagster.project.workspace import ProjectPaths


def may_show_as_failed(run: dg.DagsterRun) -> bool:
    """Returns whether a run that has ended may have left assets shown as failed, and nothing else continues it."""
    failed = run.status is not dg.DagsterRunStatus.SUCCESS
    return failed and is_ours(run) and run.tags.get(WILL_RETRY_TAG) != "true"


def confirm_complete(instance: dg.DagsterInstance, run: dg.DagsterRun, paths: ProjectPaths, *, slots: int) -> None:
    """Reports the assets of a failed run as materialized if its project is complete.

    Args:
        instance: The Dagster instance.
        run: The run.
        paths: Its project.
        slots: Number of image assets.

    Raises:
        AssetgenError: Manifest or records cannot be read.
    """
    found, records = load_manifest(paths.project / MANIFEST_FILE), RecordStore(paths.records).records
    if found is None or finished_at(records) is None:
        return
    present = {asset.name for asset in found.manifest.assets if paths.output_path(asset).is_file()}
    if missing_pictures(found.manifest, records, present):
        return
    partition = run.tags[PARTITION_TAG]
    position, newest = position_of_run(instance, run.run_id) or 0, newest_run(instance, partition) or run.run_id
    for key in own_assets(run, slots=slots):
        done = shown_as_done(instance, key, partition)
        if done is None or done < position:
            facts = _facts(key, found.manifest, records, run)
            instance.report_runless_asset_event(_repeated(instance, key, partition, facts | {NEWEST_RUN: newest}))


def _repeated(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str, facts: Mapping[str, Any]
) -> dg.AssetMaterialization:
    """Returns an asset's last materialization once more: the same data version, with some metadata replaced."""
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition])
    records = instance.fetch_materializations(wanted, limit=1).records
    last = records[0].asset_materialization if records else None
    kept = {name: value for name, value in (last.metadata if last else {}).items() if name != TOKENS}
    return dg.AssetMaterialization(key, partition=partition, metadata={**kept, **facts}, tags=last.tags if last else {})


def _facts(key: dg.AssetKey, manifest: AssetManifest, records: ProjectRecords, run: dg.DagsterRun) -> dict[str, Any]:
    """Returns the metadata that differs from the last event's: this one cost nothing."""
    if key == ASSETS_READY:
        return asdict(totals(manifest, records, run_id=""))
    reason = f"done; run {run.run_id[:8]} did not change it"
    image = {"cost_usd": 0.0, "reused": True} if image_number(key) is not None else {}
    return {"reason": reason} | image | ({"cost_usd": 0.0} if key == ASSET_MANIFEST else {})
