"""Runs on their way to a worker: sends lost ones to the broker again, and reports those whose worker died as failed.

Called by the sensor ``project_upkeep`` if workers execute runs.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import dagster as dg
from dagster._core.launcher import LaunchRunContext

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.launchers.celery.claim import claim_ages
from assetgen_dagster.project.liveness import Liveness, Starting, first_seen, liveness


@dataclass(frozen=True)
class Decision:
    """The decision on runs on their way to a worker.

    Attributes:
        hand_over: Runs to send to the broker again.
        dead: Runs whose worker died after its claim and before the start.
        since: When each run was last sent, Unix time.
    """

    hand_over: frozenset[str]
    dead: frozenset[str]
    since: Mapping[str, float]


def decide(starting: Iterable[str], claimed: Mapping[str, float], since: Mapping[str, float], now: float) -> Decision:
    """Decides on the runs that are starting.

    Args:
        starting: Runs that Dagster has launched and that have not started.
        claimed: Age in seconds of each claim; unclaimed runs are absent.
        since: When each run was last sent; for an unknown run, ``now``.
        now: Unix time.
    """
    known = first_seen(starting, since, now)
    found = {run_id: liveness(Starting(now - last, claimed.get(run_id))) for run_id, last in known.items()}
    dead = frozenset(run_id for run_id, state in found.items() if state is Liveness.DEAD)
    again = frozenset(run_id for run_id, state in found.items() if state is Liveness.UNCLAIMED)
    return Decision(again, dead, {run_id: now if run_id in again else last for run_id, last in known.items()})


def report_dead(instance: dg.DagsterInstance, run_id: str, last_seen: dg.DagsterRunStatus, why: str) -> None:
    """Reports a run as failed, unless its status has changed since: a success must not become a failure."""
    run = instance.get_run_by_id(run_id)
    if run is not None and run.status is last_seen:
        instance.report_run_failed(run, why)


def monitor_starting_runs(instance: dg.DagsterInstance, url: str, since: Mapping[str, float]) -> dict[str, float]:
    """Carries out ``decide``; returns when each run was last sent.

    Raises:
        AssetgenError: The database or the broker cannot be used.
    """
    from kombu.exceptions import OperationalError  # noqa: PLC0415 - only where Celery is installed

    from assetgen_dagster.launchers.celery.launcher import ProjectRunLauncher  # noqa: PLC0415

    launcher = instance.run_launcher
    if not isinstance(launcher, ProjectRunLauncher):
        return {}
    records = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING]))
    runs = {record.dagster_run.run_id: record.dagster_run for record in records}
    made = decide(runs, claim_ages(url, runs) if runs else {}, since, time.time())
    for run_id in made.dead:
        why = "The worker that had claimed the run died before starting it."
        report_dead(instance, run_id, dg.DagsterRunStatus.STARTING, why)
    try:
        for run_id in made.hand_over:
            launcher.hand_over(LaunchRunContext(dagster_run=runs[run_id], workspace=None))
    except OperationalError as error:
        raise AssetgenError(
            f"The broker does not answer: {error}. Start it, or check ASSETGEN_BROKER_URL.",
            code=Code.BROKER_UNREACHABLE,
        ) from None
    return dict(made.since)
