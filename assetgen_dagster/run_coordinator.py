"""The run queue, with the tags that runs from the UI lack, and without those that are another run's.

Named in ``deploy/dagster.yaml``; loaded by the webserver, the daemon and the commands.
"""

from dagster import DagsterRun, QueuedRunCoordinator, SubmitRunContext

from assetgen_dagster.assets.projects import CHANNEL_TAG, OUTCOME_TAGS, PARTITION_TAG, PROJECT_TAG
from assetgen_dagster.project import InvalidIdentifierError, ProjectKey


class ProjectRunCoordinator(QueuedRunCoordinator):
    """Adds the tags ``channel`` and ``project`` to every run of a partition, so that limits by channel hold for all.

    Dagster copies a run's tags when it is executed again, and can delete none: what they say of how that one went is
    emptied, or nobody would hear how this one goes.
    """

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Queues a run, tagged."""
        run = context.dagster_run
        copied = dict.fromkeys((tag for tag in OUTCOME_TAGS if tag in run.tags), "")
        if tags := project_tags(run.tags.get(PARTITION_TAG)) | copied:
            self._instance.add_run_tags(run.run_id, tags)
        return super().submit_run(context)


def project_tags(partition_key: str | None) -> dict[str, str]:
    """Returns the tags of a partition's runs; none for a key that ``asset_manifest`` will refuse."""
    try:
        key = ProjectKey.from_partition_key(partition_key or "")
    except InvalidIdentifierError:
        return {}
    return {CHANNEL_TAG: key.channel, PROJECT_TAG: key.project}
