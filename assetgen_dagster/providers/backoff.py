"""Backoff: waits between the attempts at one picture, and the slow-down of a whole project after a 429."""

import asyncio
import random
import time
from typing import Protocol

from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.support.jitter import jittered

#: The story's exponential backoff, in seconds, one entry per retry.
BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)

#: The longest wait that an API may ask for; beyond it the picture fails.
LONGEST_WAIT_SECONDS = 120.0


class Clock(Protocol):
    """A clock, so that tests can replace it."""

    def monotonic(self) -> float:
        """Returns the seconds since an arbitrary moment."""

    async def sleep(self, seconds: float) -> None:
        """Sleeps."""


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Returns the seconds since an arbitrary moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleeps."""
        await asyncio.sleep(seconds)


def retry_wait(failure: Failure, retries: int, jitter: float) -> float | None:
    """Returns the seconds to wait before the next attempt, or None if there is no further attempt.

    Args:
        failure: The failure of the last attempt.
        retries: Number of retries so far.
        jitter: A random number between 0 and 1.
    """
    if retries >= min(failure.max_retries, len(BACKOFF_SECONDS)):
        return None
    asked = failure.retry_after_seconds or 0.0
    if asked > LONGEST_WAIT_SECONDS:
        return None
    return jittered(max(BACKOFF_SECONDS[retries], asked), jitter)


class Backoff:
    """Holds back all pictures of a project until a moment."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self.clock = clock
        self.rng = rng
        self._not_before = 0.0

    def slow_down(self, seconds: float) -> None:
        """Makes all pictures wait: the rate limit is the key's, not one picture's."""
        self._not_before = max(self._not_before, self.clock.monotonic() + seconds)

    async def ready(self) -> None:
        """Waits until pictures may start; with jitter, so that they do not start all at once."""
        while (left := self._not_before - self.clock.monotonic()) > 0:
            await self.clock.sleep(jittered(left, self.rng.random()))
