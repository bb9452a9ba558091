"""``project_upkeep``: what must happen after a run has ended, whoever started it and however it ended.

A run whose process died stays STARTED in Dagster and would keep its project's place in the queue for ever: a free
project lock tells that nobody is at work, and the run is reported as failed. And after single pictures were drawn
again, ``assets_ready`` and ``contact_sheet`` follow.
"""

import contextlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

import dagster as dg

from assetgen_dagster.assets.keys import ASSETS_READY, CONTACT_SHEET, image_number
from assetgen_dagster.assets.projects import CHANNEL_TAG, PARTITION_TAG, PROJECT_TAG
from assetgen_dagster.drawing.plan import missing_pictures
from assetgen_dagster.drawing.project_lock import held_projects
from assetgen_dagster.drawing.records import RecordStore
from assetgen_dagster.drawing.status import is_stale
from assetgen_dagster.drawing.workspace import ProjectPaths, locate_project
from assetgen_dagster.errors import AssetgenError, coded
from assetgen_dagster.project import InvalidIdentifierError, ProjectKey
from assetgen_dagster.sensors import LOOK_SECONDS
from assetgen_dagster.sensors.ended_runs import RUN_DIED, ended_since
from assetgen_dagster.settings import Settings, load_settings
from assetgen_dagster.story.source import MANIFEST_FILE, load_manifest
from assetgen_dagster.workers.starting import look_after_starting_runs

#: How long a run may be STARTED without its project's lock: before its first asset, and after its last.
_GRACE_SECONDS = 30.0


refresh_project_assets = dg.define_asset_job(
    "refresh_project_assets",
    selection=dg.AssetSelection.assets(ASSETS_READY, CONTACT_SHEET),
    description="Sums a project up again; draws nothing, costs nothing.",
)


@dataclass
class Memory:
    """What the sensor remembers between ticks.

    Attributes:
        looked_until: Unix time of the last run that was looked at.
        unlocked_since: When each started run was first seen without its project's lock.
        handed_over: When each run on its way to a worker was last handed to the broker.
    """

    looked_until: float
    unlocked_since: dict[str, float] = field(default_factory=dict)
    handed_over: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> "Memory":
        """Returns what a cursor holds; runs that ended before the first tick are not looked at."""
        return cls(**json.loads(cursor)) if cursor else cls(looked_until=time.time())


def dead_runs(unlocked: Iterable[str], since: Mapping[str, float], now: float) -> tuple[set[str], dict[str, float]]:
    """Returns the runs that are dead, and since when the others have been without their lock.

    Args:
        unlocked: Started runs whose project nobody has locked.
        since: When each was first seen so.
        now: Unix time.
    """
    seen = {run_id: since.get(run_id, now) for run_id in unlocked}
    dead = {run_id for run_id, first in seen.items() if now - first >= _GRACE_SECONDS}
    return dead, {run_id: first for run_id, first in seen.items() if run_id not in dead}


@dg.sensor(
    name="project_upkeep",
    job=refresh_project_assets,
    minimum_interval_seconds=LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports runs whose process died, and sums projects up again after single pictures were redrawn.",
)
def project_upkeep(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Fetches, lets the functions above decide, carries out."""
    memory, troubles = Memory.read(context.cursor), list[str]()
    try:
        settings = load_settings()
        bury_dead_runs(context.instance, memory, settings, troubles)
        with _noting(troubles):
            _look_after_starting_runs(context.instance, memory, settings)
        requests = list(_refreshes(context.instance, memory, settings, troubles))
    except (AssetgenError, OSError) as error:
        return dg.SkipReason(str(error))
    said = None if requests or not troubles else dg.SkipReason(" ".join(dict.fromkeys(troubles)))
    return dg.SensorResult(run_requests=requests, skip_reason=said, cursor=json.dumps(asdict(memory)))


def bury_dead_runs(instance: dg.DagsterInstance, memory: Memory, settings: Settings, troubles: list[str]) -> None:
    """Reports started runs as failed that have been without their project's lock for a while.

    A project that cannot be looked at adds to ``troubles``; it must not keep the others.
    """
    started = {run.run_id: run for run in _runs(instance, [dg.DagsterRunStatus.STARTED])}
    projects: dict[str, tuple[ProjectKey, ProjectPaths]] = {}
    for run_id, run in started.items():
        with _noting(troubles):
            if found := _project(run, settings):
                projects[run_id] = found
    held = held_projects(dict(projects.values()), settings)
    unlocked = [run_id for run_id, (key, _) in projects.items() if key not in held]
    dead, memory.unlocked_since = dead_runs(unlocked, memory.unlocked_since, time.time())
    for run_id in dead:
        instance.report_run_failed(
            started[run_id],
            coded(
                "The run's process is gone: nobody holds its project's lock. What was done is kept; run it again.",
                RUN_DIED,
            ),
        )


def _look_after_starting_runs(instance: dg.DagsterInstance, memory: Memory, settings: Settings) -> None:
    if settings.broker is not None and settings.database is not None:
        memory.handed_over = look_after_starting_runs(instance, settings.database, memory.handed_over)


def _refreshes(
    instance: dg.DagsterInstance, memory: Memory, settings: Settings, troubles: list[str]
) -> Iterator[dg.RunRequest]:
    recent = ended_since(instance, memory.looked_until)
    ended = [record for record in recent if (record.end_time or 0) > memory.looked_until]
    before = len(troubles)
    for record in ended:
        run = record.dagster_run
        with _noting(troubles):
            handled_pictures = any(image_number(key) is not None for key in run.asset_selection or ())
            found = _project(run, settings) if handled_pictures else None
            if found is not None and _is_outdated(found[1]):
                tags = {name: run.tags[name] for name in (CHANNEL_TAG, PROJECT_TAG) if name in run.tags}
                yield dg.RunRequest(run_key=run.run_id, partition_key=run.tags[PARTITION_TAG], tags=tags)
    if len(troubles) == before:  # else all are looked at again: a request is carried out once, by its key
        # A machine whose clock is ahead must not make the next look begin in the future.
        memory.looked_until = max([memory.looked_until, *(min(record.end_time or 0, time.time()) for record in ended)])


@contextlib.contextmanager
def _noting(troubles: list[str]) -> Iterator[None]:
    try:
        yield
    except (AssetgenError, OSError) as error:
        troubles.append(str(error))


def _is_outdated(paths: ProjectPaths) -> bool:
    """Whether all pictures are there, and some are newer than what sums them up."""
    found, records = load_manifest(paths.project / MANIFEST_FILE), RecordStore(paths.records).records
    if found is None or not is_stale(records):
        return False
    present = {asset.name for asset in found.manifest.assets if paths.output_path(asset).is_file()}
    return not missing_pictures(found.manifest, records, present)


def _runs(instance: dg.DagsterInstance, statuses: list[dg.DagsterRunStatus]) -> Iterator[dg.DagsterRun]:
    for record in instance.get_run_records(dg.RunsFilter(statuses=statuses)):
        yield record.dagster_run


def _project(run: dg.DagsterRun, settings: Settings) -> tuple[ProjectKey, ProjectPaths] | None:
    """Returns a run's project and its files; None for a run that is not ours."""
    if CHANNEL_TAG not in run.tags:
        return None
    try:
        key = ProjectKey.from_partition_key(run.tags.get(PARTITION_TAG, ""))
    except InvalidIdentifierError:
        return None
    return key, locate_project(key, workspace=settings.workspace)
