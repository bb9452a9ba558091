"""Runs on their way to a worker: what is handed over again, what is given up, and who carries a run out."""

from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import JOB_NAME
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.launchers.celery.claim import claim, claim_ages
from assetgen_dagster.launchers.celery.starting import decide, report_dead
from assetgen_dagster.project.liveness import BEGIN_SECONDS, HAND_OVER_AGAIN_SECONDS


def test_a_run_that_no_worker_takes_is_handed_over_again_and_then_given_time_again() -> None:
    first = decide(["run1"], {}, {}, now=1000)
    assert (first.hand_over, first.dead) == (frozenset(), frozenset())
    later = decide(["run1"], {}, first.since, now=1000 + HAND_OVER_AGAIN_SECONDS)
    assert later.hand_over == {"run1"}
    assert decide(["run1"], {}, later.since, now=1000 + HAND_OVER_AGAIN_SECONDS + 5).hand_over == frozenset()


def test_a_run_that_a_worker_has_is_not_handed_over_again() -> None:
    made = decide(["run1"], {"run1": BEGIN_SECONDS - 1}, {"run1": 0}, now=10_000)
    assert (made.hand_over, made.dead) == (frozenset(), frozenset())


def test_a_run_whose_worker_died_before_it_began_is_given_up() -> None:
    made = decide(["run1", "run2"], {"run1": BEGIN_SECONDS}, {"run1": 0}, now=10_000)
    assert (made.hand_over, made.dead) == (frozenset(), frozenset({"run1"}))


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
@pytest.mark.parametrize(
    "now", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS]
)
def test_a_run_that_went_on_since_it_was_seen_is_not_reported_as_dead(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, now: dg.DagsterRunStatus
) -> None:
    run = instance.create_run_for_job(build_definitions().resolve_job_def(JOB_NAME), status=now)
    report_dead(instance, run.run_id, status, "It is gone.")
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is (dg.DagsterRunStatus.FAILURE if now is status else now)


def test_a_run_that_has_begun_is_forgotten() -> None:
    assert decide([], {}, {"run1": 0}, now=10_000).since == {}


def test_of_workers_that_get_the_same_run_at_the_same_moment_one_carries_it_out(postgres_url: str) -> None:
    assert claim_ages(postgres_url, ["run1"]) == {}
    with ThreadPoolExecutor(8) as workers:
        won = list(workers.map(lambda _: claim(postgres_url, "run1"), range(8)))
    assert sorted(won) == [False] * 7 + [True]
    assert claim(postgres_url, "run2")
    ages = claim_ages(postgres_url, ["run1", "run3"])
    assert list(ages) == ["run1"]
    assert 0 <= ages["run1"] < BEGIN_SECONDS
