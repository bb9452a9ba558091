"""How long to wait, and who waits: retries of one picture, and the pause of a whole project after a 429."""

import asyncio
import random
import time
from typing import Protocol

from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.support.jitter import jittered

#: The story's exponential backoff, in seconds, one entry a retry.
BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)

#: What an API may ask us to wait; beyond it the picture ends and the operator decides.
LONGEST_WAIT_SECONDS = 120.0


class Clock(Protocol):
    """Time, so that tests need not wait for it."""

    def monotonic(self) -> float:
        """Returns seconds since some moment."""

    async def sleep(self, seconds: float) -> None:
        """Waits."""


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Returns seconds since some moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


def retry_wait(failure: Failure, retries: int, jitter: float) -> float | None:
    """Returns how many seconds to wait before the next attempt, or None if there is none.

    Args:
        failure: Why the last attempt failed.
        retries: How many retries there were already.
        jitter: Between 0 and 1, at random.
    """
    if retries >= min(failure.max_retries, len(BACKOFF_SECONDS)):
        return None
    asked = failure.retry_after_seconds or 0.0
    if asked > LONGEST_WAIT_SECONDS:
        return None
    return jittered(max(BACKOFF_SECONDS[retries], asked), jitter)


class Pace:
    """The moment before which no picture of a project is started."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self.clock = clock
        self.rng = rng
        self._not_before = 0.0

    def slow_down(self, seconds: float) -> None:
        """Makes all pictures wait: the limit is the key's, not one picture's."""
        self._not_before = max(self._not_before, self.clock.monotonic() + seconds)

    async def ready(self) -> None:
        """Waits until pictures may be started; they come back spread out, not all at once."""
        while (left := self._not_before - self.clock.monotonic()) > 0:
            await self.clock.sleep(jittered(left, self.rng.random()))
