"""The run queue: adds tags that runs from the UI lack, clears those copied from another run, and puts people first.

Named in ``deploy/dagster.yaml``; loaded by the webserver, the daemon and the commands.
"""

from dagster import DagsterRun, QueuedRunCoordinator, SubmitRunContext

from assetgen_dagster.assets.request import mint_request
from assetgen_dagster.assets.tags import (
    AUTO_RETRY_TAG,
    BACKFILL_TAG,
    CHANNEL_TAG,
    OUTCOME_TAGS,
    PARTITION_TAG,
    PRIORITY_TAG,
    PROJECT_TAG,
    REQUEST_TAG,
    SENSOR_TAG,
)
from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey


class ProjectRunCoordinator(QueuedRunCoordinator):
    """Tags and prioritizes every run of a partition.

    Adds ``channel`` and ``project``, so that limits per channel apply to all runs, and ``request``, which tells a retry
    from a new request. Dagster copies all tags to a re-execution and cannot delete any, so the outcome of the original
    run is set to empty; otherwise the new run would count as reported. A run that a person starts gets a higher
    priority than those of the sensors.
    """

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Tags a run and queues it."""
        run = context.dagster_run
        copied = dict.fromkeys((tag for tag in OUTCOME_TAGS if tag in run.tags), "")
        first = {PRIORITY_TAG: run.tags.get(PRIORITY_TAG, "1")} if _by_hand(run) else {}
        project = project_tags(run.tags.get(PARTITION_TAG))
        request = {REQUEST_TAG: mint_request(self._instance, run)} if project else {}
        wanted = project | request | copied | first
        if tags := {tag: value for tag, value in wanted.items() if run.tags.get(tag) != value}:
            self._instance.add_run_tags(run.run_id, tags)
        return super().submit_run(context)


def _by_hand(run: DagsterRun) -> bool:
    """Returns whether a person started this run, also by re-executing a run of a sensor, whose tags it has."""
    if BACKFILL_TAG in run.tags or AUTO_RETRY_TAG in run.tags:  # Dagster's retry has its parent's priority
        return False
    return SENSOR_TAG not in run.tags or run.parent_run_id is not None


def project_tags(partition_key: str | None) -> dict[str, str]:
    """Returns the tags of a partition's runs; none for an invalid key, which ``asset_manifest`` will refuse."""
    try:
        key = ProjectKey.from_partition_key(partition_key or "")
    except InvalidIdentifierError:
        return {}
    return {CHANNEL_TAG: key.channel, PROJECT_TAG: key.project}
