"""Whether a run is alive: a table of facts and decisions, and how the seconds depend on each other."""

import pytest
import yaml

from assetgen_dagster.assets import session
from assetgen_dagster.budget import budget_reservation
from assetgen_dagster.project.liveness import (
    BEGIN_SECONDS,
    CANCEL_CHECK_SECONDS,
    CLAIM_DAYS,
    DEAD_SECONDS,
    HAND_OVER_AGAIN_SECONDS,
    HANDOVER_SECONDS,
    HEARTBEAT_SECONDS,
    REGAIN_SECONDS,
    RESERVATION_PATIENCE_SECONDS,
    Liveness,
    Lock,
    Started,
    Starting,
    first_seen,
    liveness,
)
from assetgen_dagster.sensors import TICK_SECONDS
from assetgen_dagster.settings import PROJECT_ROOT, Settings
from assetgen_dagster.support.database import CONNECT_SECONDS

ALIVE, DOUBTFUL, UNCLAIMED, DEAD = Liveness.ALIVE, Liveness.DOUBTFUL, Liveness.UNCLAIMED, Liveness.DEAD


@pytest.mark.parametrize(
    ("run", "decided"),
    [
        (Started(Lock.HELD), ALIVE),
        (Started(Lock.HELD, had_lock=True, can_lose_lock=False), ALIVE),
        # Before its first asset, and after its last, a run holds no lock.
        (Started(Lock.FREE), DOUBTFUL),
        (Started(Lock.FREE, DEAD_SECONDS - 1), DOUBTFUL),
        (Started(Lock.FREE, DEAD_SECONDS), DEAD),
        (Started(Lock.FREE, can_lose_lock=False), DOUBTFUL),
        (Started(Lock.FREE, DEAD_SECONDS, can_lose_lock=False), DEAD),
        # The kernel takes no lock from a living process; PostgreSQL may.
        (Started(Lock.FREE, had_lock=True, can_lose_lock=False), DEAD),
        (Started(Lock.FREE, had_lock=True), DOUBTFUL),
        (Started(Lock.FREE, DEAD_SECONDS, had_lock=True), DEAD),
        (Started(Lock.OURS), DEAD),
        (Starting(0.0), ALIVE),
        (Starting(HAND_OVER_AGAIN_SECONDS - 1), ALIVE),
        (Starting(HAND_OVER_AGAIN_SECONDS), UNCLAIMED),
        (Starting(HAND_OVER_AGAIN_SECONDS, claimed_seconds=0.0), ALIVE),
        (Starting(1e6, claimed_seconds=BEGIN_SECONDS - 1), ALIVE),
        (Starting(0.0, claimed_seconds=BEGIN_SECONDS), DEAD),
    ],
)
def test_a_run_is_alive_or_not(run: Started | Starting, decided: Liveness) -> None:
    assert liveness(run) is decided


def test_what_is_present_keeps_its_first_time_and_what_is_absent_is_forgotten() -> None:
    assert first_seen(["a", "b"], {"a": 100.0, "c": 100.0}, 130.0) == {"a": 100.0, "b": 130.0}


def test_a_living_run_regains_its_lock_before_it_is_taken_for_dead() -> None:
    # It notices at its next heartbeat, and the last attempt may take as long as a connection.
    assert HEARTBEAT_SECONDS + REGAIN_SECONDS + CONNECT_SECONDS < DEAD_SECONDS
    assert CONNECT_SECONDS < REGAIN_SECONDS


def test_no_single_tick_decides_that_a_run_is_dead() -> None:
    assert min(DEAD_SECONDS, HAND_OVER_AGAIN_SECONDS, BEGIN_SECONDS) >= 3 * TICK_SECONDS


def test_a_new_holder_waits_until_the_last_one_has_noticed() -> None:
    assert 2 * HEARTBEAT_SECONDS < HANDOVER_SECONDS < DEAD_SECONDS


def test_a_reservation_waits_until_it_is_known_which_runs_are_alive() -> None:
    assert DEAD_SECONDS + budget_reservation._ANSWER_SECONDS < RESERVATION_PATIENCE_SECONDS


@pytest.mark.parametrize("name", ["dagster.yaml", "dagster-postgres.yaml", "dagster-celery.yaml"])
def test_dagster_gives_a_cancelled_run_the_time_to_receive_its_calls(name: str) -> None:
    configured = yaml.safe_load((PROJECT_ROOT / "deploy" / name).read_text())
    given_up = configured["run_monitoring"]["cancel_timeout_seconds"]
    limit = Settings.model_fields["image_timeout_seconds"].default
    assert CANCEL_CHECK_SECONDS + limit + session._FINISH_SECONDS < given_up


def test_dagster_gives_up_no_run_on_its_way_that_is_still_handed_over_and_claimed() -> None:
    configured = yaml.safe_load((PROJECT_ROOT / "deploy" / "dagster-celery.yaml").read_text())
    start_timeout = configured["run_monitoring"]["start_timeout_seconds"]
    assert BEGIN_SECONDS + HAND_OVER_AGAIN_SECONDS < start_timeout < CLAIM_DAYS * 86400
