"""``log_retention``: deletes the output of old runs; their events, and so all costs, are kept.

Dagster deletes old ticks itself (``dagster.yaml``), but never a run's output.
"""

import time
from datetime import UTC, datetime

import dagster as dg

from assetgen_dagster.assets.resources import SettingsResource
from assetgen_dagster.assets.runs import FINISHED
from assetgen_dagster.errors import AssetgenError

_DAY = 86400.0


@dg.sensor(
    name="log_retention",
    minimum_interval_seconds=3600,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Deletes the output of runs after ASSETGEN_LOG_DAYS; events, costs and pictures are kept.",
)
def log_retention(context: dg.SensorEvaluationContext, assetgen_settings: SettingsResource) -> dg.SkipReason:
    """Does one tick; the cursor is the end of the last period whose output was deleted."""
    try:
        days = assetgen_settings.load().log_days
    except AssetgenError as error:
        return dg.SkipReason(str(error))
    before = time.time() - days * _DAY
    count = delete_output(context.instance, since=float(context.cursor or 0), before=before)
    context.update_cursor(repr(before))
    message = f"Deleted the output of {count} runs that ended more than {days} days ago."
    if count:
        context.log.info(message)
    return dg.SkipReason(message)


def delete_output(instance: dg.DagsterInstance, *, since: float, before: float) -> int:
    """Deletes the output of runs that ended, or changed after their end, in a period; returns the number of runs.

    Args:
        instance: The Dagster instance.
        since: Unix time.
        before: Unix time.
    """
    between = dg.RunsFilter(
        statuses=list(FINISHED),
        updated_after=datetime.fromtimestamp(since, UTC),
        updated_before=datetime.fromtimestamp(before, UTC),
    )
    ended = instance.get_run_ids(between)
    for run_id in ended:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    return len(ended)
