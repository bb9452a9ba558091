"""Refreshes ``assets_ready`` and ``contact_sheet`` after a run that left all pictures present and these two stale.

Such a run drew single pictures, or ended before the downstream assets.
"""

from collections.abc import Iterator

import dagster as dg

from assetgen_dagster.assets.keys import ASSETS_READY, CONTACT_SHEET, REFRESH_JOB_NAME
from assetgen_dagster.assets.partitions import PARTITIONS
from assetgen_dagster.assets.runs import AT_WORK, includes_images, is_ours
from assetgen_dagster.assets.tags import CHANNEL_TAG, COMMAND_TAG, PARTITION_TAG, PROJECT_TAG, WILL_RETRY_TAG
from assetgen_dagster.drawing.plan import missing_pictures
from assetgen_dagster.drawing.status import is_stale
from assetgen_dagster.manifest.file import MANIFEST_FILE, load_manifest
from assetgen_dagster.project.records import RecordStore
from assetgen_dagster.project.workspace import ProjectPaths
from assetgen_dagster.sensors.collecting import collecting
from assetgen_dagster.sensors.confirm import confirm_complete, may_show_as_failed
from assetgen_dagster.sensors.ended_runs import EndedRuns
from assetgen_dagster.sensors.run_monitor import project_of, runs_in
from assetgen_dagster.settings import Settings

#: Consecutive failed refreshes before giving up; each attempt that died is retried by Dagster, too.
_ATTEMPTS = 3

#: Tag of a refresh run: the number of this attempt.
_ATTEMPT_TAG = "refresh_attempt"

refresh_project_assets = dg.define_asset_job(
    REFRESH_JOB_NAME,
    selection=dg.AssetSelection.assets(ASSETS_READY, CONTACT_SHEET),
    description="Refreshes a project's summary and contact sheet; draws nothing, costs nothing.",
)


def may_need_refresh(run: dg.DagsterRun) -> bool:
    """Returns whether a run that has ended may have left a project out of date, and nothing else continues it.

    Dagster continues a run that it retries. A failed command is repeated by its user and continues the open round; a
    refresh must not close that round meanwhile, or the command would pay for a new one.
    """
    failed = run.status is not dg.DagsterRunStatus.SUCCESS
    if run.tags.get(WILL_RETRY_TAG) == "true" or (failed and COMMAND_TAG in run.tags and run.parent_run_id is None):
        return False
    if run.job_name == REFRESH_JOB_NAME:
        return failed and _attempt(run) < _ATTEMPTS
    return includes_images(run)


def refresh_requests(
    instance: dg.DagsterInstance, ended: EndedRuns, settings: Settings, failures: list[str]
) -> list[dg.RunRequest]:
    """Returns a refresh request for each project of the pending runs that is out of date.

    A project without its partition gets none: Dagster would refuse the request and discard the whole tick. So an
    archived project stays archived; drawing it again adds its partition.
    """
    requests = {request.partition_key: request for request in _requests(instance, ended, settings, failures)}
    there = set(instance.get_dynamic_partitions(PARTITIONS)) if requests else set()
    return [request for key, request in requests.items() if key in there]


def _requests(
    instance: dg.DagsterInstance, ended: EndedRuns, settings: Settings, failures: list[str]
) -> Iterator[dg.RunRequest]:
    """Yields a request for each run that left its project out of date; shows a complete project as done.

    A run stays pending while its project cannot be read or another run works on it: that run may refresh it.
    """
    at_work = _partitions_at_work(instance) if ended.pending else set()
    for run_id in tuple(ended.pending):
        run = instance.get_run_by_id(run_id)
        if run is not None and run.tags.get(PARTITION_TAG) in at_work:
            continue
        with collecting(failures):
            found = project_of(run, settings) if run is not None else None
            outdated = found is not None and _is_outdated(found[1])
            if run is not None and found is not None and may_show_as_failed(run):
                confirm_complete(instance, run, found[1], slots=settings.image_slots)
            ended.finish(run_id)
            if run is not None and outdated and may_need_refresh(run):
                tags = {name: run.tags[name] for name in (CHANNEL_TAG, PROJECT_TAG) if name in run.tags}
                tags[_ATTEMPT_TAG] = str(_attempt(run) + 1)
                yield dg.RunRequest(run_key=run_id, partition_key=run.tags[PARTITION_TAG], tags=tags)


def _partitions_at_work(instance: dg.DagsterInstance) -> set[str | None]:
    return {run.tags.get(PARTITION_TAG) for run in runs_in(instance, AT_WORK) if is_ours(run)}


def _attempt(run: dg.DagsterRun) -> int:
    return int(run.tags.get(_ATTEMPT_TAG, "0"))


def _is_outdated(paths: ProjectPaths) -> bool:
    """Returns whether all pictures are present, and some are newer than the downstream assets."""
    found, records = load_manifest(paths.project / MANIFEST_FILE), RecordStore(paths.records).records
    if found is None or not is_stale(records):
        return False
    present = {asset.name for asset in found.manifest.assets if paths.output_path(asset).is_file()}
    return not missing_pictures(found.manifest, records, present)
