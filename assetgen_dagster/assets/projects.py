"""The partitions: one dynamic dimension, one key ``<channel>:<project>`` a video.

Not two dimensions: their cross product would show pairs that do not exist as missing, and a backfill would pay for
them.
"""

import dagster as dg

from assetgen_dagster.project.key import ProjectKey

#: The name of the partitions, in one place.
PARTITIONS = "projects"

projects = dg.DynamicPartitionsDefinition(name=PARTITIONS)

#: Tags of every run, so that runs can be filtered and limited by channel.
CHANNEL_TAG = "channel"
PROJECT_TAG = "project"

#: The Notion row a run works for.
PAGE_TAG = "notion_page"

#: Digest of the row's order to draw single pictures again that a run carries out, see ``notion.redraw``.
REDRAW_TAG = "notion_redraw"

#: The command that a run was started with, such as ``generate``; its process is the command's own.
COMMAND_TAG = "command"

#: The run that asked first for what a run carries out: itself, unless it retries or repeats another one.
REQUEST_TAG = "request"

#: Of a run whose row was told: how. Serves where the database has no column for the run.
REPORTED_TAG = "notion_reported"

#: What became of a run's review sheet.
SHEET_TAG = "notion_review_sheet"

#: What ended a run that was stopped, and the fingerprint of the settings it had.
STOPPED_BY_TAG = "stopped_by"
STOPPED_WITH_TAG = "stopped_with"

#: What tells how a run went: another run that has them copied of it does not go by them.
OUTCOME_TAGS = (REPORTED_TAG, SHEET_TAG, STOPPED_BY_TAG, STOPPED_WITH_TAG)

# Set by Dagster; it exports no names for them.
PARTITION_TAG = "dagster/partition"
BACKFILL_TAG = "dagster/backfill"
SENSOR_TAG = "dagster/sensor_name"
PRIORITY_TAG = "dagster/priority"
PARENT_TAG = "dagster/parent_run_id"
PARENT_BACKFILL_TAG = "dagster/parent_backfill_id"
AUTO_RETRY_TAG = "dagster/retry_number"
WILL_RETRY_TAG = "dagster/will_retry"
FAILURE_REASON_TAG = "dagster/failure_reason"
RETRY_TAGS = ("dagster/is_resume_retry", "dagster/is_asset_resume_retry")


def ensure_partition(instance: dg.DagsterInstance, key: ProjectKey) -> None:
    """Adds a project's partition if it is not there; it may have been archived, even since its run was asked for."""
    if not instance.has_dynamic_partition(PARTITIONS, str(key)):
        instance.add_dynamic_partitions(PARTITIONS, [str(key)])
