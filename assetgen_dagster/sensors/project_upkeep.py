"""``project_upkeep``: the work after a run has ended, whatever started it and however it ended.

It fails runs with a dead process (``run_monitor``), resubmits runs that the broker lost, refreshes the assets
downstream of pictures that changed (``refresh``), and shows a complete project as done after a run that was refused
(``confirm``).
"""

import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg

from assetgen_dagster.assets.resources import SettingsResource
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.launchers.celery.starting import monitor_starting_runs
from assetgen_dagster.sensors import TICK_SECONDS
from assetgen_dagster.sensors.collecting import collecting
from assetgen_dagster.sensors.confirm import may_show_as_failed
from assetgen_dagster.sensors.ended_runs import EndedRuns
from assetgen_dagster.sensors.refresh import may_need_refresh, refresh_project_assets, refresh_requests
from assetgen_dagster.sensors.run_monitor import fail_orphaned_runs, give_up_lost_retries
from assetgen_dagster.settings import Settings


@dataclass
class Cursor:
    """What the sensor remembers between ticks.

    Attributes:
        ended: Runs that ended; the pending ones may need a refresh.
        unlocked_since: When each started run was first seen without its project's lock.
        handed_over: When each starting run was last submitted to the broker.
        not_retried: Number of ticks at which each run that Dagster promised to retry had no retry.
    """

    ended: EndedRuns
    unlocked_since: dict[str, float] = field(default_factory=dict)
    handed_over: dict[str, float] = field(default_factory=dict)
    not_retried: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> "Cursor":
        """Parses a cursor; the first tick ignores runs that ended before it."""
        held: dict[str, Any] = json.loads(cursor) if cursor else {}
        return cls(
            EndedRuns.from_cursor(held, start=time.time()),
            held.get("unlocked_since", {}),
            held.get("handed_over", {}),
            held.get("not_retried", {}),
        )


@dg.sensor(
    name="project_upkeep",
    job=refresh_project_assets,
    minimum_interval_seconds=TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fails runs whose process died, and refreshes projects whose pictures changed.",
)
def project_upkeep(
    context: dg.SensorEvaluationContext, assetgen_settings: SettingsResource
) -> dg.SensorResult | dg.SkipReason:
    """Does one tick."""
    cursor, failures = Cursor.read(context.cursor), list[str]()
    try:
        settings = assetgen_settings.load()
        cursor.unlocked_since = fail_orphaned_runs(context.instance, cursor.unlocked_since, settings, failures)
        with collecting(failures):
            _monitor_starting_runs(context.instance, cursor, settings)
        ended = cursor.ended.advance(context.instance, lambda run: may_need_refresh(run) or may_show_as_failed(run))
        runs = [record.dagster_run for record in ended]
        cursor.not_retried = give_up_lost_retries(context.instance, cursor.not_retried, runs)
        requests = refresh_requests(context.instance, cursor.ended, settings, failures)
    except (AssetgenError, OSError) as error:
        return dg.SkipReason(str(error))
    for failure in dict.fromkeys(failures):
        context.log.warning(failure)
    message = None if requests or not failures else dg.SkipReason(" ".join(dict.fromkeys(failures)))
    return dg.SensorResult(run_requests=requests, skip_reason=message, cursor=json.dumps(asdict(cursor)))


def _monitor_starting_runs(instance: dg.DagsterInstance, cursor: Cursor, settings: Settings) -> None:
    if settings.broker is not None and settings.database is not None:
        cursor.handed_over = monitor_starting_runs(instance, settings.database, cursor.handed_over)
