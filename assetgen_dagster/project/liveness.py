"""Whether a run is alive: the decision, from facts that others fetch, and every number of seconds that it goes by.

Two facts decide. A run that has begun holds its project's lock (``project_lock``); a run on its way to a Celery worker
is claimed by one (``launchers.celery.claim``). ``tests/unit/project/test_liveness.py`` holds how the seconds depend on
each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")

#: How often an idle holder checks its session with PostgreSQL; keeps the session alive in firewalls, too.
HEARTBEAT_SECONDS = 2.0

#: Seconds without an answer after which either end takes the other one's machine for dead.
SILENCE_SECONDS = 10

#: How long a living run tries to get a lost lock back, and then stops.
REGAIN_SECONDS = 20.0

#: How long a new holder waits for one that did not release the lock: that one checks before each write, and a write
#: takes milliseconds.
HANDOVER_SECONDS = 5.0

#: A run that has been without its lock for so long is dead. Must exceed the time in which a living one notices that and
#: regains it, and that which a run takes before its first asset and after its last, when it holds no lock.
DEAD_SECONDS = 30.0

#: A run that no worker has claimed for so long is handed to the broker again: it waits for a free process, or was lost.
HAND_OVER_AGAIN_SECONDS = 60.0

#: How long a worker may take from its claim to the beginning of the run. Must exceed its start on a busy machine; what
#: it imports is loaded before the claim.
BEGIN_SECONDS = 120.0

#: How often a worker checks whether its run was cancelled.
CANCEL_CHECK_SECONDS = 1.0

#: A first interrupt has no effect where the run was not yet under way; a later one must not disturb its cleaning up.
INTERRUPT_AGAIN_SECONDS = 20.0

#: How long a reservation waits until it is known which of the other runs are alive.
RESERVATION_PATIENCE_SECONDS = 120.0

#: Claims are kept for so long. Must exceed the time for which a broker may deliver a run.
CLAIM_DAYS = 30


class Lock(StrEnum):
    """What is known of a run's lock on its project.

    Attributes:
        HELD: Some run holds it; there is one run a project.
        FREE: No run holds it.
        OURS: The asking run holds it, so the other one does not.
    """

    HELD = "held"
    FREE = "free"
    OURS = "ours"


class Liveness(StrEnum):
    """What follows.

    Attributes:
        ALIVE: The run goes on by itself.
        DOUBTFUL: It may be dead; time will tell.
        UNCLAIMED: No worker has it: hand it over again.
        DEAD: Nothing is at work on it any more.
    """

    ALIVE = "alive"
    DOUBTFUL = "doubtful"
    UNCLAIMED = "unclaimed"
    DEAD = "dead"


@dataclass(frozen=True)
class Started:
    """What is known of a run that has begun.

    Attributes:
        lock: Its project's lock.
        free_seconds: For how long the lock has been seen free.
        had_lock: Whether it is known to have held the lock; else it may not have come to its first asset.
        can_lose_lock: Whether a living run may be without a lock that it had: with PostgreSQL's, not with a file's.
    """

    lock: Lock
    free_seconds: float = 0.0
    had_lock: bool = False
    can_lose_lock: bool = True


@dataclass(frozen=True)
class Starting:
    """What is known of a run on its way to a worker.

    Attributes:
        handed_over_seconds: For how long it has been with the broker.
        claimed_seconds: For how long a worker has had it; None if none has.
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
    """Returns since when each of these has been present; what is absent now is forgotten.

    Args:
        present: What is seen now.
        before: Since when each was present at the last check.
        now: The time now, by the clock of ``before``.
    """
    return {one: before.get(one, now) for one in present}
