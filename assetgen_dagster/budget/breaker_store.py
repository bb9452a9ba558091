"""One breaker among the switches: read, changed by one process at a time, and the free question put to the API.

Everything here may block; an event loop calls it in a thread.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from assetgen_dagster.budget.breaker import (
    PROBE_MARGIN_SECONDS,
    Breaker,
    Probe,
    breaker_of,
    change_breaker,
    fingerprint,
    opened,
    opens,
    own_breaker,
    proves,
    with_probe,
)
from assetgen_dagster.budget.switches import Json, Switches
from assetgen_dagster.providers.base import Provider
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.settings import Settings

#: What the free question may take.
ASK_SECONDS = 2.0

_log = structlog.get_logger()


class BreakerStore:
    """The breaker of one provider, as one run or sensor sees it.

    Args:
        settings: The settings in force.
        provider: Asked, and paid.
        switches: Where the breaker is kept.
        run_id: The run; empty for a sensor, which calls nothing.
    """

    def __init__(self, settings: Settings, provider: Provider, switches: Switches, *, run_id: str = "") -> None:
        self._settings = settings
        self._provider = provider
        self._switches = switches
        self._run_id = run_id
        self._mark = fingerprint(provider)
        self._token = secrets.token_hex(6)
        self._probing = False
        self._proved = False
        self._left = False

    def find(self, values: Mapping[str, Json]) -> Breaker | None:
        """Returns the breaker in what was read; None where nothing is known against these settings."""
        look = own_breaker if self._proved else breaker_of
        return look(values, self._mark, now=time.time())

    def ask_if_due(self, breaker: Breaker, *, every_seconds: float) -> Breaker | None:
        """Asks the API for free if that is due and can show whether the cause is gone; returns the breaker after it.

        Raises:
            SwitchesUnavailableError: The answer cannot be noted.
        """
        now = time.time()
        if not self._provider.checkable or not breaker.may_ask(now, every_seconds=every_seconds):
            return breaker
        failure = self._provider.check(seconds=ASK_SECONDS)
        _log.info("circuit_breaker_asked", model=self._provider.model, failure=str(failure) if failure else None)

        def change(found: Breaker | None) -> Breaker | None:
            return found.answered(failure, now) if found is not None and found.same_opening(breaker) else found

        return self._change(change)

    def take_probe(self) -> bool:
        """Returns whether the caller's call may be made: as the probe, or because the breaker is closed by now.

        Raises:
            SwitchesUnavailableError: Nobody knows.
        """
        now = time.time()
        may = False
        self._probing = True  # until it is known to be another's: a caller may stop waiting for the answer

        def change(found: Breaker | None) -> Breaker | None:
            nonlocal may
            if self._left or found is None or found.closed:
                may = not self._left
                return found
            probing = with_probe(found, Probe(self._token, self._run_id, now, self._probe_seconds()))
            may = probing is not None
            return probing or found

        after = self._change(change)
        self._probing = self._is_mine(after)
        return may

    def note_success(self) -> None:
        """Closes the breaker if the call was its probe; calls made before it opened prove nothing.

        Raises:
            SwitchesUnavailableError: It cannot be noted.
        """
        self._proved = True
        self._end_probe(lambda breaker: replace(breaker, closed=True, probe=None))

    def note_failure(self, failure: Failure) -> Breaker | None:
        """Opens the breaker, or where the call was its probe, closes it or lets the next call probe.

        Returns:
            The breaker, where this failure opened it.

        Raises:
            SwitchesUnavailableError: It cannot be noted.
        """
        if proves(failure):
            self.note_success()
            return None
        if not opens(failure) and not self._probing:
            return None
        now = time.time()

        def change(found: Breaker | None) -> Breaker | None:
            probed = found is not None and self._is_mine(found)
            if opens(failure) or (found is not None and probed and found.goes_on(failure)):
                return opened(found, failure, run_id=self._run_id, now=now)
            return replace(found, probe=None) if found is not None and probed else found

        after = self._change(change)
        self._probing = False
        if after is None or (after.opened_at, after.run_id) != (now, self._run_id):
            return None
        self._proved = False
        return after

    def leave(self) -> None:
        """Lets the next call probe if the run ends without an outcome of its probe.

        Raises:
            SwitchesUnavailableError: It cannot be noted; then the probe ends with its time.
        """
        self._left = True
        self._end_probe(lambda breaker: replace(breaker, probe=None))

    def _end_probe(self, outcome: Callable[[Breaker], Breaker]) -> None:
        if self._probing:
            self._change(lambda found: outcome(found) if found is not None and self._is_mine(found) else found)
            self._probing = False

    def _is_mine(self, breaker: Breaker | None) -> bool:
        return breaker is not None and breaker.probe is not None and breaker.probe.token == self._token

    def _change(self, change: Callable[[Breaker | None], Breaker | None]) -> Breaker | None:
        after: Breaker | None = None

        def noted(found: Breaker | None) -> Breaker | None:
            nonlocal after
            after = change(found)
            return after

        self._switches.change(lambda values: change_breaker(values, self._mark, noted, now=time.time()))
        return after

    def _probe_seconds(self) -> float:
        return max(self._settings.image_timeout_seconds, self._settings.story_timeout_seconds) + PROBE_MARGIN_SECONDS
