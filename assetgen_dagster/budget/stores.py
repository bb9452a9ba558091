"""Opens the shared stores: in PostgreSQL if that is set, else in files of the workspace."""

import time
from collections.abc import Callable

from assetgen_dagster.budget.breaker import Breaker, State, fingerprint, own_breaker
from assetgen_dagster.budget.breaker_store import BreakerStore
from assetgen_dagster.budget.rate_limit import RequestLimit, in_file
from assetgen_dagster.budget.reservations import ReservationStore
from assetgen_dagster.budget.switches import FileSwitches, Stopped, Switches, account_fingerprint, stopped
from assetgen_dagster.providers.base import Provider
from assetgen_dagster.providers.registry import providers_in_use
from assetgen_dagster.settings import Settings

_UNKNOWN = "what runs at work may still spend"


def open_switches(settings: Settings) -> Switches:
    """Returns the switches that these settings share with all others; nothing is read yet."""
    if settings.database is None:
        return FileSwitches(settings.workspace)
    from assetgen_dagster.budget.postgres import PostgresSwitches  # noqa: PLC0415 - loads the driver only if used

    return PostgresSwitches(settings.database)


def open_reservations(settings: Settings, *, now: Callable[[], float] = time.time) -> ReservationStore:
    """Returns the reservations that these settings share with all others; nothing is read yet."""
    if settings.database is None:
        return ReservationStore(settings, FileSwitches(settings.workspace, "budget", _UNKNOWN), now=now)
    from assetgen_dagster.budget.postgres import PostgresSwitches  # noqa: PLC0415

    return ReservationStore(settings, PostgresSwitches(settings.database, "assetgen_budget", _UNKNOWN), now=now)


def open_limit(settings: Settings, provider: Provider) -> RequestLimit | None:
    """Returns the requests a minute of a provider's account; None where no such limit is set."""
    if settings.requests_per_minute is None:
        return None
    key = account_fingerprint(provider)
    if settings.database is None:
        return RequestLimit(in_file(settings.workspace, key), limit=settings.requests_per_minute)
    from assetgen_dagster.budget.postgres import in_postgres  # noqa: PLC0415

    return RequestLimit(in_postgres(settings.database, key), limit=settings.requests_per_minute)


def stopped_now(settings: Settings) -> Stopped:
    """Returns what holds the paying up at this moment, with whatever key: the one that is not may be a run's.

    Raises:
        SwitchesUnavailableError: Nobody knows.
    """
    return stopped(open_switches(settings).read(), None)


def broken_now(settings: Settings) -> Breaker | None:
    """Returns the breaker that these settings have opened, if one is not closed; asks nobody.

    Raises:
        SwitchesUnavailableError: Nobody knows.
    """
    values = open_switches(settings).read()
    found = (own_breaker(values, fingerprint(provider), now=time.time()) for provider in providers_in_use(settings))
    return next((breaker for breaker in found if breaker is not None and not breaker.closed), None)


def breaker_now(settings: Settings, *, ask_every_seconds: float) -> Breaker | None:
    """Returns the breaker that would hold a run with these settings back, after asking the API where that may help.

    Args:
        settings: The settings in force.
        ask_every_seconds: How often the API is asked.

    Raises:
        SwitchesUnavailableError: Nobody knows.
    """
    switches = open_switches(settings)
    last: Breaker | None = None
    for provider in providers_in_use(settings):
        store = BreakerStore(settings, provider, switches)
        breaker = store.find(switches.read())
        if breaker is not None:
            breaker = store.ask_if_due(breaker, every_seconds=ask_every_seconds)
        if breaker is None or breaker.closed:
            continue
        if breaker.state(time.time()) is State.OPEN:
            return breaker
        last = breaker
    return last
