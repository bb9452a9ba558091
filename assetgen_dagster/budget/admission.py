"""Admits each call before it is paid for: pause, daily quota, circuit breaker, requests a minute.

One picture of a run is admitted at a time, so that runs share the key fairly, whatever number of pictures each has.
Waiting does not count towards a script's time limit, holds no database session, and can be cancelled at once.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from assetgen_dagster.budget.breaker import Breaker, State
from assetgen_dagster.budget.breaker_store import ASK_SECONDS, BreakerStore
from assetgen_dagster.budget.budget_reservation import BudgetReservation
from assetgen_dagster.budget.messages import (
    breaker_failure,
    format_moment,
    pause_message,
    probe_message,
    quota_message,
)
from assetgen_dagster.budget.rate_limit import RequestLimit
from assetgen_dagster.budget.stores import open_limit, open_switches
from assetgen_dagster.budget.switches import Json, Switches, SwitchesUnavailableError, note_used_up, quota_key, stopped
from assetgen_dagster.errors import Code
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.base import Provider
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.threads import call_in_daemon_thread

#: How often the switches are read while a picture waits.
_POLL_SECONDS = 1.0

#: Spreads the requests of runs that wait for the same slot.
_APART_SECONDS = 0.05

#: A wait for a slot is reported if it is longer than this, and then once a minute.
_REPORT_AFTER_SECONDS, _REPORT_AGAIN_SECONDS = 2.0, 60.0

#: The switches' own limits are shorter; this one is for a file system that hangs.
_ANSWER_SECONDS = 15.0

#: How often runs ask the API, at no cost, whether the cause of an open breaker is gone.
_ASK_AGAIN_SECONDS = 10.0

Result = TypeVar("Result")

_log = structlog.get_logger()


@dataclass(frozen=True)
class AdmissionWaits:
    """Pictures wait to be started, or continue: ``why`` is a sentence for people."""

    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(frozen=True)
class _Wait:
    why: str
    seconds: float
    passing: bool = False


class Admission:
    """The admission of one run, for the calls of one provider.

    Args:
        settings: The settings in force.
        provider: The provider to call.
        switches: Pause, daily quota and circuit breaker.
        limit: The requests a minute; None for no limit.
        run_id: The run.
        reservation: The run's reservation in the monthly budget; None for no limit.
    """

    def __init__(
        self,
        settings: Settings,
        provider: Provider,
        switches: Switches,
        limit: RequestLimit | None,
        *,
        run_id: str,
        reservation: BudgetReservation | None = None,
    ) -> None:
        self._reservation = reservation
        self._settings = settings
        self._provider = provider
        self._key = quota_key(provider)
        self._switches = switches
        self._breaker = BreakerStore(settings, provider, switches, run_id=run_id)
        self._limit = limit
        self._turn = asyncio.Lock()
        self._known: Mapping[str, Json] | None = None
        self._answers = True
        self._slot_at = 0.0
        self._reported: str | None = None
        self._limit_reported_at = -_REPORT_AGAIN_SECONDS

    async def enter(self, pictures: int, report: Callable[[str], None]) -> Failure | None:
        """Reserves money for pictures, once before the first call; returns the failure if it is refused."""
        return None if self._reservation is None else await self._reservation.take(pictures, report)

    async def leave(self) -> None:
        """Releases the rest of the reservation. After a cancel it ends with the project's lock."""
        if self._reservation is not None:
            await self._reservation.give_up()

    async def admit(self, report: Callable[[str], None]) -> Failure | None:
        """Waits until a call may be made; returns a failure if that takes too long to wait for.

        Args:
            report: Called with the cause of a longer wait, and when it is over.
        """
        async with self._turn:
            began = time.monotonic()
            while (kept := await self._check()) is not None:
                if isinstance(kept, Failure):
                    return kept
                self._report(kept, report, waited=time.monotonic() - began)
                await asyncio.sleep(kept.seconds)
            if self._reported is not None:
                self._reported = None
                _log.info("asset_generation_goes_on")
                report("Continues.")
            return None

    async def report_success(self) -> None:
        """Records for all runs that a call succeeded."""
        await self._note(self._breaker.note_success)

    async def report_failure(self, failure: Failure) -> Failure:
        """Records for all runs what a failure means for the key; returns it, with the remedy for a used-up quota."""
        if failure.code == Code.DAILY_QUOTA:
            wait = failure.retry_after_seconds
            used_up = await self._note(lambda: note_used_up(self._switches, self._provider, asked_wait=wait))
            failure = replace(failure, remedy=quota_message(used_up, self._settings)) if used_up else failure
        opened = await self._note(lambda: self._breaker.note_failure(failure))
        if opened is not None:
            _log.warning("circuit_breaker_opened", code=opened.code, cause=opened.cause)
            # Asked now, so that a later consent is known to be a change.
            await self._note(lambda: self._breaker.ask_if_due(opened, every_seconds=0.0))
        return failure

    def close(self) -> None:
        """Releases the breaker's probe if this run took it and did not finish it."""
        try:
            self._breaker.leave()
        except SwitchesUnavailableError as error:
            _log.warning("switches_unavailable", cause=str(error))

    async def _note(self, note: Callable[[], Result]) -> Result | None:
        try:
            return await call_in_daemon_thread(note, seconds=_ANSWER_SECONDS + ASK_SECONDS)
        except Exception as error:  # noqa: BLE001, RUF100 - no error here may end a call in flight
            _log.warning("switches_unavailable", cause=str(error) or "The switches do not answer in time.")
            return None

    async def _check(self) -> _Wait | Failure | None:
        try:
            self._known = await call_in_daemon_thread(self._switches.read, seconds=_ANSWER_SECONDS)
            self._answers = True
        except (SwitchesUnavailableError, TimeoutError) as error:
            cause = str(error) or "The switches do not answer in time."
            if self._answers:
                _log.warning("switches_unavailable", cause=cause)
            self._answers = False
            if self._known is None:
                return _Wait(cause, _POLL_SECONDS)
            # The last known switches hold: a database that restarts means neither stop nor resume.
        found = stopped(self._known, self._key)
        if found.used_up is not None:
            said = f"the API said so at {format_moment(found.used_up.at, self._settings)}"
            return failures.quota_used_up(said, quota_message(found.used_up, self._settings))
        if found.pause is not None:
            return _Wait(f"{pause_message(found.pause, self._settings)}.", _POLL_SECONDS)
        breaker = self._breaker.find(self._known)
        if breaker is None or breaker.closed:
            return None if self._limit is None else await self._slot(self._limit)
        try:
            return await self._check_breaker(breaker)
        except (SwitchesUnavailableError, TimeoutError) as error:
            return _Wait(str(error) or "The switches do not answer in time.", _POLL_SECONDS)

    async def _check_breaker(self, found: Breaker) -> _Wait | Failure | None:
        """Returns None if a breaker admits the next call: it is closed by now, or the call probes."""
        breaker = await call_in_daemon_thread(
            lambda: self._breaker.ask_if_due(found, every_seconds=_ASK_AGAIN_SECONDS),
            seconds=_ANSWER_SECONDS + ASK_SECONDS,
        )
        now = time.time()
        if breaker is not None and breaker.state(now) is State.OPEN:
            return breaker_failure(breaker, self._settings)
        if breaker is not None and (probe := breaker.probing(now)):
            return _Wait(probe_message(breaker, probe), _POLL_SECONDS)
        if self._limit is not None and (wait := await self._slot(self._limit)):
            return wait
        if await call_in_daemon_thread(self._breaker.take_probe, seconds=_ANSWER_SECONDS):
            return None
        return _Wait("Waiting for the call that shows whether the key works again.", _POLL_SECONDS, passing=True)

    async def _slot(self, limit: RequestLimit) -> _Wait | None:
        left = self._slot_at - time.monotonic()
        if left <= 0:
            wait = await limit.take()
            if wait is None:
                return None
            self._slot_at = time.monotonic() + wait
            left = wait
        why = f"Waiting for the requests-per-minute limit: all runs together may make {limit.limit} a minute."
        return _Wait(why, min(left + random.uniform(0, _APART_SECONDS), _POLL_SECONDS), passing=True)  # noqa: S311

    def _report(self, wait: _Wait, report: Callable[[str], None], *, waited: float) -> None:
        now = time.monotonic()
        if wait.passing:
            if waited < _REPORT_AFTER_SECONDS or now - self._limit_reported_at < _REPORT_AGAIN_SECONDS:
                return
            self._limit_reported_at = now
        elif wait.why == self._reported:
            return
        else:
            self._reported = wait.why
        _log.info("asset_generation_waits", reason=wait.why)
        report(wait.why)


@contextmanager
def open_admission(
    settings: Settings, provider: Provider, *, run_id: str, reservation: BudgetReservation | None = None
) -> Iterator[Admission]:
    """Opens a run's admission for the calls of a provider, and closes what it used."""
    limit = open_limit(settings, provider)
    admission = Admission(settings, provider, open_switches(settings), limit, run_id=run_id, reservation=reservation)
    try:
        yield admission
    finally:
        admission.close()
        if limit is not None:
            limit.close()
