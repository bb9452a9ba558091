"""A run's part of the monthly budget: asked for once, before the first picture is paid for, given up at the end.

Whatever asks for pictures draws them through here, so no way leads around it.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from assetgen_dagster.budget.limits import refusal_message, remedy
from assetgen_dagster.budget.reservations import ReservationStore
from assetgen_dagster.budget.stores import open_reservations
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.liveness import RESERVATION_PATIENCE_SECONDS
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.threads import call_in_daemon_thread

_AGAIN_SECONDS = 2.0

#: The store's own time limits are shorter; this one is for a file system that hangs.
_ANSWER_SECONDS = 30.0

_log = structlog.get_logger()


class BudgetReservation:
    """One run's reservation in the monthly budget.

    Args:
        settings: The settings in force.
        key: The project; this run holds its lock.
        run_id: The run.
        page_id: Its row, if it has one.
        store: The store; by default the one that the settings name.
    """

    def __init__(
        self,
        settings: Settings,
        key: ProjectKey,
        *,
        run_id: str,
        page_id: str | None,
        store: ReservationStore | None = None,
    ) -> None:
        self._settings = settings
        self._key = key
        self._run_id = run_id
        self._page_id = page_id
        self._store = store or open_reservations(settings)
        self._taken = False

    async def take(self, pictures: int, report: Callable[[str], None]) -> Failure | None:
        """Reserves money for pictures; returns the failure if it is refused.

        Args:
            pictures: Number of pictures to draw.
            report: Called with the cause of a wait.
        """
        until = time.monotonic() + RESERVATION_PATIENCE_SECONDS
        while True:
            try:
                return await call_in_daemon_thread(lambda: self._reserve(pictures), seconds=_ANSWER_SECONDS)
            except (AssetgenError, TimeoutError) as error:
                cause = str(error) or "the reservations of other runs cannot be read in time"
                if time.monotonic() > until:
                    return failures.budget_unknown(cause)
                _log.warning("budget_unavailable", cause=cause)
                report(cause)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def give_up(self) -> None:
        """Releases the rest; if that fails, the reservation ends with the project's lock."""
        if not self._taken:
            return
        try:
            await call_in_daemon_thread(
                lambda: self._store.release(self._key, run_id=self._run_id), seconds=_ANSWER_SECONDS
            )
        except (AssetgenError, TimeoutError) as error:
            _log.warning("budget_unavailable", cause=str(error))

    def _reserve(self, pictures: int) -> Failure | None:
        refused = self._store.reserve(self._key, run_id=self._run_id, pictures=pictures, page_id=self._page_id)
        if refused is None:
            self._taken = True
            return None
        reason = refusal_message(refused, self._settings, now=self._store.now())
        _log.warning("budget_refused", reason=reason)
        return failures.over_budget(reason, remedy(refused))
