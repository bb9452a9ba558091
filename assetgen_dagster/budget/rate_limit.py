"""The key's requests a minute, shared by all runs: a slot is taken before each call, retries included.

The slots are pyrate-limiter's, in a file of the workspace or in PostgreSQL. Its ``Limiter`` is left out: also in its
asynchronous form it asks the database on the caller's event loop, which a cancel could then not reach.
"""

import contextlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import structlog
from pyrate_limiter import AbstractBucket, Decision, InMemoryBucket, Rate, RateItem, SQLiteBucket

from assetgen_dagster.project.workspace import shared_folder
from assetgen_dagster.support.redact import redact
from assetgen_dagster.support.threads import call_in_daemon_thread

#: A second longer than the provider's own: between a slot and its call's arrival there is a script to start.
WINDOW_SECONDS = 61.0

#: Limits bursts, as a minute's calls at once would arrive in any order, some within the next window: at most a twelfth
#: of the limit, or five, within a sixtieth of the window.
_PORTION, _AT_LEAST, _OF_THE_WINDOW = 12, 5, 60

#: Concurrent runs (deploy/dagster.yaml); without the shared slots each run keeps to its part of the limit.
_RUNS = 3

#: Seconds to yield after taking a slot, for fairness; at most half of a slot's share of the window.
_AFTER_YOU_SECONDS = 0.1

#: Seconds before the shared slots are tried again after a failure, and their time limit.
_AGAIN_SECONDS, _ANSWER_SECONDS = 30.0, 15.0

_log = structlog.get_logger()


class RequestLimit:
    """Slots of one key.

    Args:
        open_bucket: Opens the bucket that all runs share; called in a thread, and again after a failure.
        limit: Calls allowed in a window.
        window_seconds: The window's length.
    """

    def __init__(
        self, open_bucket: Callable[[list[Rate]], AbstractBucket], *, limit: int, window_seconds: float = WINDOW_SECONDS
    ) -> None:
        self.limit = limit
        self._open = open_bucket
        self._rates = rates(limit, window_seconds)
        self._own = InMemoryBucket(rates(max(1, limit // _RUNS), window_seconds))
        self._shared: AbstractBucket | None = None
        self._not_before = 0.0
        self._after_you = min(_AFTER_YOU_SECONDS, window_seconds / limit / 2)
        self._my_turn_at = 0.0

    async def take(self) -> float | None:
        """Takes a slot if there is one; else returns the minimum seconds to wait before the next attempt."""
        wait = self._my_turn_at - time.monotonic()
        if wait <= 0:
            wait = await self._ask()
        if wait <= 0:
            self._my_turn_at = time.monotonic() + self._after_you
            return None
        return wait

    async def _ask(self) -> float:
        if time.monotonic() < self._not_before:
            return _take(self._own)
        try:
            return await call_in_daemon_thread(self._take_shared, seconds=_ANSWER_SECONDS)
        except Exception as error:  # noqa: BLE001, RUF100 - a limit that fails must neither end a run nor lift itself
            if not self._not_before:
                _log.warning(
                    "request_limit_unavailable",
                    cause=redact(f"{type(error).__name__}: {error}")[:300],
                    requests_per_minute=max(1, self.limit // _RUNS),
                )
            self._shared, self._not_before = None, time.monotonic() + _AGAIN_SECONDS
            return _take(self._own)

    def close(self) -> None:
        """Closes what is shared."""
        if self._shared is not None:
            self._shared.close()

    def _take_shared(self) -> float:
        if self._shared is None:
            bucket = self._open(self._rates)
            bucket.leak(_now(bucket))
            self._shared = bucket
        found = _take(self._shared)
        self._not_before = 0.0
        return found


def rates(limit: int, window_seconds: float) -> list[Rate]:
    """Returns the limit as the library takes it, with a smaller one that keeps calls from starting all at once."""
    whole = Rate(limit, round(window_seconds * 1000))
    portion = max(_AT_LEAST, math.ceil(limit / _PORTION))
    if portion >= limit:
        return [whole]
    return [Rate(portion, max(1, whole.interval // _OF_THE_WINDOW)), whole]


def in_file(workspace: Path, fingerprint: str) -> Callable[[list[Rate]], AbstractBucket]:
    """Returns what opens the slots that all runs on this machine share."""

    def open_bucket(rates: list[Rate]) -> AbstractBucket:
        path = shared_folder(workspace) / "requests.sqlite"
        bucket = SQLiteBucket.init_from_file(rates, table=f"key_{fingerprint}", db_path=str(path), use_file_lock=True)
        bucket.lock.timeout = _ANSWER_SECONDS / 3  # type: ignore[attr-defined]
        return bucket

    return open_bucket


def _take(bucket: AbstractBucket) -> float:
    """Takes a slot and returns 0, or returns the seconds until one is free."""
    # The file's lock first, then the time: a slot must not bear the time before a wait.
    lock: Any = bucket.limiter_lock() or contextlib.nullcontext()
    with lock:
        decision = _decide(bucket)
        if decision.retry_after_ms is not None and _from_the_future(bucket):
            bucket.flush()  # the clock was set back: these would keep everybody waiting until it is that late again
            decision = _decide(bucket)
    # Another process may have been just asking: that takes no time worth naming.
    return 0.0 if decision.allowed else max(decision.retry_after_ms or 0, 10) / 1000


def _decide(bucket: AbstractBucket) -> Decision:
    return cast("Decision", bucket.put_decision(RateItem("picture", _now(bucket))))


def _from_the_future(bucket: AbstractBucket) -> bool:
    newest = cast("RateItem | None", bucket.peek(0))
    return newest is not None and newest.timestamp > _now(bucket) + bucket.rates[-1].interval


def _now(bucket: AbstractBucket) -> int:
    return int(bucket.now())  # type: ignore[no-untyped-call]
