"""Decides whether a run is alive, and holds every timeout of that decision. The callers fetch the facts.

Two facts decide. A run that has started holds its project's lock (``project_lock``); a run on its way to a Celery
worker is claimed by one (``launchers.celery.claim``). ``tests/unit/project/test_liveness.py`` checks how the timeouts
depend on each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")

#: How often an idle holder checks its session with PostgreSQL; keeps the session alive in firewalls, too.
HEARTBEAT_SECONDS = 2.0

#: Seconds without an answer after which either end considers the other machine dead.
SILENCE_SECONDS = 10

#: How long a living run tries to regain a lost lock before it stops.
REGAIN_SECONDS = 20.0

#: How long a new holder waits for a previous one that did not release the lock: it checks the lock before each write,
#: and a write takes milliseconds.
HANDOVER_SECONDS = 5.0

#: A run without its lock for this long is dead. Must exceed the time in which a living run notices the loss and regains
#: the lock, and the time before its first and after its last asset, when a run holds no lock.
DEAD_SECONDS = 30.0

#: A run that no worker has claimed for this long is sent to the broker again: it is still queued there, or was lost.
HAND_OVER_AGAIN_SECONDS = 60.0

#: How long a worker may take from its claim to the start of the run. Must exceed a start on a busy machine; imports
#: happen before the claim.
BEGIN_SECONDS = 120.0

#: How often a worker checks whether its run was cancelled.
CANCEL_CHECK_SECONDS = 1.0

#: How long a reservation waits to find out which other runs are alive.
RESERVATION_PATIENCE_SECONDS = 120.0

#: How long claims are kept. Must exceed the time within which a broker may deliver a run.
CLAIM_DAYS = 30


class Lock(StrEnum):
    """State of a run's lock on its project.

    Attributes:
        HELD: Some run holds it; only one run per project executes at a time.
        FREE: No run holds it.
        OURS: The calling run holds it, so the other one does not.
    """

    HELD = "held"
    FREE = "free"
    OURS = "ours"


class Liveness(StrEnum):
    """The decision on a run.

    Attributes:
        ALIVE: Leave it alone.
        DOUBTFUL: It may be dead; check again later.
        UNCLAIMED: No worker has claimed it: send it to the broker again.
        DEAD: Report it as failed.
    """

    ALIVE = "alive"
    DOUBTFUL = "doubtful"
    UNCLAIMED = "unclaimed"
    DEAD = "dead"


@dataclass(frozen=True)
class Started:
    """Facts about a run that has started.

    Attributes:
        lock: Its project's lock.
        free_seconds: How long the lock has been observed free.
        had_lock: Whether the run is known to have held the lock; else it may not have reached its first asset.
        can_lose_lock: Whether a living run can lose its lock: true for PostgreSQL's, false for a file's.
    """

    lock: Lock
    free_seconds: float = 0.0
    had_lock: bool = False
    can_lose_lock: bool = True


@dataclass(frozen=True)
class Starting:
    """Facts about a run on its way to a worker.

    Attributes:
        handed_over_seconds: Seconds since it was last sent to the broker.
        claimed_seconds: Seconds since a worker claimed it; None if unclaimed.
    """

    handed_over_seconds: float
    claimed_seconds: float | None = None


def liveness(run: Started | Starting) -> Liveness:
    """Decides whether a run is alive."""
    if isinstance(run, Starting):
        if run.claimed_seconds is None:
            return Liveness.UNCLAIMED if run.handed_over_seconds >= HAND_OVER_AGAIN_SECONDS else Liveness.ALIVE
        return Liveness.DEAD if run.claimed_seconds >= BEGIN_SECONDS else Liveness.ALIVE
    if run.lock is Lock.HELD:
        return Liveness.ALIVE
    gone_for_good = run.lock is Lock.OURS or (run.had_lock and not run.can_lose_lock)
    return Liveness.DEAD if gone_for_good or run.free_seconds >= DEAD_SECONDS else Liveness.DOUBTFUL


def first_seen(present: Iterable[T], before: Mapping[T, float], now: float) -> dict[T, float]:
    """Returns the time at which each present item was first seen; absent items are dropped.

    Args:
        present: The items that are present now.
        before: The result of the last check.
        now: The current time, by the clock of ``before``.
    """
    return {one: before.get(one, now) for one in present}
