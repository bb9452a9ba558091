"""The run queue, with the tags that runs from the UI lack.

Named in ``deploy/dagster.yaml``; loaded by the webserver, the daemon and the commands.
"""

from dagster import DagsterRun, QueuedRunCoordinator, SubmitRunContext

from assetgen_dagster.assets.projects import CHANNEL_TAG, PARTITION_TAG, PROJECT_TAG
from assetgen_dagster.project import InvalidIdentifierError, ProjectKey


class ProjectRunCoordinator(QueuedRunCoordinator):
    """Adds the tags ``channel`` and ``project`` to every run of a partition, so that limits by channel hold for all."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Queues a run, tagged."""
        run = context.dagster_run
        if tags := project_tags(run.tags.get(PARTITION_TAG)):
            self._instance.add_run_tags(run.run_id, tags)
        return super().submit_run(context)


def project_tags(partition_key: str | None) -> dict[str, str]:
    """Returns the tags of a partition's runs; none for a key that ``asset_manifest`` will refuse."""
    try:
        key = ProjectKey.from_partition_key(partition_key or "")
    except InvalidIdentifierError:
        return {}
    return {CHANNEL_TAG: key.channel, PROJECT_TAG: key.project}
