"""Detects what Dagster misses: a run whose process died, and a promised retry that never came.

A run whose process died stays STARTED in Dagster and would occupy its project's slot for ever. A free project lock
shows that no process is at work.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import dagster as dg

from assetgen_dagster.assets.runs import is_ours
from assetgen_dagster.assets.tags import PARENT_TAG, PARTITION_TAG, WILL_RETRY_TAG
from assetgen_dagster.errors import Code, coded
from assetgen_dagster.launchers.celery.starting import report_dead
from assetgen_dagster.project.key import InvalidIdentifierError, ProjectKey
from assetgen_dagster.project.liveness import Liveness, Lock, Started, first_seen, liveness
from assetgen_dagster.project.project_lock import held_projects
from assetgen_dagster.project.workspace import ProjectPaths, locate_project
from assetgen_dagster.sensors.collecting import collecting
from assetgen_dagster.settings import Settings

#: Ticks to wait for a promised auto-retry. Dagster creates it within a tick or two, and loses it if its database goes
#: away just then. Ticks, because the daemon may be down too.
TICKS_WITHOUT_RETRY = 36


def fail_orphaned_runs(
    instance: dg.DagsterInstance, unlocked_since: Mapping[str, float], settings: Settings, failures: list[str]
) -> dict[str, float]:
    """Fails started runs that have been without their project's lock for a while.

    Runs of other jobs, which take no lock, are left alone.

    Args:
        instance: The Dagster instance.
        unlocked_since: When each run was first seen without its lock, Unix time.
        settings: The settings in force.
        failures: Receives the errors of projects that could not be examined; the others are examined all the same.

    Returns:
        When each run that is not dead was first seen without its lock.
    """
    started = {run.run_id: run for run in runs_in(instance, [dg.DagsterRunStatus.STARTED])}
    projects: dict[str, tuple[ProjectKey, ProjectPaths]] = {}
    for run_id, run in started.items():
        with collecting(failures):
            if found := project_of(run, settings):
                projects[run_id] = found
    held = held_projects(dict(projects.values()), settings, errors=failures)
    now = time.time()
    since = first_seen((run_id for run_id, (key, _) in projects.items() if key not in held), unlocked_since, now)
    dead = {run_id for run_id, first in since.items() if liveness(Started(Lock.FREE, now - first)) is Liveness.DEAD}
    why = "The run's process is gone: its project's lock is free. Finished pictures are kept; run it again."
    for run_id in dead:
        report_dead(instance, run_id, dg.DagsterRunStatus.STARTED, coded(why, Code.RUN_DIED))
    return {run_id: first for run_id, first in since.items() if run_id not in dead}


def give_up_lost_retries(
    instance: dg.DagsterInstance, not_retried: Mapping[str, int], ended: Iterable[dg.DagsterRun]
) -> dict[str, int]:
    """Tags runs whose promised retry never came as not retried, as Dagster does when it gives up itself.

    Otherwise the run's row would wait for the retry for ever.

    Args:
        instance: The Dagster instance.
        not_retried: Number of ticks at which each run had no retry.
        ended: Runs that ended lately.

    Returns:
        ``not_retried`` after this tick.
    """
    promised = [run.run_id for run in ended if run.tags.get(WILL_RETRY_TAG) == "true" and is_ours(run)]
    missing = [one for one in promised if not instance.get_run_ids(dg.RunsFilter(tags={PARENT_TAG: one}), limit=1)]
    ticks = {run_id: not_retried.get(run_id, 0) + 1 for run_id in missing}
    for run_id, count in ticks.items():
        if count >= TICKS_WITHOUT_RETRY:
            instance.add_run_tags(run_id, {WILL_RETRY_TAG: "false"})
    return ticks


def runs_in(instance: dg.DagsterInstance, statuses: Sequence[dg.DagsterRunStatus]) -> Iterator[dg.DagsterRun]:
    """Yields the runs in one of these statuses."""
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(statuses))):
        yield record.dagster_run


def project_of(run: dg.DagsterRun, settings: Settings) -> tuple[ProjectKey, ProjectPaths] | None:
    """Returns a run's project and its files; None for a run that is not ours.

    Raises:
        WorkspaceError: The project's folder cannot be used.
    """
    if not is_ours(run):
        return None
    try:
        key = ProjectKey.from_partition_key(run.tags.get(PARTITION_TAG, ""))
    except InvalidIdentifierError:
        return None
    return key, locate_project(key, workspace=settings.workspace)
