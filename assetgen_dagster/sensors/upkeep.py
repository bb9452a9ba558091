"""``project_upkeep``: what must happen after a run has ended, whoever started it and however it ended.

A run whose process died stays STARTED in Dagster and would keep its project's place in the queue for ever: a free
project lock tells that nobody is at work, and the run is reported as failed. And ``assets_ready`` and
``contact_sheet`` follow a run that left all pictures there, but not what sums them up: it drew single ones, or ended
before.
"""

import contextlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import dagster as dg

from assetgen_dagster.assets.keys import ASSETS_READY, CONTACT_SHEET, REFRESH_JOB_NAME
from assetgen_dagster.assets.projects import (
    CHANNEL_TAG,
    COMMAND_TAG,
    PARENT_TAG,
    PARTITION_TAG,
    PARTITIONS,
    PROJECT_TAG,
    WILL_RETRY_TAG,
)
from assetgen_dagster.drawing.plan import missing_pictures
from assetgen_dagster.drawing.status import is_stale
from assetgen_dagster.errors import AssetgenError, coded
from assetgen_dagster.launchers.celery.starting import look_after_starting_runs, report_dead
from assetgen_dagster.manifest.file import MANIFEST_FILE, load_manifest
from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey
from assetgen_dagster.project.project_lock import held_projects
from assetgen_dagster.project.records import RecordStore
from assetgen_dagster.project.workspace import ProjectPaths, locate_project
from assetgen_dagster.sensors import TICK_SECONDS
from assetgen_dagster.sensors.ended_runs import RUN_DIED, ended_since, handled_pictures, is_ours
from assetgen_dagster.settings import Settings, load_settings

#: How long a run may be STARTED without its project's lock: before its first asset, and after its last.
_GRACE_SECONDS = 30.0

#: A run in one of these goes on by itself. Not one that was created only: nobody may ever start it.
_AT_WORK = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)

#: At so many looks in a row a retry that Dagster has promised may be missing: it makes it within a look or two, and
#: loses it where its database goes away just then. Looks, not seconds: it may have been away itself.
_LOOKS_WITHOUT_RETRY = 36

#: How often in a row a project is to be summed up that could not be; each attempt that died is retried by Dagster, too.
_ATTEMPTS = 3

#: Of a run that sums up: which of these attempts it is.
_ATTEMPT_TAG = "refresh_attempt"

refresh_project_assets = dg.define_asset_job(
    REFRESH_JOB_NAME,
    selection=dg.AssetSelection.assets(ASSETS_READY, CONTACT_SHEET),
    description="Sums a project up again; draws nothing, costs nothing.",
)


@dataclass
class Memory:
    """What the sensor remembers between ticks.

    Attributes:
        looked_until: Unix time: runs that ended later have not been looked at.
        run_ids: Runs that are still to be looked at, oldest first.
        done: Runs that ended shortly before and need no further look.
        unlocked_since: When each started run was first seen without its project's lock.
        handed_over: When each run on its way to a worker was last handed to the broker.
        not_retried: At how many looks each run that Dagster was to retry was seen without its retry.
    """

    looked_until: float
    run_ids: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    unlocked_since: dict[str, float] = field(default_factory=dict)
    handed_over: dict[str, float] = field(default_factory=dict)
    not_retried: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> "Memory":
        """Returns what a cursor holds; runs that ended long before the first tick are not looked at."""
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
    minimum_interval_seconds=TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports runs whose process died, and sums projects up whose pictures changed since.",
)
def project_upkeep(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Fetches, lets the functions above decide, carries out."""
    memory, troubles = Memory.read(context.cursor), list[str]()
    try:
        settings = load_settings()
        bury_dead_runs(context.instance, memory, settings, troubles)
        with _noting(troubles):
            _look_after_starting_runs(context.instance, memory, settings)
        collect(context.instance, memory)
        requests = _possible(context.instance, _refreshes(context.instance, memory, settings, troubles))
    except (AssetgenError, OSError) as error:
        return dg.SkipReason(str(error))
    for trouble in dict.fromkeys(troubles):
        context.log.warning(trouble)
    said = None if requests or not troubles else dg.SkipReason(" ".join(dict.fromkeys(troubles)))
    return dg.SensorResult(run_requests=requests, skip_reason=said, cursor=json.dumps(asdict(memory)))


def bury_dead_runs(instance: dg.DagsterInstance, memory: Memory, settings: Settings, troubles: list[str]) -> None:
    """Reports started runs as failed that have been without their project's lock for a while.

    Not those of a step after ours, which take no lock.
    A project that cannot be looked at adds to ``troubles``; it must not keep the others.
    """
    started = {run.run_id: run for run in _runs(instance, [dg.DagsterRunStatus.STARTED])}
    projects: dict[str, tuple[ProjectKey, ProjectPaths]] = {}
    for run_id, run in started.items():
        with _noting(troubles):
            if found := _project(run, settings):
                projects[run_id] = found
    held = held_projects(dict(projects.values()), settings, troubles=troubles)
    unlocked = [run_id for run_id, (key, _) in projects.items() if key not in held]
    dead, memory.unlocked_since = dead_runs(unlocked, memory.unlocked_since, time.time())
    why = "The run's process is gone: nobody holds its project's lock. What was done is kept; run it again."
    for run_id in dead:
        report_dead(instance, run_id, dg.DagsterRunStatus.STARTED, coded(why, RUN_DIED))


def _look_after_starting_runs(instance: dg.DagsterInstance, memory: Memory, settings: Settings) -> None:
    if settings.broker is not None and settings.database is not None:
        memory.handed_over = look_after_starting_runs(instance, settings.database, memory.handed_over)


def leaves_sums_behind(run: dg.DagsterRun) -> bool:
    """Whether a run that has ended may have left a project not summed up, and nobody else goes on with it.

    Dagster goes on with a run that it retries. A command that failed is given again: it continues the open round, which
    nobody must close meanwhile, or it would pay for a new one.
    """
    failed = run.status is not dg.DagsterRunStatus.SUCCESS
    if run.tags.get(WILL_RETRY_TAG) == "true" or (failed and COMMAND_TAG in run.tags and run.parent_run_id is None):
        return False
    if run.job_name == REFRESH_JOB_NAME:
        return failed and _attempt(run) < _ATTEMPTS
    return handled_pictures(run)


def collect(instance: dg.DagsterInstance, memory: Memory) -> None:
    """Adds the runs that ended since the last look and are to be looked at.

    A run that Dagster gives up to retry changes by that, and is met again.
    """
    now = time.time()
    ended = ended_since(instance, memory.looked_until)
    known = {*memory.run_ids, *memory.done}
    for record in ended:
        # A machine whose clock is ahead must not make the next look begin in the future.
        memory.looked_until = max(memory.looked_until, min(record.end_time or 0.0, now))
        if record.dagster_run.run_id not in known and leaves_sums_behind(record.dagster_run):
            memory.run_ids.append(record.dagster_run.run_id)
    recent = {record.dagster_run.run_id for record in ended}
    memory.done = [run_id for run_id in memory.done if run_id in recent]
    _give_up_lost_retries(instance, memory, [record.dagster_run for record in ended])


def _give_up_lost_retries(instance: dg.DagsterInstance, memory: Memory, ended: Iterable[dg.DagsterRun]) -> None:
    """Notes on runs whose promised retry never came that there will be none, as Dagster does where it gives up itself.

    Else whoever waits for the retry, such as the run's row, would wait for ever.
    """
    promised = [run.run_id for run in ended if run.tags.get(WILL_RETRY_TAG) == "true" and is_ours(run)]
    missing = [one for one in promised if not instance.get_run_ids(dg.RunsFilter(tags={PARENT_TAG: one}), limit=1)]
    memory.not_retried = {run_id: memory.not_retried.get(run_id, 0) + 1 for run_id in missing}
    for run_id, looks in memory.not_retried.items():
        if looks >= _LOOKS_WITHOUT_RETRY:
            instance.add_run_tags(run_id, {WILL_RETRY_TAG: "false"})


def _refreshes(
    instance: dg.DagsterInstance, memory: Memory, settings: Settings, troubles: list[str]
) -> Iterator[dg.RunRequest]:
    """Yields what sums up the projects of the collected runs.

    A run stays collected while its project cannot be looked at, or another run is at work on it: that one sums it up.
    """
    at_work = _partitions_at_work(instance) if memory.run_ids else set()
    for run_id in tuple(memory.run_ids):
        run = instance.get_run_by_id(run_id)
        if run is not None and run.tags.get(PARTITION_TAG) in at_work:
            continue
        with _noting(troubles):
            found = _project(run, settings) if run is not None else None
            outdated = found is not None and _is_outdated(found[1])
            memory.run_ids.remove(run_id)
            memory.done.append(run_id)
            if run is not None and outdated:
                tags = {name: run.tags[name] for name in (CHANNEL_TAG, PROJECT_TAG) if name in run.tags}
                tags[_ATTEMPT_TAG] = str(_attempt(run) + 1)
                yield dg.RunRequest(run_key=run_id, partition_key=run.tags[PARTITION_TAG], tags=tags)


def _possible(instance: dg.DagsterInstance, found: Iterable[dg.RunRequest]) -> list[dg.RunRequest]:
    """Returns one request a project, and none where its partition is gone.

    Dagster refuses such a one together with all that this look did. Nor does a project that was archived come back to
    be summed up: whoever draws it again adds its partition, and sums it up.
    """
    requests = {request.partition_key: request for request in found}
    there = set(instance.get_dynamic_partitions(PARTITIONS)) if requests else set()
    return [request for key, request in requests.items() if key in there]


def _partitions_at_work(instance: dg.DagsterInstance) -> set[str | None]:
    return {run.tags.get(PARTITION_TAG) for run in _runs(instance, _AT_WORK) if is_ours(run)}


def _attempt(run: dg.DagsterRun) -> int:
    return int(run.tags.get(_ATTEMPT_TAG, "0"))


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


def _runs(instance: dg.DagsterInstance, statuses: Sequence[dg.DagsterRunStatus]) -> Iterator[dg.DagsterRun]:
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(statuses))):
        yield record.dagster_run


def _project(run: dg.DagsterRun, settings: Settings) -> tuple[ProjectKey, ProjectPaths] | None:
    """Returns a run's project and its files; None for a run that is not ours."""
    if not is_ours(run):
        return None
    try:
        key = ProjectKey.from_partition_key(run.tags.get(PARTITION_TAG, ""))
    except InvalidIdentifierError:
        return None
    return key, locate_project(key, workspace=settings.workspace)
