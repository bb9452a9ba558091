"""Lets a run outlive a database that goes away for seconds.

Dagster retries a refused connection for some ten seconds. A session that ends within a statement (a restart, a
failover, a terminated backend) or a file of SQLite that another program locks is an error at once: it would end the run
with the driver's words, and the scripts in flight with it. So a run repeats what it asks of its database, for a while.

A run that gives up asks nothing more, even if the database is back: it stays ``STARTED``, is reported as dead
(``sensors.run_monitor``) and retried by Dagster, as if its process had been killed.
"""

import functools
import inspect
import time
from collections.abc import Callable
from typing import Any, TypeVar

import dagster as dg
import structlog

from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.support.storage_errors import driver_error, is_passing, storage_error

Result = TypeVar("Result")

#: Longer than a failover usually takes; shorter than a call of the script may, so that what is in flight is received.
PATIENCE_SECONDS = 60.0

_AGAIN_SECONDS = 0.5

_log = structlog.get_logger()


def be_patient(instance: dg.DagsterInstance) -> None:
    """Makes an instance's storages repeat what fails because their database is away, for the rest of the process."""
    patience = _Patience(str(instance.root_directory))
    for storage in (instance.event_log_storage, instance.run_storage):
        for name, method in inspect.getmembers(type(storage), inspect.isfunction):
            if (
                name != "dispose"
                and not name.startswith("_")
                and not inspect.isgeneratorfunction(inspect.unwrap(method))
            ):
                setattr(storage, name, patience.lend(method.__get__(storage)))
    events = instance.event_log_storage
    setattr(events, "store_event", patience.lend_reporting(events, type(events).store_event.__get__(events)))  # noqa: B010 - mypy allows no assignment


class _Patience:
    """Repeats calls, and remembers that it came to its end.

    Args:
        home: The instance's folder, for the message.
    """

    def __init__(self, home: str) -> None:
        self._home = home
        self._over: AssetgenError | None = None

    def lend(self, call: Callable[..., Result]) -> Callable[..., Result]:
        """Returns ``call``, repeated while it fails because the database is away."""

        @functools.wraps(call)
        def patient(*args: Any, **kwargs: Any) -> Result:
            return self._repeat(lambda: call(*args, **kwargs))

        return patient

    def lend_reporting(
        self, storage: Any, store: Callable[[dg.EventLogEntry], None]
    ) -> Callable[[dg.EventLogEntry], None]:
        """Returns ``store_event``, repeated without storing a cost twice."""

        def reported(event: dg.EventLogEntry) -> None:
            tried = False

            def report() -> None:
                nonlocal tried
                if tried and (stored := _stored(storage, event)) is not None:
                    storage.store_asset_event(event, stored)
                    return
                tried = True
                store(event)

            self._repeat(report)

        return reported

    def _repeat(self, call: Callable[[], Result]) -> Result:
        deadline = time.monotonic() + PATIENCE_SECONDS
        failed = False
        while True:
            if self._over is not None:
                raise AssetgenError(self._over.message, code=self._over.code)
            try:
                result = call()
            except Exception as error:
                said = driver_error(error)
                if said is None or not is_passing(said):
                    raise
                if time.monotonic() > deadline:
                    self._over = storage_error(said, self._home)
                    _log.exception("dagster_database_gone")
                    raise self._over from None
                if not failed:
                    _log.warning("dagster_database_away", cause=type(said.orig).__name__)
                failed = True
                time.sleep(_AGAIN_SECONDS)
            else:
                if failed:
                    _log.info("dagster_database_back")
                return result


def _stored(storage: Any, event: dg.EventLogEntry) -> int | None:
    """Returns the id of an event that bears a cost if it was stored although storing it failed; None if not.

    Others are stored again: twice in a run's log, they mislead nobody.
    """
    inner = event.dagster_event
    if inner is None or inner.asset_key is None or not (inner.is_step_materialization or inner.is_asset_observation):
        return None
    fetch = storage.fetch_materializations if inner.is_step_materialization else storage.fetch_observations
    partitions = None if inner.partition is None else [inner.partition]
    wanted = dg.AssetRecordsFilter(asset_key=inner.asset_key, asset_partitions=partitions)
    found = ((one.storage_id, one.event_log_entry) for one in fetch(wanted, limit=10).records)
    return next((at for at, one in found if (one.run_id, one.timestamp) == (event.run_id, event.timestamp)), None)
